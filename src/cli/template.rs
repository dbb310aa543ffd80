//! `vaultscope template`: a stack's template, printed as it is deployed, or held against CloudFormation's limits and the
//! target's opinion.

use crate::aws::Problem;
use crate::deploy::{CATALOGUE, DeployError, Offer};

use super::args::TemplateArgs;
use super::session::Session;
use super::settings::Settings;
use super::{Exit, Usage, output};

/// Runs the command.
pub async fn run(settings: &Settings, args: &TemplateArgs) -> anyhow::Result<Exit> {
    let Some(offer) = Offer::find(&args.name) else {
        let known = CATALOGUE.map(|offer| offer.id).join(", ");
        return Err(Usage(format!("there is no template {}: there are {known}", args.name)).into());
    };
    if !args.validate {
        output::line(offer.text.trim_end())?;
        return Ok(Exit::Done);
    }
    let template = offer.template().ok_or(DeployError::Template(offer.id))?;
    let mut fits = true;
    for size in template.sizes() {
        let verdict = if size.fits() { "" } else { "  TOO MANY" };
        fits &= size.fits();
        output::line(&format!("{:>6} of {:>6} {}{verdict}", size.has, size.most, size.what))?;
    }
    if !fits {
        anyhow::bail!("the template {} keeps not every limit of CloudFormation: the target was not asked", offer.id);
    }
    let session = Session::open(settings).await?;
    let validated = session.clients.cloudformation.validate_template().template_body(offer.text).send().await;
    session.close().await;
    let answer = validated.map_err(|error| Problem::of("cloudformation ValidateTemplate", &error))?;
    output::line(&format!(
        "{} takes it: {} parameters",
        settings.target,
        answer.parameters.as_deref().unwrap_or_default().len()
    ))?;
    for capability in answer.capabilities.unwrap_or_default() {
        let reason = answer.capabilities_reason.as_deref().unwrap_or("it does not say why");
        output::line(&format!("  needs {}: {reason}", capability.as_str()))?;
    }
    Ok(Exit::Done)
}
