//! From the resources of an archiving stack to what is watched of it, whether the stack is ours or the original's, whose
//! logical IDs carry the CDK's hashes and whose places stand in the task's environment only.

use serde_json::Value;

use crate::aws::Problem;
use crate::deploy::{Resource, Resources, Stack};
use crate::model::{LogRole, StackKind};
use crate::observe::{LiveTail, Prefix, Watched};

use crate::cli::session::Session;

const MACHINE: &str = "AWS::StepFunctions::StateMachine";
const TASK: &str = "AWS::ECS::TaskDefinition";
const SCHEDULE: &str = "AWS::Scheduler::Schedule";
const GROUP: &str = "AWS::Scheduler::ScheduleGroup";
const LOGS: &str = "AWS::Logs::LogGroup";
/// The variables of the task that say where its archives go and where inventories come from.
const PLACES: [&str; 2] = ["DEST_BUCKET_S3TAR_PREFIX", "DEST_BUCKET_INVENTORY_PREFIX"];
/// The outputs of our template that say the same, and the parameters where they are given.
const NAMED: [&str; 2] = ["destBucketS3TarPrefix", "destBucketInventoryPrefix"];

/// Whether a stack archives: it runs a task of ECS out of a state machine.
pub fn is_archiving(resources: &Resources) -> bool {
    [MACHINE, TASK].into_iter().all(|kind| resources.of_type(kind).next().is_some())
}

/// What is watched of an archiving stack.
///
/// # Errors
/// When the template has to be asked for and is not given.
pub async fn watched(
    session: &Session,
    stack: &Stack,
    resources: &Resources,
    live_tail: LiveTail,
) -> Result<Watched, Problem> {
    let mut places =
        NAMED.map(|name| [stack.output(name), stack.parameter(name)].into_iter().flatten().find_map(Prefix::read));
    if places.iter().any(Option::is_none) {
        let environment = environment(&template(session, stack).await?, stack);
        for (place, name) in places.iter_mut().zip(PLACES) {
            let value = environment.iter().find(|(known, _)| known == name).map(|(_, value)| value);
            *place = place.take().or_else(|| value.and_then(|value| Prefix::read(value)));
        }
    }
    let [archives, inventories] = places;
    Ok(Watched {
        kind: StackKind::S3Tar,
        stack: Some(stack.seen.name.clone()),
        log_groups: log_groups(resources),
        machine: machine(resources).and_then(|machine| machine.physical_id.clone()),
        schedule: schedule(resources),
        archives,
        inventories,
        live_tail,
        ..Watched::default()
    })
}

fn machine(resources: &Resources) -> Option<&Resource> {
    resources.find(MACHINE, "s3tar").or_else(|| resources.of_type(MACHINE).next())
}

/// Group and name of the schedule; some endpoints give an ARN for either.
fn schedule(resources: &Resources) -> Option<(Option<String>, String)> {
    let last = |id: &str| id.rsplit(['/', '|']).next().unwrap_or(id).to_owned();
    let named = |kind| {
        let found = resources.find(kind, "s3tar").or_else(|| resources.of_type(kind).next());
        found.and_then(|resource| resource.physical_id.as_deref()).map(last)
    };
    Some((named(GROUP), named(SCHEDULE)?))
}

/// The log groups by what their logical IDs begin with or name: ours `taskLogGroup` and `functionLogGroup`, the CDK's
/// after the construct that they belong to.
fn log_groups(resources: &Resources) -> Vec<(LogRole, String)> {
    let role_of = |logical_id: &str| {
        let id = logical_id.to_ascii_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| id.contains(word));
        if has(&["statemachine"]) {
            LogRole::StateMachine
        } else if has(&["function", "lambda", "errorhandler"]) {
            LogRole::ErrorHandler
        } else {
            LogRole::Task
        }
    };
    let mut groups: Vec<(LogRole, String)> = Vec::new();
    for group in resources.of_type(LOGS) {
        let role = role_of(&group.logical_id);
        if let Some(name) = &group.physical_id
            && groups.iter().all(|(known, _)| *known != role)
        {
            groups.push((role, name.clone()));
        }
    }
    groups.sort_by_key(|(role, _)| *role);
    groups
}

async fn template(session: &Session, stack: &Stack) -> Result<Value, Problem> {
    let request = session.clients.cloudformation.get_template().stack_name(&stack.id);
    let answer = request.send().await.map_err(|error| Problem::of("cloudformation GetTemplate", &error))?;
    // The CDK writes JSON; a template in YAML that has other parameters than ours is nobody's.
    Ok(answer.template_body.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
}

/// The variables of every container of the stack's tasks, as far as they are texts or parameters.
fn environment(template: &Value, stack: &Stack) -> Vec<(String, String)> {
    let resources = template["Resources"].as_object().into_iter().flatten();
    let tasks = resources.filter(|(_, resource)| resource["Type"] == TASK);
    let containers = tasks.filter_map(|(_, task)| task["Properties"]["ContainerDefinitions"].as_array()).flatten();
    let variables = containers.filter_map(|container| container["Environment"].as_array()).flatten();
    variables
        .filter_map(|variable| {
            let value = match &variable["Value"] {
                Value::String(text) => text.clone(),
                other => stack.parameter(other["Ref"].as_str()?)?.to_owned(),
            };
            Some((variable["Name"].as_str()?.to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::deploy::S3TAR;
    use crate::model::{StackSeen, Timestamp};

    fn resources(of: &[(&str, &str)]) -> Resources {
        let resource = |(kind, logical): &(&str, &str)| Resource {
            logical_id: (*logical).to_owned(),
            physical_id: Some(format!("physical-{logical}")),
            resource_type: format!("AWS::{kind}"),
            status: "CREATE_COMPLETE".to_owned(),
        };
        Resources::from(of.iter().map(resource).collect::<Vec<_>>())
    }

    fn stack(parameters: &[(&str, &str)]) -> Stack {
        let parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        let seen = StackSeen { parameters, ..StackSeen::gone("s") };
        Stack {
            id: "s".to_owned(),
            seen,
            status: "CREATE_COMPLETE".to_owned(),
            changed: Timestamp::default(),
            is_tagged: false,
            is_protected: false,
        }
    }

    /// Types and logical IDs of our template.
    fn ours() -> Vec<(String, String)> {
        let (mut id, mut found) = (String::new(), Vec::new());
        for line in S3TAR.text.split_once("\nResources:\n").expect("resources").1.lines() {
            if let Some(logical) = line.strip_prefix("  ").filter(|rest| !rest.starts_with([' ', '#'])) {
                logical.trim_end_matches(':').clone_into(&mut id);
            } else if let Some(kind) = line.strip_prefix("    Type: AWS::") {
                found.push((kind.to_owned(), id.clone()));
            }
        }
        found
    }

    #[test]
    fn our_stack_is_known_by_its_resources() {
        let ours = ours();
        let of: Vec<(&str, &str)> = ours.iter().map(|(kind, id)| (kind.as_str(), id.as_str())).collect();
        let resources = resources(&of);
        assert!(is_archiving(&resources));
        let groups = log_groups(&resources);
        let groups: Vec<(LogRole, &str)> = groups.iter().map(|(role, name)| (*role, name.as_str())).collect();
        assert_eq!(
            groups,
            [
                (LogRole::Task, "physical-taskLogGroup"),
                (LogRole::ErrorHandler, "physical-functionLogGroup"),
                (LogRole::StateMachine, "physical-s3tarStateMachineLogGroup"),
            ]
        );
        let (group, name) = schedule(&resources).expect("a schedule");
        assert_eq!((group.as_deref(), name.as_str()), (Some("physical-s3tarScheduleGroup"), "physical-s3tarSchedule"));
        assert_eq!(machine(&resources).map(|found| found.logical_id.as_str()), Some("s3tarStateMachine"));
    }

    #[test]
    fn a_stack_of_the_cdk_is_known_by_its_types_and_its_tasks_environment() {
        let resources = resources(&[
            ("ECS::Cluster", "s3tarECSCluster7D1F9A40"),
            ("ECS::TaskDefinition", "s3tarTaskDefinition4C0B65D1"),
            ("Logs::LogGroup", "s3tarTaskDefinitions3tarContainerLogGroup0C6F2D27"),
            ("Logs::LogGroup", "s3tarStateMachineLogGroup90B1A1C5"),
            ("StepFunctions::StateMachine", "s3tarStateMachine11A3E0F2"),
            ("Scheduler::Schedule", "s3tarSchedule"),
            ("SNS::Topic", "s3tarNotificationTopicF00D11AA"),
        ]);
        assert!(is_archiving(&resources));
        let roles: Vec<LogRole> = log_groups(&resources).into_iter().map(|(role, _)| role).collect();
        assert_eq!(roles, [LogRole::Task, LogRole::StateMachine]);
        assert_eq!(schedule(&resources), Some((None, "physical-s3tarSchedule".to_owned())));
        let template = json!({"Resources": {
            "other": {"Type": "AWS::ECS::Cluster"},
            "s3tarTaskDefinition4C0B65D1": {"Type": TASK, "Properties": {"ContainerDefinitions": [{"Environment": [
                {"Name": "DEST_BUCKET_S3TAR_PREFIX", "Value": "dest/s3tar"},
                {"Name": "DEST_BUCKET_INVENTORY_PREFIX", "Value": {"Ref": "inventories"}},
                {"Name": "UNKNOWN", "Value": {"Fn::GetAtt": ["a", "b"]}},
            ]}]}},
        }});
        let found = environment(&template, &stack(&[("inventories", "dest/i/")]));
        let found: Vec<(&str, &str)> = found.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(found, [(PLACES[0], "dest/s3tar"), (PLACES[1], "dest/i/")]);
        assert!(environment(&Value::Null, &stack(&[])).is_empty());
    }

    #[test]
    fn other_stacks_do_not_archive() {
        assert!(!is_archiving(&resources(&[("StepFunctions::StateMachine", "reconcileStateMachine")])));
        assert!(!is_archiving(&resources(&[("ECS::TaskDefinition", "t")])));
    }
}
