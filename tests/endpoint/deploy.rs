//! Stacks through change sets, as `vaultscope` deploys them: nothing is lost, nothing of somebody else's is touched, and
//! a preview leaves no trace.

use std::path::Path;

use aws_sdk_cloudformation::types::{Capability, Tag};
use aws_sdk_s3::primitives::ByteStream;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vaultscope::aws::{Access, Account, CHECK_LIMIT, Clients, Target, identify};
use vaultscope::deploy::{
    Artefact, BOOTSTRAP, ChangeSet, DeployError, Destroyed, Foreign, Plan, Prepared, Sink, Stack, Store, Template, all,
    deploy, describe, destroy, discard, execute, prepare,
};
use vaultscope::emulator::{Emulator, EmulatorConfig};
use vaultscope::model::{FlowEvent, Seen};

const QUEUE: &str = "
Parameters:
  Seconds: {Type: Number, Default: 30}
Resources:
  Jobs: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: !Ref Seconds}}
";

struct Endpoint {
    emulator: Emulator,
    clients: Clients,
    account: Account,
    out: Sink,
    seen: mpsc::Receiver<FlowEvent>,
    cancel: CancellationToken,
}

impl Endpoint {
    async fn new() -> Self {
        let emulator = Emulator::start(EmulatorConfig::default()).await.expect("the endpoint starts on a free port");
        let clients = Clients::connect(Target::Embedded, Access::Write, &emulator.url()).await;
        let account = identify(&clients, CHECK_LIMIT).await.expect("an account");
        let (out, seen) = mpsc::channel(4_096);
        Self { emulator, clients, account, out, seen, cancel: CancellationToken::new() }
    }

    async fn prepare(&self, plan: &Plan) -> Result<Prepared, DeployError> {
        prepare(&self.clients, plan, &self.out, &self.cancel).await
    }

    async fn changes(&self, plan: &Plan) -> ChangeSet {
        match self.prepare(plan).await.expect("a change set") {
            Prepared::Changes(changes) => changes,
            Prepared::Unchanged(stack) => panic!("{stack:?} would not change"),
        }
    }

    async fn deploy(&self, plan: &Plan) -> Result<Stack, DeployError> {
        deploy(&self.clients, plan, &self.out, &self.cancel).await
    }

    async fn destroy(&self, name: &str, foreign: Foreign) -> Result<Destroyed, DeployError> {
        destroy(&self.clients, name, foreign, &self.out, &self.cancel).await
    }

    /// A stack that somebody else makes, with a tag or without.
    async fn others(&self, name: &str, template: &str, tag: Option<(&str, &str)>) {
        let tags = tag.map(|(key, value)| vec![Tag::builder().key(key).value(value).build()]);
        let request = self.clients.cloudformation.create_stack().stack_name(name).template_body(template);
        request.set_tags(tags).capabilities(Capability::CapabilityIam).send().await.expect("accepted");
        self.settled(name, "CREATE_COMPLETE").await;
    }

    async fn settled(&self, name: &str, status: &str) {
        let settled = async {
            while self.status(name).await.as_deref() != Some(status) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), settled).await.expect("the stack settles");
    }

    async fn status(&self, name: &str) -> Option<String> {
        describe(&self.clients, name).await.expect("an answer").map(|stack| stack.status)
    }

    async fn change_sets(&self, stack: &str) -> usize {
        let listed = self.clients.cloudformation.list_change_sets().stack_name(stack).send().await.expect("a list");
        listed.summaries().len()
    }

    async fn put(&self, bucket: &str, key: &str) {
        let body = ByteStream::from_static(b"x");
        self.clients.s3.put_object().bucket(bucket).key(key).body(body).send().await.expect("stored");
    }

    async fn tags(&self, bucket: &str, key: &str) -> Vec<String> {
        let tags = self.clients.s3.get_object_tagging().bucket(bucket).key(key).send().await.expect("tags");
        tags.tag_set().iter().map(|tag| format!("{}={}", tag.key(), tag.value())).collect()
    }

    fn rows(&mut self) -> Vec<String> {
        let mut rows = Vec::new();
        while let Ok(event) = self.seen.try_recv() {
            if let Seen::StackEvent(event) = event.what {
                rows.push(format!("{} {}", event.logical_id, event.status));
            }
        }
        rows
    }

    async fn end(self) {
        self.emulator.shutdown().await;
    }
}

fn plan(stack: &str, template: &str, parameters: &[(&str, &str)]) -> Plan {
    let parameters = parameters.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Plan { stack: stack.to_owned(), template: Template::read(template).expect("a template"), parameters }
}

fn artefact(of: &str) -> Artefact {
    let executable = std::env::current_exe().expect("a path");
    Artefact::of_running(Path::new(&executable), Some(of)).expect("an artefact")
}

#[tokio::test]
async fn a_preview_of_a_new_stack_leaves_nothing_behind() {
    let endpoint = Endpoint::new().await;
    let changes = endpoint.changes(&plan("new", QUEUE, &[])).await;
    let preview = changes.preview();
    assert!(preview.is_new);
    assert_eq!((preview.changes[0].action.as_str(), preview.changes[0].logical_id.as_str()), ("Add", "Jobs"));
    assert_eq!(endpoint.status("new").await.as_deref(), Some("REVIEW_IN_PROGRESS"));
    discard(&endpoint.clients, &changes).await.expect("taken back");
    assert_eq!(endpoint.status("new").await, None);
    discard(&endpoint.clients, &changes).await.expect("taken back twice");
    endpoint.end().await;
}

#[tokio::test]
async fn the_shell_of_a_new_stack_stays_while_somebody_else_has_a_change_set_for_it() {
    let endpoint = Endpoint::new().await;
    let changes = endpoint.changes(&plan("new", QUEUE, &[])).await;
    let other = endpoint.changes(&plan("new", QUEUE, &[("Seconds", "7")])).await;
    discard(&endpoint.clients, &changes).await.expect("taken back");
    assert_eq!(endpoint.change_sets("new").await, 1);
    let stack = execute(&endpoint.clients, &other, &endpoint.out, &endpoint.cancel).await.expect("made");
    assert_eq!(stack.status, "CREATE_COMPLETE");
    endpoint.end().await;
}

#[tokio::test]
async fn a_preview_of_a_change_leaves_the_stack_as_it_was() {
    let endpoint = Endpoint::new().await;
    endpoint.deploy(&plan("pipe", QUEUE, &[])).await.expect("made");
    let changes = endpoint.changes(&plan("pipe", QUEUE, &[("Seconds", "60")])).await;
    assert!(!changes.preview().is_new);
    assert_eq!(changes.losses(), Vec::<String>::new());
    discard(&endpoint.clients, &changes).await.expect("taken back");
    assert_eq!(endpoint.status("pipe").await.as_deref(), Some("CREATE_COMPLETE"));
    // Only the executed one may be listed.
    assert!(endpoint.change_sets("pipe").await <= 1);
    endpoint.end().await;
}

#[tokio::test]
async fn a_deployment_that_changes_nothing_keeps_what_was_chosen_before() {
    let endpoint = Endpoint::new().await;
    endpoint.deploy(&plan("pipe", QUEUE, &[("Seconds", "60")])).await.expect("made");
    match endpoint.prepare(&plan("pipe", QUEUE, &[])).await.expect("an answer") {
        Prepared::Unchanged(stack) => assert_eq!(stack.parameter("Seconds"), Some("60")),
        Prepared::Changes(changes) => panic!("{changes:?}"),
    }
    let updated = endpoint.deploy(&plan("pipe", QUEUE, &[("Seconds", "90")])).await.expect("changed");
    assert_eq!((updated.status.as_str(), updated.parameter("Seconds")), ("UPDATE_COMPLETE", Some("90")));
    endpoint.end().await;
}

#[tokio::test]
async fn a_bucket_that_would_go_is_named_and_one_that_is_retained_is_not() {
    let endpoint = Endpoint::new().await;
    let both = format!(
        "{QUEUE}  old: {{Type: AWS::S3::Bucket}}\n  kept: {{Type: AWS::S3::Bucket, DeletionPolicy: Retain}}\n  named: {{Type: AWS::S3::Bucket, Properties: {{BucketName: deploy-one}}}}\n"
    );
    endpoint.deploy(&plan("pipe", &both, &[])).await.expect("made");
    let fewer = format!("{QUEUE}  named: {{Type: AWS::S3::Bucket, Properties: {{BucketName: deploy-two}}}}\n");
    let changes = endpoint.changes(&plan("pipe", &fewer, &[])).await;
    assert_eq!(changes.losses(), ["named (AWS::S3::Bucket, replaced)", "old (AWS::S3::Bucket, removed)"]);
    endpoint.end().await;
}

#[tokio::test]
async fn a_failure_is_told_with_its_first_cause_in_a_creation_and_in_a_change() {
    let mut endpoint = Endpoint::new().await;
    let broken = format!(
        "{QUEUE}  Bad: {{Type: AWS::SSM::Parameter, DependsOn: Jobs, Properties: {{Name: aws, Type: String, Value: x}}}}\n"
    );
    let cause = |error: DeployError| match error {
        DeployError::Ended { status, cause, .. } => (status, cause),
        other => panic!("{other:?}"),
    };
    let (status, said) = cause(endpoint.deploy(&plan("pipe", &broken, &[])).await.expect_err("it cannot be made"));
    assert_eq!(status, "ROLLBACK_COMPLETE");
    assert!(said.starts_with("Bad (AWS::SSM::Parameter) CREATE_FAILED: "), "{said}");
    let rows = endpoint.rows();
    assert!(rows.contains(&"Jobs DELETE_COMPLETE".to_owned()), "the rollback is shown: {rows:?}");
    // What the rollback left is no obstacle.
    let made = endpoint.deploy(&plan("pipe", QUEUE, &[])).await.expect("made");
    assert_eq!(made.status, "CREATE_COMPLETE");
    let (status, said) = cause(endpoint.deploy(&plan("pipe", &broken, &[])).await.expect_err("it cannot be changed"));
    assert_eq!(status, "UPDATE_ROLLBACK_COMPLETE");
    assert!(said.starts_with("Bad (AWS::SSM::Parameter) CREATE_FAILED: "), "{said}");
    endpoint.end().await;
}

#[tokio::test]
async fn what_others_made_is_neither_changed_nor_deleted() {
    let endpoint = Endpoint::new().await;
    endpoint.others("theirs", "Resources: {b: {Type: AWS::S3::Bucket}}\nOutputs: {b: {Value: !Ref b}}\n", None).await;
    let bucket = describe(&endpoint.clients, "theirs").await.expect("an answer").expect("a stack");
    let bucket = bucket.output("b").expect("a name").to_owned();
    endpoint.put(&bucket, "precious").await;
    let refused = endpoint.deploy(&plan("theirs", QUEUE, &[])).await.expect_err("refused");
    assert!(matches!(refused, DeployError::Foreign { deed: "change", .. }), "{refused:?}");
    let refused = endpoint.destroy("theirs", Foreign::Refused).await.expect_err("refused");
    assert!(refused.to_string().contains("--foreign theirs"), "{refused}");
    endpoint.clients.s3.head_object().bucket(&bucket).key("precious").send().await.expect("it is there still");
    let removed = endpoint.destroy("theirs", Foreign::Agreed).await.expect("deleted");
    assert_eq!(removed, Destroyed { existed: true, objects: 1 });
    endpoint.end().await;
}

#[tokio::test]
async fn only_buckets_that_go_with_the_stack_are_emptied_versions_too() {
    let endpoint = Endpoint::new().await;
    let template = "
Resources:
  goes: {Type: AWS::S3::Bucket, Properties: {VersioningConfiguration: {Status: Enabled}}}
  stays: {Type: AWS::S3::Bucket, DeletionPolicy: Retain}
Outputs:
  goes: {Value: !Ref goes}
  stays: {Value: !Ref stays}
";
    let stack = endpoint.deploy(&plan("pipe", template, &[])).await.expect("made");
    let (goes, stays) = (stack.output("goes").expect("a name"), stack.output("stays").expect("a name"));
    for _ in 0..3 {
        endpoint.put(goes, "a").await;
    }
    endpoint.clients.s3.delete_object().bucket(goes).key("a").send().await.expect("a marker");
    endpoint.put(stays, "b").await;
    let removed = endpoint.destroy("pipe", Foreign::Refused).await.expect("deleted");
    assert_eq!(removed.objects, 4, "three versions and a marker");
    endpoint.clients.s3.head_object().bucket(stays).key("b").send().await.expect("it outlives the stack");
    let twice = endpoint.destroy("pipe", Foreign::Refused).await.expect("nothing to do");
    assert_eq!(twice, Destroyed::default());
    endpoint.end().await;
}

#[tokio::test]
async fn a_protected_stack_is_refused_before_anything_is_emptied() {
    let endpoint = Endpoint::new().await;
    let template = "Resources: {b: {Type: AWS::S3::Bucket}}\nOutputs: {b: {Value: !Ref b}}\n";
    let stack = endpoint.deploy(&plan("pipe", template, &[])).await.expect("made");
    let bucket = stack.output("b").expect("a name");
    endpoint.put(bucket, "precious").await;
    let protect = |on| {
        let request = endpoint.clients.cloudformation.update_termination_protection().stack_name("pipe");
        request.enable_termination_protection(on).send()
    };
    protect(true).await.expect("protected");
    let refused = endpoint.destroy("pipe", Foreign::Agreed).await.expect_err("refused");
    assert!(refused.to_string().contains("update-termination-protection"), "{refused}");
    endpoint.clients.s3.head_object().bucket(bucket).key("precious").send().await.expect("it is there still");
    protect(false).await.expect("free");
    assert_eq!(endpoint.destroy("pipe", Foreign::Refused).await.expect("deleted").objects, 1);
    endpoint.end().await;
}

#[tokio::test]
async fn the_bootstrap_stack_is_made_once_and_its_zips_expire_only_when_nobody_names_them() {
    let endpoint = Endpoint::new().await;
    let clients = &endpoint.clients;
    assert_eq!(Store::find(clients, None).await.expect("an answer"), None);
    let store = Store::ensure(clients, None, &endpoint.out, &endpoint.cancel).await.expect("made");
    let again = Store::ensure(clients, None, &endpoint.out, &endpoint.cancel).await.expect("found");
    assert_eq!(store, again);
    let (one, two) = (artefact("http://one"), artefact("http://two"));
    let old = store.upload(clients, &endpoint.account, &one).await.expect("uploaded");
    let new = store.upload(clients, &endpoint.account, &two).await.expect("uploaded");
    assert_ne!(old, new);
    let template = "
Parameters: {functionCodeBucket: {Type: String}, functionCodeKey: {Type: String}, Seconds: {Type: Number, Default: 1}}
Resources: {q: {Type: AWS::SQS::Queue, Properties: {VisibilityTimeout: !Ref Seconds}}, p: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !Ref functionCodeKey}}}
";
    let of = |stack: &str, code| plan(stack, template, &[]).with_code(code);
    let first = endpoint.deploy(&of("first", &old)).await.expect("made");
    let second = endpoint.deploy(&of("second", &old)).await.expect("made");
    assert_eq!(Store::users(clients).await.expect("users").len(), 2);

    let first_now = endpoint.deploy(&of("first", &new)).await.expect("changed");
    Store::leave(clients, &first, Some(&first_now)).await.expect("left");
    assert_eq!(endpoint.tags(&old.bucket, &old.key).await, Vec::<String>::new(), "the second stack names it still");
    let second_now = endpoint.deploy(&of("second", &new)).await.expect("changed");
    Store::leave(clients, &second, Some(&second_now)).await.expect("left");
    assert_eq!(endpoint.tags(&old.bucket, &old.key).await, ["vaultscope=superseded"]);
    assert_eq!(endpoint.tags(&new.bucket, &new.key).await, Vec::<String>::new());
    store.upload(clients, &endpoint.account, &one).await.expect("there already");
    assert_eq!(endpoint.tags(&old.bucket, &old.key).await, Vec::<String>::new(), "it is used again");

    let refused = endpoint.destroy(BOOTSTRAP.stack, Foreign::Refused).await.expect_err("it is used");
    assert!(matches!(&refused, DeployError::InUse { users, .. } if users.len() == 2), "{refused:?}");
    endpoint.destroy("first", Foreign::Refused).await.expect("deleted");
    endpoint.destroy("second", Foreign::Refused).await.expect("deleted");
    assert_eq!(endpoint.tags(&new.bucket, &new.key).await, ["vaultscope=superseded"]);
    let removed = endpoint.destroy(BOOTSTRAP.stack, Foreign::Refused).await.expect("deleted");
    assert_eq!(removed.objects, 2);
    assert_eq!(all(clients).await.expect("stacks"), Vec::new());
    endpoint.end().await;
}

#[tokio::test]
async fn the_bootstrap_bucket_is_encrypted_closed_and_expires_tagged_zips() {
    let endpoint = Endpoint::new().await;
    let s3 = &endpoint.clients.s3;
    let store = Store::ensure(&endpoint.clients, None, &endpoint.out, &endpoint.cancel).await.expect("made");
    let bucket = store.location(&artefact("http://one")).bucket;
    let rules = s3.get_bucket_lifecycle_configuration().bucket(&bucket).send().await.expect("rules");
    let expiring: Vec<_> = rules.rules().iter().filter(|rule| rule.expiration().is_some()).collect();
    assert_eq!(expiring.len(), 1);
    let tag = expiring[0].filter().and_then(|filter| filter.tag()).expect("only what is tagged expires");
    assert_eq!((tag.key(), tag.value()), ("vaultscope", "superseded"));
    let expiration = expiring[0].expiration().expect("an expiration");
    assert_eq!(expiration.days(), Some(30));
    let closed = s3.get_public_access_block().bucket(&bucket).send().await.expect("a block");
    let closed = closed.public_access_block_configuration().expect("a block");
    assert_eq!((closed.block_public_acls(), closed.restrict_public_buckets()), (Some(true), Some(true)));
    s3.get_bucket_encryption().bucket(&bucket).send().await.expect("encrypted");
    let versioning = s3.get_bucket_versioning().bucket(&bucket).send().await.expect("an answer");
    assert_eq!(versioning.status(), None);
    endpoint.end().await;
}

#[tokio::test]
async fn a_bucket_that_the_user_names_is_written_to_and_never_made() {
    let endpoint = Endpoint::new().await;
    let clients = &endpoint.clients;
    let store = Store::ensure(clients, Some("my-artefacts"), &endpoint.out, &endpoint.cancel).await.expect("named");
    let refused = store.upload(clients, &endpoint.account, &artefact("a")).await.expect_err("there is none");
    assert!(refused.to_string().contains("--artefact-bucket"), "{refused}");
    clients.s3.create_bucket().bucket("my-artefacts").send().await.expect("made by the user");
    let location = store.upload(clients, &endpoint.account, &artefact("a")).await.expect("uploaded");
    assert_eq!(location.bucket, "my-artefacts");
    assert_eq!(describe(clients, BOOTSTRAP.stack).await.expect("an answer"), None, "no bootstrap stack is made");
    endpoint.end().await;
}

#[tokio::test]
async fn an_interruption_before_the_change_set_is_made_leaves_no_stack() {
    let endpoint = Endpoint::new().await;
    endpoint.cancel.cancel();
    let refused = endpoint.deploy(&plan("pipe", QUEUE, &[])).await.expect_err("interrupted");
    assert!(refused.to_string().contains("it is as it was"), "{refused}");
    assert_eq!(endpoint.status("pipe").await, None);
    endpoint.end().await;
}

#[tokio::test]
async fn a_refused_change_set_leaves_no_stack() {
    let endpoint = Endpoint::new().await;
    let refused = endpoint.deploy(&plan("pipe", QUEUE, &[("Seconds", "soon")])).await.expect_err("refused");
    assert!(refused.to_string().contains("Seconds"), "{refused}");
    assert_eq!(endpoint.status("pipe").await, None);
    endpoint.end().await;
}
