//! `vaultscope gateway`: modules 4 and 7 of the workshop, one step a command, on a running `vaultscope emulator`.

mod activate;
pub mod appliances;
mod args;
mod delete;
mod mount;
mod share;
mod status;

pub use args::GatewayArgs;
pub use delete::leave;

use tokio_util::sync::CancellationToken;

use crate::aws::Target;

use self::appliances::Appliances;
use self::args::Step;
use super::server::Server;
use super::session::{Session, needs_emulator};
use super::settings::Settings;
use super::{Exit, Usage};

/// Runs the command.
pub async fn run(settings: &Settings, args: GatewayArgs, cancel: CancellationToken) -> anyhow::Result<Exit> {
    needs_emulator(&settings.target, "gateway")?;
    if settings.target.is_aws() {
        return Err(Usage(on_aws(&args.step)).into());
    }
    let session = Session::open(settings).await?;
    let appliances = simulated(&session);
    let ended = match appliances {
        Some(appliances) => match &args.step {
            Step::Activate(args) => activate::run(&appliances, args, &cancel).await,
            Step::Share(args) => share::run(&session, settings, &appliances, args, &cancel).await,
            Step::Status(args) => status::run(&appliances, args).await,
            Step::Mount(args) => mount::run(&appliances, args).await,
            Step::Delete(args) => delete::run(&appliances, args, &cancel).await,
        },
        None => Err(Usage(format!(
            "{} simulates no File Gateway, `vaultscope emulator` does: start one and name it with --endpoint-url",
            settings.target
        ))
        .into()),
    };
    session.close().await;
    ended
}

/// The appliances of a session's endpoint, where it has some.
fn simulated(session: &Session) -> Option<Appliances> {
    match (&session.server, &session.clients.target) {
        (Some(Server::Vaultscope), Target::Endpoint { url, .. }) => {
            Some(Appliances::at(url, &session.clients.region, session.clock.clone()))
        }
        _ => None,
    }
}

/// What does the same on AWS, where a gateway is only reached from within its VPC.
fn on_aws(step: &Step) -> String {
    let (what, line) = match step {
        Step::Activate(_) => (
            "a gateway is activated",
            "`curl \"http://192.168.1.10/?activationRegion=REGION&vpcEndpoint=DNS&no_redirect\"` and `aws storagegateway activate-gateway`",
        ),
        Step::Share(_) => ("a file share is made", "`aws storagegateway create-nfs-file-share`"),
        Step::Status(_) => (
            "a gateway tells of itself",
            "`aws storagegateway list-gateways` and `aws storagegateway describe-gateway-information`",
        ),
        Step::Mount(_) => (
            "a file share is mounted",
            "`sudo mount -t nfs -o nolock,hard 192.168.1.10:/filegateway-fileshare /mnt/vaultdata`",
        ),
        Step::Delete(_) => ("a gateway is deleted", "`aws storagegateway delete-gateway --gateway-arn ARN`"),
    };
    format!(
        "on AWS {what} on the File Gateway client, which alone reaches it, with {line}: docs/gateway.md has every line"
    )
}
