//! Amazon ECS, ECR and EC2 over a restart.

use serde_json::{Value, json};

use super::{Life, call};
use crate::support::wait_for;

#[tokio::test]
async fn clusters_networks_and_repositories_are_there_again_and_tasks_have_stopped() {
    let life = Life::begin().await;
    call(&life, "ecs", "CreateCluster", json!({"clusterName": "c"})).await;
    let container = json!({"name": "main", "image": "sleeper", "command": ["60"], "essential": true});
    let definition = json!({
        "family": "f", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [container],
    });
    call(&life, "ecs", "RegisterTaskDefinition", definition).await;
    call(&life, "ecr", "CreateRepository", json!({"repositoryName": "r"})).await;
    let input = json!({"repositoryName": "r", "imageTagMutability": "IMMUTABLE"});
    call(&life, "ecr", "PutImageTagMutability", input).await;
    call(&life, "ec2", "CreateVpc", json!({"CidrBlock": "10.7.0.0/16"})).await;
    let subnets = call(&life, "ec2", "DescribeSubnets", json!({})).await;
    let subnet = subnets["Subnets"][0]["SubnetId"].clone();
    let run = json!({
        "cluster": "c", "taskDefinition": "f", "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": [subnet]}},
    });
    let task = call(&life, "ecs", "RunTask", run).await["tasks"][0]["taskArn"].take();
    let told = async |life: &Life| -> Vec<Value> {
        vec![
            call(life, "ecs", "DescribeClusters", json!({"clusters": ["c"]})).await["clusters"][0]["clusterArn"].take(),
            call(life, "ecs", "DescribeTaskDefinition", json!({"taskDefinition": "f"})).await,
            call(life, "ecr", "DescribeRepositories", json!({})).await,
            call(life, "ec2", "DescribeVpcs", json!({})).await,
            call(life, "ec2", "DescribeRouteTables", json!({})).await,
            call(life, "ec2", "DescribeSubnets", json!({})).await["Subnets"][1].take(),
        ]
    };
    let before = told(&life).await;

    let life = life.killed().await;
    assert_eq!(told(&life).await, before);
    let input = json!({"cluster": "c", "tasks": [task]});
    let stopped = wait_for("the task", async || {
        let described = call(&life, "ecs", "DescribeTasks", input.clone()).await;
        (described["tasks"][0]["lastStatus"] == "STOPPED").then(|| described["tasks"][0].clone())
    })
    .await;
    assert!(stopped["stoppedReason"].as_str().is_some_and(|reason| !reason.is_empty()), "{stopped}");
}
