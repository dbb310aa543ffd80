//! A deployment from what the user asked for to the stack that stands: parameters settled, the functions' artefact
//! made for the target, its bucket found or made, the change set prepared, shown and executed. `deploy`, `run` and the
//! dashboard all go this way.

use std::path::Path;

use anyhow::Context as _;
use tokio_util::sync::CancellationToken;

use crate::aws::Target;
use crate::deploy::{
    ARCHITECTURE, AppConfig, Architecture, Artefact, BOOTSTRAP, Bootstrap, CATALOGUE, CODE_KEY, ChangeSet, ChoiceError,
    Context, DATA_VAULTING, DeployError, EVENT_PROCESSING, Host, Location, Offer, Plan, Prepared, S3TAR, Sink, Source,
    Stack, Store, discard, execute, prepare, settle,
};

use super::Usage;
use super::args::StackArgs;
use super::server::Server;
use super::session::Session;
use super::settings::Settings;

/// Stands for the bucket of a bootstrap stack that is yet to be made, while a change is only looked at.
const BUCKET_TO_COME: &str = "made-by-the-deployment";
/// The parameter of Systems Manager with which the event processing stack names its bucket.
const BUCKET_PARAMETER: &str = "fileUploadBucketName";

/// What is to be deployed, settled before anything is called.
pub struct Order {
    plan: Plan,
    bootstrap: Option<Bootstrap>,
    artefact_bucket: Option<String>,
    offer: Offer,
    app_config: Option<AppConfig>,
    /// Keys of the context file that mean nothing to us.
    pub ignored: Vec<String>,
}

/// A change that was prepared and not yet made.
pub struct Draft {
    /// What will change.
    pub changes: ChangeSet,
    plan: Plan,
    code: Option<Code>,
}

/// The functions of a change that has some.
struct Code {
    artefact: Artefact,
    /// `None` when the bootstrap stack is yet to be made, so that the change set names no bucket that is there.
    store: Option<Store>,
}

/// What came of preparing.
pub enum Drafted {
    /// The stack is so already.
    Unchanged(Box<Stack>),
    /// Something would change.
    Waits(Box<Draft>),
}

/// Whether a bucket or a table may go with its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Losses {
    /// It is refused.
    Refused,
    /// The user has seen it, or said that it need not be shown.
    Agreed,
}

impl Order {
    /// Settles what the command line, its files and the config file say; reads files, calls nothing.
    ///
    /// # Errors
    /// [`Usage`] with what cannot be.
    pub async fn of(settings: &Settings, args: &StackArgs) -> anyhow::Result<Self> {
        Self::of_offer(settings, EVENT_PROCESSING, args).await
    }

    /// The same for any stack of the catalogue.
    ///
    /// # Errors
    /// [`Usage`] with what cannot be.
    pub async fn of_offer(settings: &Settings, offer: Offer, args: &StackArgs) -> anyhow::Result<Self> {
        let stack = settings.stack_of(offer);
        if stack == BOOTSTRAP.stack {
            return Err(Usage(format!(
                "stack {} holds the functions' artefacts: choose another name with --stack",
                BOOTSTRAP.stack
            ))
            .into());
        }
        if let Some(other) = CATALOGUE.iter().find(|other| **other != offer && other.stack == stack) {
            return Err(Usage(format!(
                "{} is the name of another template's stack, which `vaultscope deploy {}` deploys: choose another name with --stack",
                other.stack, other.id
            ))
            .into());
        }
        let context = match &args.context {
            Some(path) => read_context(path).await?,
            None => Context::default(),
        };
        let app_config = match &args.app_config {
            Some(path) if offer == S3TAR => Some(read_app_config(path).await?),
            Some(_) => {
                return Err(Usage(format!("--app-config goes with stack {}, not with {}", S3TAR.id, offer.id)).into());
            }
            None => None,
        };
        let of_app = app_config.as_ref().map(|app| app.parameters.clone()).unwrap_or_default();
        let template = offer.template().ok_or(DeployError::Template(offer.id))?;
        let known: Vec<String> = template.parameters().into_iter().map(|one| one.name).collect();
        // The files may speak of both stacks; that of the event processing is what they are for.
        let of_files = |mut chosen: Vec<(String, String)>| {
            chosen.retain(|(key, _)| offer == EVENT_PROCESSING || known.contains(key));
            chosen
        };
        let choices = [
            (Source::Flag, args.flags()),
            (Source::Parameter, args.parameters.clone()),
            (Source::Context, of_files(context.parameters)),
            (Source::AppConfig, of_app),
            (Source::Config, of_files(settings.config.chosen())),
        ];
        let parameters = settle(&template, &choices).map_err(|error| match (&error, &args.app_config) {
            (ChoiceError::Constraint { source_of: Source::AppConfig, .. }, Some(path)) => {
                Usage(format!("{}: {error}", path.display()))
            }
            _ => Usage(error.to_string()),
        })?;
        let bootstrap = match &args.bootstrap {
            Some(path) => Some(Bootstrap::read(path).await?),
            None => None,
        };
        let plan = Plan { stack, template, parameters };
        let artefact_bucket = args.artefact_bucket.clone().or_else(|| settings.config.artefact_bucket.clone());
        Ok(Self { plan, bootstrap, artefact_bucket, offer, app_config, ignored: context.ignored })
    }

    /// The stack of the catalogue that it is for.
    pub fn offer(&self) -> Offer {
        self.offer
    }

    /// What it asks for, without the functions.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Refuses an account or region of AWS that the original's configuration file is not for; elsewhere it is for none.
    ///
    /// # Errors
    /// [`Usage`] with what differs.
    pub fn check_place(&self, session: &Session) -> Result<(), Usage> {
        let Some(app) = self.app_config.as_ref().filter(|_| session.clients.target.is_aws()) else {
            return Ok(());
        };
        let (account, region) = (&session.account.id, &session.clients.region);
        if let Some(wanted) = app.account.as_ref().filter(|wanted| *wanted != account) {
            return Err(Usage(format!(
                "the file of --app-config is for account {wanted} (Project.Account), and these credentials are of {account}: its profile is {}, which --profile takes",
                app.profile
            )));
        }
        if app.region != *region {
            let wanted = &app.region;
            return Err(Usage(format!(
                "the file of --app-config is for region {wanted} (Project.Region), and this is {region}: add --region {wanted}"
            )));
        }
        Ok(())
    }

    /// Whether the stack has functions of ours.
    fn has_functions(&self) -> bool {
        self.plan.template.parameters().iter().any(|one| one.name == CODE_KEY)
    }

    /// The functions' artefact for this target.
    ///
    /// # Errors
    /// When the target cannot run what there is: one sentence with the way out.
    pub async fn artefact(&self, session: &Session) -> anyhow::Result<Artefact> {
        let host = host(session);
        match (&self.bootstrap, host) {
            (Some(bootstrap), host) => {
                let chosen = self.plan.parameters.iter().find(|(key, _)| key == ARCHITECTURE);
                bootstrap.check(host, chosen.map(|(_, value)| value.as_str()))?;
                Ok(Artefact::of_bootstrap(bootstrap).await?)
            }
            (None, Host::ThisMachine) => {
                let endpoint = match &session.clients.target {
                    Target::Endpoint { url, .. } => Some(url.as_str()),
                    Target::Embedded | Target::Aws { .. } => None,
                };
                Ok(Artefact::of_running(&std::env::current_exe()?, endpoint)?)
            }
            (None, Host::AmazonLinux) => {
                Err(DeployError::NotLocal { target: session.clients.target.to_string() }.into())
            }
        }
    }

    /// The plan with what follows from the functions.
    fn plan_with(&self, code: &Location) -> Plan {
        let built_for = match &self.bootstrap {
            Some(bootstrap) => Some(bootstrap.executable.architecture),
            None => Architecture::of_this_machine(),
        };
        let mut plan = self.plan.clone().with_code(code);
        if let Some(architecture) = built_for
            && !plan.parameters.iter().any(|(key, _)| key == ARCHITECTURE)
        {
            plan.parameters.push((ARCHITECTURE.to_owned(), architecture.to_string()));
        }
        plan
    }

    /// Prepares the change and makes nothing but the change set: no bucket, no upload.
    ///
    /// # Errors
    /// When the stack's status allows no change, the change set is refused, or the user interrupts.
    pub async fn draft(&self, session: &Session, out: &Sink, cancel: &CancellationToken) -> anyhow::Result<Drafted> {
        let clients = &session.clients;
        if !self.has_functions() {
            let prepared = prepare(clients, &self.plan, out, cancel).await.map_err(|error| self.explained(error))?;
            return Ok(match prepared {
                Prepared::Unchanged(stack) => Drafted::Unchanged(stack),
                Prepared::Changes(changes) => {
                    Drafted::Waits(Box::new(Draft { changes, plan: self.plan.clone(), code: None }))
                }
            });
        }
        let artefact = self.artefact(session).await?;
        let store = Store::find(clients, self.artefact_bucket.as_deref()).await?;
        let code = match &store {
            Some(store) => store.location(&artefact),
            None => Location { bucket: BUCKET_TO_COME.to_owned(), key: artefact.key() },
        };
        let plan = self.plan_with(&code);
        Ok(match prepare(clients, &plan, out, cancel).await? {
            Prepared::Unchanged(stack) => Drafted::Unchanged(stack),
            Prepared::Changes(changes) => {
                Drafted::Waits(Box::new(Draft { changes, plan, code: Some(Code { artefact, store }) }))
            }
        })
    }

    /// Deploys without showing anything first.
    ///
    /// # Errors
    /// The first cause of a failure, that data would be lost, or what an interruption leaves.
    pub async fn deploy(
        &self,
        session: &Session,
        losses: Losses,
        out: &Sink,
        cancel: &CancellationToken,
    ) -> anyhow::Result<Stack> {
        if !self.has_functions() {
            let applied = apply(session, &self.plan, losses, out, cancel).await;
            return applied.map_err(|error| self.explained(error));
        }
        let artefact = self.artefact(session).await?;
        let store = Store::ensure(&session.clients, self.artefact_bucket.as_deref(), out, cancel).await?;
        let code = store.upload(&session.clients, &session.account, &artefact).await?;
        Ok(apply(session, &self.plan_with(&code), losses, out, cancel).await?)
    }

    /// What the data vaulting stack needs of the other one is said in CloudFormation's words only.
    fn explained(&self, error: DeployError) -> anyhow::Error {
        let is_bucket = error.to_string().contains(BUCKET_PARAMETER);
        let error = anyhow::Error::new(error);
        if self.offer != DATA_VAULTING || !is_bucket {
            return error;
        }
        error.context(format!(
            "stack {} vaults into the bucket of the event processing stack, which is not there: run `vaultscope deploy` first",
            self.plan.stack
        ))
    }
}

impl Draft {
    /// Whether the bootstrap stack would be made too.
    pub fn makes_bootstrap(&self) -> bool {
        self.code.as_ref().is_some_and(|code| code.store.is_none())
    }

    /// Makes the change that was shown.
    ///
    /// # Errors
    /// The first cause of a failure, or what an interruption leaves.
    pub async fn execute(self, session: &Session, out: &Sink, cancel: &CancellationToken) -> anyhow::Result<Stack> {
        let Self { changes, plan, code } = self;
        let clients = &session.clients;
        let Some(Code { artefact, store }) = code else {
            return Ok(finish(session, &changes, out, cancel).await?);
        };
        let Some(store) = store else {
            // What was shown is made once more with the bucket's name, which nobody knew.
            discard(clients, &changes).await?;
            let store = Store::ensure(clients, None, out, cancel).await?;
            let code = store.upload(clients, &session.account, &artefact).await?;
            return Ok(apply(session, &plan.with_code(&code), Losses::Agreed, out, cancel).await?);
        };
        store.upload(clients, &session.account, &artefact).await?;
        Ok(finish(session, &changes, out, cancel).await?)
    }

    /// Leaves everything as it is.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn discard(self, session: &Session) -> anyhow::Result<()> {
        Ok(discard(&session.clients, &self.changes).await?)
    }
}

async fn apply(
    session: &Session,
    plan: &Plan,
    losses: Losses,
    out: &Sink,
    cancel: &CancellationToken,
) -> Result<Stack, DeployError> {
    let changes = match prepare(&session.clients, plan, out, cancel).await? {
        Prepared::Unchanged(stack) => return Ok(*stack),
        Prepared::Changes(changes) => changes,
    };
    let lost = changes.losses();
    if losses == Losses::Refused && !lost.is_empty() {
        discard(&session.clients, &changes).await?;
        return Err(DeployError::DataLoss { stack: plan.stack.clone(), resources: lost });
    }
    finish(session, &changes, out, cancel).await
}

async fn finish(
    session: &Session,
    changes: &ChangeSet,
    out: &Sink,
    cancel: &CancellationToken,
) -> Result<Stack, DeployError> {
    let stack = execute(&session.clients, changes, out, cancel).await?;
    if let Some(before) = &changes.before
        && let Err(error) = Store::leave(&session.clients, before, Some(&stack)).await
    {
        tracing::warn!(%error, stack = changes.stack, "the zip that its functions had before stays");
    }
    Ok(stack)
}

/// Where the target's functions run.
fn host(session: &Session) -> Host {
    let runs_here = session.server.as_ref().is_none_or(Server::runs_here);
    if session.clients.target.is_local() && runs_here { Host::ThisMachine } else { Host::AmazonLinux }
}

async fn read_app_config(path: &Path) -> anyhow::Result<AppConfig> {
    let named = || format!("cannot take parameters from {}", path.display());
    let text = tokio::fs::read_to_string(path).await.with_context(named)?;
    AppConfig::read(&text).map_err(|error| Usage(format!("{}: {error}", named())).into())
}

async fn read_context(path: &Path) -> anyhow::Result<Context> {
    let named = || format!("cannot take parameters from {}", path.display());
    let text = tokio::fs::read_to_string(path).await.with_context(named)?;
    Context::read(&text).map_err(|error| Usage(format!("{}: {error}", named())).into())
}
