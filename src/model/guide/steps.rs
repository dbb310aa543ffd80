//! The steps of the workshop's seven modules, in our own words.

use super::checks;
use super::{Facts, Finding, Guide, Press, Screen};

/// A module.
#[derive(Debug)]
pub struct Module {
    /// What it is about.
    pub title: &'static str,
    /// Its steps.
    pub steps: &'static [Step],
}

/// A step. `STACK`, `BUCKET` and `FOLDER` in its lines stand for the names of the target.
#[derive(Debug)]
pub struct Step {
    /// `3.1`
    pub id: &'static str,
    /// What is to be done, in a few words.
    pub title: &'static str,
    /// What to do.
    pub what: &'static str,
    /// The key of the dashboard that does it.
    pub press: Option<Press>,
    /// The command of ours that does it.
    pub command: Option<&'static str>,
    /// What does or shows the same with the AWS CLI.
    pub aws: Option<&'static str>,
    /// A help for whoever is stuck.
    pub hint: &'static str,
    /// Whether it is done; `None` where only whoever does it can tell.
    pub(super) check: Option<fn(&Guide, &Facts) -> Finding>,
}

/// The modules, in order.
pub const MODULES: [Module; 7] = [
    Module {
        title: "What it is about",
        steps: &[
            Step {
                id: "1.1",
                title: "Know a dataset when you see one",
                what: "A dataset is one folder of the share, named ID-vaultjob. Files and directories lie in it at any \
                       depth, and ID.manifest lists every one of them. All that arrives below another name is left alone.",
                press: None,
                command: None,
                aws: None,
                hint: "Could you tell a data file from a manifest by its key alone? Then this is done.",
                check: None,
            },
            Step {
                id: "1.2",
                title: "Follow a notification on its way",
                what: "Once a file is whole in the bucket the gateway announces it on the default bus. A rule puts that \
                       into the queue, a function sorts it, and the custom bus hands it to a log group, to the table \
                       and, if it is a manifest, to the state machine.",
                press: Some(Press::Show(Screen::Flow)),
                command: Some("vaultscope template event-processing"),
                aws: None,
                hint: "The first screen draws exactly this way; each box says what it counts.",
                check: None,
            },
        ],
    },
    Module {
        title: "Before you begin",
        steps: &[
            Step {
                id: "2.1",
                title: "Have a target that answers",
                what: "Everything runs against one target: the endpoint in this program, another endpoint, or AWS. \
                       It has to say whose account it is.",
                press: None,
                command: Some("vaultscope doctor"),
                aws: Some("aws sts get-caller-identity"),
                hint: "The AWS CLI wants credentials even where nobody checks them: export AWS_ACCESS_KEY_ID=test and \
                       AWS_SECRET_ACCESS_KEY=test.",
                check: Some(checks::answers),
            },
            Step {
                id: "2.2",
                title: "Be allowed to change it",
                what: "Endpoints may be changed as you like. On AWS nothing is changed until you ask for that.",
                press: None,
                command: Some("vaultscope --write"),
                aws: None,
                hint: "READ-ONLY in the first line means that the program was started without --write.",
                check: Some(checks::may_change),
            },
            Step {
                id: "2.3",
                title: "Choose the parameters",
                what: "How folders and manifests end, how often manifest and table are compared, and how long to wait \
                       in between. As they are, 960 comparisons 30 s apart take eight hours at the most.",
                press: None,
                command: Some("vaultscope deploy --preview --iterations 960 --wait 30"),
                aws: None,
                hint: "Leave them as they are the first time. Fewer iterations make a missing file end sooner.",
                check: None,
            },
        ],
    },
    Module {
        title: "Deploy the stacks",
        steps: &[
            Step {
                id: "3.1",
                title: "Deploy the event processing stack",
                what: "It makes the bucket, the queue, the bus, the functions, the table, the log groups and the state \
                       machine. The change set is shown before anything is made.",
                press: Some(Press::Deploy),
                command: Some("vaultscope deploy"),
                aws: Some("aws cloudformation describe-stacks --stack-name STACK"),
                hint: "A resource that fails stays in sight on the Stacks screen, with its reason.",
                check: Some(checks::stack_stands),
            },
            Step {
                id: "3.2",
                title: "Find its bucket",
                what: "The share will need the bucket's name. It is an output of the stack.",
                press: Some(Press::Show(Screen::Stacks)),
                command: Some("vaultscope stacks"),
                aws: Some("aws cloudformation describe-stacks --stack-name STACK --query Stacks[0].Outputs"),
                hint: "y copies the selected output.",
                check: Some(checks::bucket_is_known),
            },
            Step {
                id: "3.3",
                title: "Deploy the data vaulting stack",
                what: "It makes a small network with an appliance and a client in it. Without it, a job of the \
                       simulated gateway does for what follows.",
                press: None,
                command: Some("vaultscope deploy data-vaulting"),
                aws: Some("aws cloudformation describe-stacks --stack-name DataVaultingStack"),
                hint: "On AWS this one costs money by the hour: clean up when you are done.",
                check: Some(checks::appliance_is_there),
            },
        ],
    },
    Module {
        title: "Activate the gateway",
        steps: &[
            Step {
                id: "4.1",
                title: "Activate the appliance",
                what: "An appliance gives out its key once, over its own web server; with that it becomes a gateway.",
                press: None,
                command: Some("vaultscope gateway activate"),
                aws: Some("aws storagegateway list-gateways"),
                hint: "On AWS only the client inside the network reaches it: docs/gateway.md has the lines.",
                check: Some(checks::gateway_is_active),
            },
            Step {
                id: "4.2",
                title: "Give it a cache and a share",
                what: "What clients write goes to the cache disk first. The share lies over the bucket, and upload \
                       notifications must be on: a settling time of 60 s is usual.",
                press: None,
                command: Some("vaultscope gateway share --settle 60"),
                aws: Some("aws storagegateway list-file-shares"),
                hint: "A share that announces nothing is the commonest reason for an empty log group.",
                check: Some(checks::share_is_available),
            },
            Step {
                id: "4.3",
                title: "Mount the share",
                what: "Mount its NFS export, or copy straight into its folder where the appliance is simulated.",
                press: None,
                command: Some("vaultscope gateway mount"),
                aws: None,
                hint: "The command prints both the folder and the line that mounts it.",
                check: Some(checks::share_is_used),
            },
        ],
    },
    Module {
        title: "Vault a dataset",
        steps: &[
            Step {
                id: "5.1",
                title: "Have some data",
                what: "Fill a folder with random files, or let the simulated gateway make a dataset up.",
                press: Some(Press::StartJob),
                command: Some("vaultscope generate -s 0.05 -b 50 -l 1 -u 5 -t sourcedata"),
                aws: None,
                hint: "The workshop takes 100 GB; 50 MB show the same.",
                check: Some(checks::data_is_there),
            },
            Step {
                id: "5.2",
                title: "Vault it",
                what: "Copy it onto the share as a dataset: an id is drawn, files are copied side by side, and the \
                       manifest is written last.",
                press: Some(Press::StartJob),
                command: Some("vaultscope vault -s sourcedata -t FOLDER"),
                aws: None,
                hint: "`vaultscope gateway mount` prints the folder of the share.",
                check: Some(checks::data_is_vaulted),
            },
            Step {
                id: "5.3",
                title: "See uploads announced",
                what: "Only what is whole in the bucket and was not written to for the settling time is announced.",
                press: Some(Press::Show(Screen::Flow)),
                command: Some("vaultscope watch"),
                aws: None,
                hint: "Nothing for a minute is no fault: that is the settling time.",
                check: Some(checks::uploads_are_announced),
            },
        ],
    },
    Module {
        title: "Watch it being processed",
        steps: &[
            Step {
                id: "6.1",
                title: "Look at the objects",
                what: "Everything of the dataset lies below ID-vaultjob/ in the bucket, directories as empty objects.",
                press: Some(Press::Show(Screen::Objects)),
                command: None,
                aws: Some("aws s3 ls s3://BUCKET --recursive --summarize"),
                hint: "An object can be smaller for a moment than its file: that is a partial upload.",
                check: Some(checks::objects_were_seen),
            },
            Step {
                id: "6.2",
                title: "Read the logs of both file types",
                what: "Data files and manifests have a log group each. The set-id in a line was cut out of the key.",
                press: Some(Press::Show(Screen::Logs)),
                command: Some("vaultscope watch"),
                aws: Some("aws logs describe-log-groups --log-group-name-prefix STACK-"),
                hint: "o goes through the groups one at a time, Enter shows a line whole.",
                check: Some(checks::logs_were_read),
            },
            Step {
                id: "6.3",
                title: "Find an item for each upload",
                what: "Each announcement is an item: its partition key is the set-id, its sort key the object's key.",
                press: Some(Press::Show(Screen::Table)),
                command: None,
                aws: Some("aws dynamodb list-tables"),
                hint: "An upload that is announced twice is still one item.",
                check: Some(checks::items_were_seen),
            },
            Step {
                id: "6.4",
                title: "Follow the state machine",
                what: "It compares manifest and table, waits, and compares again until they are equal or it has tried \
                       often enough. If nothing is missing at once it never waits.",
                press: Some(Press::Show(Screen::Executions)),
                command: None,
                aws: Some("aws stepfunctions list-state-machines"),
                hint: "On the embedded endpoint ] makes waits shorter.",
                check: Some(checks::execution_succeeded),
            },
            Step {
                id: "6.5",
                title: "Find the reconciliation event",
                what: "The last word on a dataset is an event on the custom bus, which a rule writes to the log group \
                       of its own: File Upload Reconciliation Successful.",
                press: Some(Press::Show(Screen::Logs)),
                command: Some("vaultscope watch --until-reconciled"),
                aws: Some("aws logs describe-log-groups --log-group-name-prefix STACK-reconcileNotifySuccessful"),
                hint: "Anybody may put a rule of their own on the same event.",
                check: Some(checks::dataset_is_reconciled),
            },
        ],
    },
    Module {
        title: "Clean up",
        steps: &[
            Step {
                id: "7.1",
                title: "Delete the gateway",
                what: "A gateway outlives its appliance. Delete it before the stack that its appliance belongs to.",
                press: None,
                command: Some("vaultscope gateway delete"),
                aws: Some("aws storagegateway list-gateways"),
                hint: "`vaultscope cleanup` does this and the next step in the right order.",
                check: Some(checks::gateway_is_gone),
            },
            Step {
                id: "7.2",
                title: "Empty the buckets and delete the stacks",
                what: "A bucket goes only when it is empty; deleting from here empties it. The data vaulting stack \
                       goes first, since it names the other one's bucket.",
                press: Some(Press::Delete),
                command: Some("vaultscope cleanup"),
                aws: Some("aws s3 rm s3://BUCKET --recursive"),
                hint: "x on the Stacks screen deletes what vaultscope made, and nothing else.",
                check: Some(checks::stack_is_gone),
            },
        ],
    },
];
