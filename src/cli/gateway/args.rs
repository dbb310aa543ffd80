//! The arguments of `vaultscope gateway`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Arguments of `gateway`.
#[derive(Debug, Clone, Args)]
pub struct GatewayArgs {
    /// What to do.
    #[command(subcommand)]
    pub step: Step,
}

/// The steps from an appliance to its share, and back.
#[derive(Debug, Clone, Subcommand)]
pub enum Step {
    /// Activate the appliance as a File Gateway, wait until it is running, and give it its cache
    Activate(ActivateArgs),
    /// Make an NFS file share over the bucket and wait until it is available
    Share(ShareArgs),
    /// Say how appliances, gateways and file shares are
    Status(StatusArgs),
    /// Print the share's folder, and the line that mounts its NFS export
    Mount(MountArgs),
    /// Delete the gateway with its file shares
    Delete(DeleteArgs),
}

/// Arguments of `gateway activate`.
#[derive(Debug, Clone, Args)]
pub struct ActivateArgs {
    /// What the gateway is called
    #[arg(long, value_name = "NAME", default_value = "cdk-app")]
    pub name: String,
    /// The timezone of the gateway: GMT, GMT-hr:mm or GMT+hr:mm
    #[arg(short = 't', long, value_name = "TIMEZONE", default_value = "GMT", allow_hyphen_values = true)]
    pub timezone: String,
    /// The appliance's instance [default: the one that waits to be activated]
    #[arg(long, value_name = "ID")]
    pub instance: Option<String>,
    /// Leave its disks as they are: no cache
    #[arg(long)]
    pub no_cache: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gateway share`.
#[derive(Debug, Clone, Args)]
pub struct ShareArgs {
    /// What the share is called
    #[arg(long, value_name = "NAME", default_value = "filegateway-fileshare")]
    pub name: String,
    /// The gateway, by ARN, id or name [default: the only one]
    #[arg(long, value_name = "GATEWAY")]
    pub gateway: Option<String>,
    /// The bucket [default: that of the event processing stack]
    #[arg(long, value_name = "NAME")]
    pub bucket: Option<String>,
    /// What precedes every key; it ends in a slash
    #[arg(long, value_name = "PREFIX", default_value = "", hide_default_value = true)]
    pub prefix: String,
    /// The role with which the gateway reaches the bucket [default: that of the data vaulting stack]
    #[arg(long, value_name = "ARN")]
    pub role: Option<String>,
    /// Seconds without a write after which a file is announced; 0 announces none
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    pub settle: u32,
    /// Who may mount it
    #[arg(long, value_name = "CIDR", default_value = "192.168.0.10/32")]
    pub client: Vec<String>,
    /// The folder that is the share [default: one in the endpoint's data folder, else a temporary one that goes with it]
    #[arg(long, value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gateway status`.
#[derive(Debug, Clone, Args)]
pub struct StatusArgs {
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gateway mount`.
#[derive(Debug, Clone, Args)]
pub struct MountArgs {
    /// The share, by ARN, id or name [default: the only one]
    #[arg(value_name = "SHARE")]
    pub share: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `gateway delete`.
#[derive(Debug, Clone, Args)]
pub struct DeleteArgs {
    /// The gateway, by ARN, id or name [default: the only one]
    #[arg(value_name = "GATEWAY")]
    pub gateway: Option<String>,
    /// Delete it though files wait to be uploaded or announced
    #[arg(long)]
    pub force: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
    /// Print one JSON document
    #[arg(long)]
    pub json: bool,
}
