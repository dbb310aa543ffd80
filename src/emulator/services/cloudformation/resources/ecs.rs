//! `AWS::ECS::Cluster`, `AWS::ECS::ClusterCapacityProviderAssociations` and `AWS::ECS::TaskDefinition`.

use serde_json::{Map, Value, json};

use super::schema::{Property, Shape, TAGS, TEXT_LIST, property};
use super::tags::{Tagging, UNTAG_AND_TAG};
use super::{Failure, Made, Request, provider};

const STRATEGY: Shape = Shape::List(&Shape::Object(&[
    property("Base", Shape::Integer),
    property("CapacityProvider", Shape::Text),
    property("Weight", Shape::Integer),
]));

const NAME_AND_VALUE: Shape =
    Shape::List(&Shape::Object(&[property("Name", Shape::Text), property("Value", Shape::Text)]));

const CLUSTER: &[Property] = &[
    property("CapacityProviders", TEXT_LIST),
    property("ClusterName", Shape::Text).replaces(),
    property("ClusterSettings", NAME_AND_VALUE),
    property("Configuration", Shape::Document),
    property("DefaultCapacityProviderStrategy", STRATEGY),
    property("Tags", TAGS),
];

const TAGGING: Tagging =
    Tagging { service: "ecs", operations: UNTAG_AND_TAG, members: ["resourceArn", "tagKeys", "tags"] };

provider!(Cluster, "AWS::ECS::Cluster", CLUSTER, Some("ClusterName"), create_cluster, update_cluster, delete_cluster);

/// Names of a map that are the user's own: they are not spelled anew.
const MAPS: [&str; 3] = ["Options", "DockerLabels", "DriverOpts"];

/// A property as the API spells it: members begin with a small letter.
fn respelled(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let respell = |(name, value): (&String, &Value)| {
                let value = if MAPS.contains(&name.as_str()) { value.clone() } else { respelled(value) };
                (small(name), value)
            };
            Value::Object(members.iter().map(respell).collect())
        }
        Value::Array(entries) => entries.iter().map(respelled).collect(),
        other => other.clone(),
    }
}

fn small(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

async fn create_cluster(request: Request<'_>) -> Result<Made, Failure> {
    let name = request.name("ClusterName", 255);
    let mut input = json!({ "clusterName": name, "tags": request.camel_case_tag_list() });
    for (property, member) in [
        ("CapacityProviders", "capacityProviders"),
        ("ClusterSettings", "settings"),
        ("Configuration", "configuration"),
        ("DefaultCapacityProviderStrategy", "defaultCapacityProviderStrategy"),
    ] {
        if let Some(value) = request.properties.get(property) {
            input[member] = respelled(value);
        }
    }
    let created = request.call("ecs", "CreateCluster", input).await?;
    Ok(Made::new(name).with("Arn", created["cluster"]["clusterArn"].clone()))
}

async fn update_cluster(request: Request<'_>, name: &str, before: &Value) -> Result<Made, Failure> {
    let mut input = json!({ "cluster": name });
    for (property, member) in [("ClusterSettings", "settings"), ("Configuration", "configuration")] {
        if let Some(value) = request.properties.get(property) {
            input[member] = respelled(value);
        }
    }
    let updated = request.call("ecs", "UpdateCluster", input).await?;
    let arn = &updated["cluster"]["clusterArn"];
    let providers = ["CapacityProviders", "DefaultCapacityProviderStrategy"];
    if providers.iter().any(|one| before.get(one) != request.properties.get(one)) {
        put_providers(request, name).await?;
    }
    request.retag(&TAGGING, arn.clone(), request.camel_case_tag_list(), before).await?;
    Ok(Made::new(name).with("Arn", arn.clone()))
}

async fn delete_cluster(request: Request<'_>, name: &str) -> Result<(), Failure> {
    request.call("ecs", "DeleteCluster", json!({ "cluster": name })).await.map(drop)
}

const ASSOCIATIONS: &[Property] = &[
    property("CapacityProviders", TEXT_LIST),
    property("Cluster", Shape::Text).required().replaces(),
    property("DefaultCapacityProviderStrategy", STRATEGY).required(),
];

provider!(
    CapacityProviders,
    "AWS::ECS::ClusterCapacityProviderAssociations",
    ASSOCIATIONS,
    None,
    associate,
    reassociate,
    disassociate
);

async fn put_providers(request: Request<'_>, cluster: &str) -> Result<(), Failure> {
    let list = |property: &str| request.properties.get(property).map_or_else(|| json!([]), respelled);
    let input = json!({
        "cluster": cluster, "capacityProviders": list("CapacityProviders"),
        "defaultCapacityProviderStrategy": list("DefaultCapacityProviderStrategy"),
    });
    request.call("ecs", "PutClusterCapacityProviders", input).await.map(drop)
}

async fn associate(request: Request<'_>) -> Result<Made, Failure> {
    put_providers(request, request.text("Cluster")).await?;
    Ok(Made::new(request.text("Cluster")))
}

async fn reassociate(request: Request<'_>, cluster: &str, _: &Value) -> Result<Made, Failure> {
    put_providers(request, cluster).await?;
    Ok(Made::new(cluster))
}

async fn disassociate(request: Request<'_>, cluster: &str) -> Result<(), Failure> {
    let input = json!({ "cluster": cluster, "capacityProviders": [], "defaultCapacityProviderStrategy": [] });
    request.call("ecs", "PutClusterCapacityProviders", input).await.map(drop)
}

const LOGGING: Shape = Shape::Object(&[
    property("LogDriver", Shape::Text).required(),
    property("Options", Shape::Texts),
    property(
        "SecretOptions",
        Shape::List(&Shape::Object(&[
            property("Name", Shape::Text).required(),
            property("ValueFrom", Shape::Text).required(),
        ])),
    ),
]);

const CONTAINERS: Shape = Shape::List(&Shape::Object(&[
    property("Command", TEXT_LIST),
    property("Cpu", Shape::Integer),
    property("DependsOn", Shape::List(&Shape::Document)),
    property("DisableNetworking", Shape::Flag),
    property("DnsServers", TEXT_LIST),
    property("DockerLabels", Shape::Texts),
    property("EntryPoint", TEXT_LIST),
    property("Environment", NAME_AND_VALUE),
    property("EnvironmentFiles", Shape::List(&Shape::Document)),
    property("Essential", Shape::Flag),
    property("HealthCheck", Shape::Document),
    property("Hostname", Shape::Text),
    property("Image", Shape::Text).required(),
    property("Interactive", Shape::Flag),
    property("LinuxParameters", Shape::Document),
    property("LogConfiguration", LOGGING),
    property("Memory", Shape::Integer),
    property("MemoryReservation", Shape::Integer),
    property("MountPoints", Shape::List(&Shape::Document)),
    property("Name", Shape::Text).required(),
    property("PortMappings", Shape::List(&Shape::Document)),
    property("Privileged", Shape::Flag),
    property("PseudoTerminal", Shape::Flag),
    property("ReadonlyRootFilesystem", Shape::Flag),
    property(
        "Secrets",
        Shape::List(&Shape::Object(&[
            property("Name", Shape::Text).required(),
            property("ValueFrom", Shape::Text).required(),
        ])),
    ),
    property("StartTimeout", Shape::Integer),
    property("StopTimeout", Shape::Integer),
    property("Ulimits", Shape::List(&Shape::Document)),
    property("User", Shape::Text),
    property("VolumesFrom", Shape::List(&Shape::Document)),
    property("WorkingDirectory", Shape::Text),
]));

const DEFINITION: &[Property] = &[
    property("ContainerDefinitions", CONTAINERS).replaces(),
    property("Cpu", Shape::Text).replaces(),
    property("EphemeralStorage", Shape::Object(&[property("SizeInGiB", Shape::Integer)])).replaces(),
    property("ExecutionRoleArn", Shape::Text).replaces(),
    property("Family", Shape::Text).replaces(),
    property("Memory", Shape::Text).replaces(),
    property("NetworkMode", Shape::Text).replaces(),
    property("PlacementConstraints", Shape::List(&Shape::Document)).replaces(),
    property("RequiresCompatibilities", TEXT_LIST).replaces(),
    property(
        "RuntimePlatform",
        Shape::Object(&[property("CpuArchitecture", Shape::Text), property("OperatingSystemFamily", Shape::Text)]),
    )
    .replaces(),
    property("Tags", TAGS),
    property("TaskRoleArn", Shape::Text).replaces(),
    property("Volumes", Shape::List(&Shape::Document)).replaces(),
];

provider!(
    TaskDefinition,
    "AWS::ECS::TaskDefinition",
    DEFINITION,
    None,
    create_definition,
    update_definition,
    delete_definition
);

async fn create_definition(request: Request<'_>) -> Result<Made, Failure> {
    let mut input: Map<String, Value> = Map::new();
    for (name, value) in request.properties.as_object().into_iter().flatten().filter(|(name, _)| *name != "Tags") {
        input.insert(small(name), respelled(value));
    }
    // AWS names the family after stack and resource, without the dash in between.
    let family = match request.text("Family") {
        "" => {
            let random = request.fabric.token(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 12);
            format!("{}{}{random}", request.stack_name.replace('-', ""), request.logical_id)
        }
        family => family.to_owned(),
    };
    input.insert("family".to_owned(), Value::from(family));
    input.insert("tags".to_owned(), request.camel_case_tag_list());
    let registered = request.call("ecs", "RegisterTaskDefinition", input).await?;
    let arn = registered["taskDefinition"]["taskDefinitionArn"].as_str().unwrap_or_default();
    Ok(Made::new(arn).with("TaskDefinitionArn", arn))
}

async fn update_definition(request: Request<'_>, arn: &str, before: &Value) -> Result<Made, Failure> {
    request.retag(&TAGGING, arn, request.camel_case_tag_list(), before).await?;
    Ok(Made::new(arn).with("TaskDefinitionArn", arn))
}

async fn delete_definition(request: Request<'_>, arn: &str) -> Result<(), Failure> {
    request.call("ecs", "DeregisterTaskDefinition", json!({ "taskDefinition": arn })).await.map(drop)
}
