//! The guide as the dashboard shows it: how far somebody is, and what the target says of its gateways.

use serde::{Deserialize, Serialize};

use super::super::cmd::Page;
use super::State;
use crate::model::guide::{Facts, Gateways, Guide, ModuleReport, Screen, StepReport};

/// What the Guide page knows.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct GuideView {
    pub(crate) guide: Guide,
    /// What the target last said of its gateways.
    pub(crate) gateways: Option<Gateways>,
    /// When it was last asked, and whether it has answered since.
    pub(crate) asked_ms: Option<u64>,
    pub(crate) is_answered: bool,
    /// Whether it has said that it does not tell.
    pub(crate) is_mute: bool,
}

/// The screen of a page that steps speak of.
pub(crate) const fn screen(page: Page) -> Option<Screen> {
    match page {
        Page::Flow => Some(Screen::Flow),
        Page::Stacks => Some(Screen::Stacks),
        Page::Logs => Some(Screen::Logs),
        Page::Table => Some(Screen::Table),
        Page::Executions => Some(Screen::Executions),
        Page::Objects => Some(Screen::Objects),
        Page::Gateway | Page::Guide | Page::Activity => None,
    }
}

/// The page of a screen.
pub(crate) const fn page(screen: Screen) -> Page {
    match screen {
        Screen::Flow => Page::Flow,
        Screen::Stacks => Page::Stacks,
        Screen::Logs => Page::Logs,
        Screen::Table => Page::Table,
        Screen::Executions => Page::Executions,
        Screen::Objects => Page::Objects,
    }
}

impl State {
    /// What the target says of itself, as the guide's checks read it.
    pub(crate) fn facts(&self) -> Facts {
        let target = &self.setup.target;
        let stack = self.setup.stacks.first().map(|offer| offer.stack.clone()).unwrap_or_default();
        let outputs = self.main_stack().map_or(&[][..], |stack| &stack.outputs);
        let bucket = outputs.iter().find(|(key, _)| key == "fileUploadBucketName");
        let profile = target.profile.as_deref().map(|profile| format!("--profile {profile} ")).unwrap_or_default();
        let (flags, aws_flags) = if let Some(url) = target.url() {
            let url = format!("--endpoint-url {url}");
            (url.clone(), url)
        } else {
            let place = format!("{profile}--region {}", target.region);
            (format!("--target aws {place}"), place)
        };
        Facts {
            target: self.target_name(),
            account: target.account.clone(),
            is_read_only: target.read_only,
            stack,
            status: self.status().map(str::to_owned),
            bucket: bucket.map(|(_, value)| value.clone()),
            gateways: self.guide.gateways.clone(),
            has_screens: true,
            flags,
            aws_flags,
        }
    }

    /// How far every module of the guide is.
    pub(crate) fn modules(&self) -> Vec<ModuleReport> {
        self.guide.guide.report(&self.facts())
    }

    /// The steps of the guide, in order.
    pub(crate) fn steps(&self) -> Vec<StepReport> {
        self.modules().into_iter().flat_map(|module| module.steps).collect()
    }
}
