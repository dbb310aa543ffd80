//! What tells that a step is done. Each check reads what was seen and what the target says, and says what it found.

use super::{Facts, Finding, Gateways, Guide, LogRole, Saw, Screen};
use Finding::{Done, Open, Unknown};

fn open(words: &str) -> Finding {
    Open(words.to_owned())
}

/// `1 object`, `3 objects`
fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

impl Saw {
    fn lines(&self, role: LogRole) -> u64 {
        self.lines.get(&role).copied().unwrap_or_default()
    }

    /// Lines of both file types.
    fn uploads(&self) -> u64 {
        self.lines(LogRole::DataFileUpload) + self.lines(LogRole::ManifestFileUpload)
    }

    /// Whether a gateway has announced uploads of which nobody told us.
    fn has_announcements(&self) -> bool {
        !self.lines.is_empty() || self.items > 0
    }
}

const STANDS_IN: &str = "the simulated gateway stands in: it needs none";

/// What is found of gateways, where the target tells of them.
fn gateways(guide: &Guide, facts: &Facts, find: impl Fn(&Gateways) -> Finding) -> Finding {
    let found = facts.gateways.as_ref().map(find);
    match found {
        Some(Done(why)) => Done(why),
        _ if guide.saw.jobs.0 > 0 => Done(STANDS_IN.to_owned()),
        Some(found) => found,
        None => Unknown(format!("{} is not asked about its gateways: Enter says that it is done", facts.target)),
    }
}

/// What lies somewhere and was looked at there.
fn looked(guide: &Guide, facts: &Facts, screen: Screen, there: u64, thing: &str, none: &str) -> Finding {
    match (there, facts.has_screens, guide.saw.looked.contains(&screen)) {
        (0, ..) => open(none),
        (_, true, true) => Done(format!("{} seen", count(there, thing))),
        (_, true, false) => Open(format!("{} wait to be looked at", count(there, thing))),
        (_, false, _) => Unknown(format!("{} there; whether they were looked at is not known", count(there, thing))),
    }
}

pub(super) fn answers(_: &Guide, facts: &Facts) -> Finding {
    match &facts.account {
        Some(account) => Done(format!("{} answers for account {account}", facts.target)),
        None => Open(format!("{} has not said whose account it is", facts.target)),
    }
}

pub(super) fn may_change(_: &Guide, facts: &Facts) -> Finding {
    if facts.is_read_only {
        open("READ-ONLY: start vaultscope with --write")
    } else {
        Done(format!("{} may be changed", facts.target))
    }
}

pub(super) fn stack_stands(_: &Guide, facts: &Facts) -> Finding {
    match &facts.status {
        Some(status) if facts.stands() => Done(format!("{} is in {status}", facts.stack)),
        Some(status) => Open(format!("{} is in {status}", facts.stack)),
        None => Open(format!("there is no stack {}", facts.stack)),
    }
}

pub(super) fn bucket_is_known(_: &Guide, facts: &Facts) -> Finding {
    match &facts.bucket {
        Some(bucket) if facts.stands() => Done(format!("it is {bucket}")),
        _ => open("the stack has no output fileUploadBucketName yet"),
    }
}

pub(super) fn appliance_is_there(guide: &Guide, facts: &Facts) -> Finding {
    gateways(guide, facts, |known| match known.appliances {
        0 => open("there is no appliance"),
        appliances => Done(format!("there is {}", count(appliances, "appliance"))),
    })
}

pub(super) fn gateway_is_active(guide: &Guide, facts: &Facts) -> Finding {
    gateways(guide, facts, |known| match known.gateways.first() {
        Some(name) => Done(format!("gateway {name} is activated")),
        None => open("no gateway is activated"),
    })
}

pub(super) fn share_is_available(guide: &Guide, facts: &Facts) -> Finding {
    gateways(guide, facts, |known| {
        let Some(share) = known.shares.first() else {
            let cache = if known.caches == 0 { "there is neither a cache nor a share" } else { "there is no share" };
            return open(cache);
        };
        match share {
            _ if known.caches == 0 => open("the gateway has no cache"),
            share if share.state != "AVAILABLE" => Open(format!("share {} is {}", share.name, share.state)),
            share if !share.announces => Open(format!("share {} announces no uploads", share.name)),
            share => Done(format!("share {} is available and announces uploads", share.name)),
        }
    })
}

pub(super) fn share_is_used(guide: &Guide, facts: &Facts) -> Finding {
    gateways(guide, facts, |known| match known.shares.first() {
        Some(share) if share.files > 0 => Done(format!("{} lie on share {}", count(share.files, "file"), share.name)),
        Some(share) => Unknown(format!("nothing lies on share {} yet: Enter says that it is mounted", share.name)),
        None => open("there is no share"),
    })
}

/// What shows that a dataset is on its way.
fn on_its_way(guide: &Guide, facts: &Facts) -> Option<String> {
    let saw = &guide.saw;
    let files = facts.share().map_or(0, |share| share.files);
    if saw.jobs.0 > 0 {
        Some("the simulated gateway has made up a dataset".to_owned())
    } else if files > 0 {
        Some(format!("{} lie on the share", count(files, "file")))
    } else if saw.has_announcements() {
        Some(format!("{} were announced", count(saw.uploads().max(saw.items), "upload")))
    } else {
        None
    }
}

pub(super) fn data_is_there(guide: &Guide, facts: &Facts) -> Finding {
    match on_its_way(guide, facts) {
        Some(why) => Done(why),
        None => Unknown("folders of yours are not looked into: Enter says that it is done".to_owned()),
    }
}

pub(super) fn data_is_vaulted(guide: &Guide, facts: &Facts) -> Finding {
    let saw = &guide.saw;
    let manifests = saw.lines(LogRole::ManifestFileUpload);
    if manifests > 0 {
        Done(format!("{} arrived, which comes last", count(manifests, "manifest")))
    } else if saw.jobs.1 > 0 || saw.executions + saw.succeeded > 0 {
        Done("its manifest arrived, which comes last".to_owned())
    } else {
        Open(match on_its_way(guide, facts) {
            Some(why) => format!("{why}; its manifest has not come through"),
            None => "no dataset has come through".to_owned(),
        })
    }
}

pub(super) fn uploads_are_announced(guide: &Guide, _: &Facts) -> Finding {
    let saw = &guide.saw;
    let told = saw.notified.max(saw.uploads()).max(saw.items);
    if told == 0 { open("nothing was announced yet") } else { Done(format!("{} announced", count(told, "upload"))) }
}

pub(super) fn objects_were_seen(guide: &Guide, facts: &Facts) -> Finding {
    let saw = &guide.saw;
    let there = saw.objects.max(saw.notified).max(saw.uploads());
    looked(guide, facts, Screen::Objects, there, "object", "nothing has reached the bucket")
}

pub(super) fn logs_were_read(guide: &Guide, facts: &Facts) -> Finding {
    let data = guide.saw.lines(LogRole::DataFileUpload);
    let manifests = guide.saw.lines(LogRole::ManifestFileUpload);
    let none = if data > 0 { "the manifest's line is still to come" } else { "both log groups are empty" };
    let both = if data > 0 && manifests > 0 { data + manifests } else { 0 };
    looked(guide, facts, Screen::Logs, both, "line", none)
}

pub(super) fn items_were_seen(guide: &Guide, facts: &Facts) -> Finding {
    looked(guide, facts, Screen::Table, guide.saw.items, "item", "the table is empty")
}

pub(super) fn execution_succeeded(guide: &Guide, facts: &Facts) -> Finding {
    let saw = &guide.saw;
    let none = if saw.executions > 0 { "an execution is under way" } else { "no execution was started" };
    looked(guide, facts, Screen::Executions, saw.succeeded, "successful execution", none)
}

pub(super) fn dataset_is_reconciled(guide: &Guide, _: &Facts) -> Finding {
    match &guide.saw.reconciled {
        Some(set) => Done(format!("dataset {set} is reconciled: its event is in the log group")),
        None if guide.saw.lines(LogRole::ReconcileTimeout) > 0 => {
            open("a reconciliation timed out: vault again, with nothing missing")
        }
        None => open("no such event is in the log group"),
    }
}

pub(super) fn gateway_is_gone(guide: &Guide, facts: &Facts) -> Finding {
    match &facts.gateways {
        Some(known) if !known.gateways.is_empty() => Open(format!("gateway {} is there", known.gateways.join(", "))),
        Some(_) if guide.saw.had_gateway => Done("the gateway is gone".to_owned()),
        _ if guide.saw.jobs.1 > 0 => Done("the simulated gateway ends with its job".to_owned()),
        Some(_) => open("there was no gateway yet"),
        None => Unknown(format!("{} is not asked about its gateways: Enter says that it is done", facts.target)),
    }
}

pub(super) fn stack_is_gone(guide: &Guide, facts: &Facts) -> Finding {
    match &facts.status {
        None if guide.saw.stood => Done(format!("{} is gone", facts.stack)),
        Some(status) if guide.saw.stood && status == "DELETE_COMPLETE" => Done(format!("{} is gone", facts.stack)),
        Some(status) => Open(format!("{} is in {status}", facts.stack)),
        None => open("there was no stack yet"),
    }
}
