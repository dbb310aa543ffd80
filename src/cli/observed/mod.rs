//! Which stack is observed, and what is watched of it: the kind of a stack follows from its resources, never from its name.

mod archiving;

use anyhow::bail;

use crate::deploy::{EVENT_PROCESSING, Offer, Resources, S3TAR, STACK_NAME, Stack, describe};
use crate::model::{Observed, StackKind};
use crate::observe::Watched;

use super::pipeline::Pipeline;
use super::session::Session;
use super::settings::Settings;

/// A deployed stack that can be observed.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Its name and what it does.
    pub observed: Observed,
    /// Its resources by their physical names.
    pub watched: Watched,
    /// The pipeline, where it processes events: only that takes jobs.
    pub pipeline: Option<Pipeline>,
}

impl Subject {
    /// The stack of that name, or of that name in the catalogue.
    ///
    /// # Errors
    /// When there is no such stack, or it is of no kind that can be observed.
    pub async fn find(session: &Session, settings: &Settings, name: &str) -> anyhow::Result<Self> {
        match standing(session, name).await? {
            Some(stack) => Self::of(session, settings, stack).await,
            None => bail!("{}", Pipeline::no_such(session, usual(name))),
        }
    }

    /// What a stack that stands is.
    ///
    /// # Errors
    /// When it is of no kind that can be observed.
    pub async fn of(session: &Session, settings: &Settings, stack: Stack) -> anyhow::Result<Self> {
        let resources = Resources::of_stack(&session.clients, &stack.id).await?;
        let name = stack.seen.name.clone();
        if archiving::is_archiving(&resources) {
            let watched = archiving::watched(session, &stack, &resources, settings.live_tail).await?;
            let observed = Observed { stack: name, kind: StackKind::S3Tar };
            return Ok(Self { observed, watched, pipeline: None });
        }
        if let Some(offer) = offered(&name).filter(|offer| ![EVENT_PROCESSING, S3TAR].contains(offer)) {
            bail!("stack {name} {}: there is nothing of it to be observed", offer.purpose);
        }
        let pipeline = Pipeline::of(settings, stack, &resources)?;
        let observed = Observed { stack: name, kind: StackKind::EventProcessing };
        Ok(Self { observed, watched: pipeline.watched.clone(), pipeline: Some(pipeline) })
    }
}

/// The stack of that name; else, where that is a name of the catalogue, the one that is usually called otherwise.
///
/// # Errors
/// When a call fails.
pub async fn standing(session: &Session, name: &str) -> anyhow::Result<Option<Stack>> {
    let found = describe(&session.clients, name).await?;
    match usual(name) {
        other if found.is_none() && other != name => Ok(describe(&session.clients, other).await?),
        _ => Ok(found),
    }
}

/// What a stack is called that is named as the catalogue does: `s3tar` → `S3TarStack`.
pub fn usual(name: &str) -> &str {
    offered(name).map_or(name, |offer| offer.stack)
}

fn offered(name: &str) -> Option<Offer> {
    Offer::find(name)
}

/// What a stack of that name does before it stands: what its template would do.
pub fn expected(name: &str) -> Option<StackKind> {
    match offered(name)? {
        offer if offer == EVENT_PROCESSING => Some(StackKind::EventProcessing),
        offer if offer == S3TAR => Some(StackKind::S3Tar),
        _ => None,
    }
}

/// The settings of a dashboard and the stack that it shows first: `--stack` may name any stack of the catalogue, and jobs
/// are still the event processing stack's.
pub fn first_shown(settings: &Settings) -> (Settings, String) {
    match offered(&settings.stack) {
        Some(offer) if offer != EVENT_PROCESSING => {
            let configured = settings.config.stack.clone().filter(|name| offered(name).is_none());
            let stack = configured.unwrap_or_else(|| STACK_NAME.to_owned());
            (Settings { stack, ..settings.clone() }, offer.stack.to_owned())
        }
        Some(_) => (Settings { stack: STACK_NAME.to_owned(), ..settings.clone() }, STACK_NAME.to_owned()),
        None => (settings.clone(), settings.stack.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_catalogue_means_the_stack_that_is_usually_called_otherwise() {
        assert_eq!((usual("s3tar"), usual("S3TarStack"), usual("Mine")), ("S3TarStack", "S3TarStack", "Mine"));
        assert_eq!(expected("s3tar"), Some(StackKind::S3Tar));
        assert_eq!(expected("EventProcessingStack"), Some(StackKind::EventProcessing));
        assert_eq!((expected("bootstrap"), expected("Mine")), (None, None));
    }
}
