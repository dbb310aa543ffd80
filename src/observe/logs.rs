//! A log group, by FilterLogEvents: from a little before the newest line on, each line once.
//!
//! Lines may be ingested late. While lines come, only a short overlap is read again; when they cease, and now and then
//! while they go on, everything since the last such sweep is read once more.

use std::time::{Duration, Instant};

use serde::Deserialize;

use super::drive::{Halt, Out, Progress, Tailer};
use super::interest::Interest;
use super::seen_before::SeenBefore;
use crate::aws::{Clients, Problem};
use crate::clock::real_now;
use crate::model::{LogLine, LogRole, Seen, Source, Timestamp, UploadDetail};

/// How far before the newest line each look begins, in time of the source.
const OVERLAP: Duration = Duration::from_secs(2);
/// How far before the last sweep's end the next one begins.
const SWEEP_OVERLAP: Duration = Duration::from_secs(10);
/// Looks without news after which a sweep follows.
const QUIET_BEFORE_SWEEP: u32 = 4;
/// Real time between sweeps while lines go on coming.
const SWEEP_EVERY: Duration = Duration::from_secs(30);
/// Pages of one look; the next one goes on from there.
const PAGES: usize = 8;

/// The tailer of one group.
pub struct Logs {
    clients: Clients,
    role: LogRole,
    group: String,
    since: Option<Timestamp>,
    interest: Interest,
    seen: SeenBefore,
    newest: Option<Timestamp>,
    sweep: Sweep,
    /// Where a look stopped at its limit of pages: its start and its token.
    unread: Option<(Option<Timestamp>, String)>,
}

/// When everything is read once more.
struct Sweep {
    /// Up to where the last one read.
    done_to: Option<Timestamp>,
    last: Instant,
    quiet: u32,
    dirty: bool,
}

impl Sweep {
    fn is_due(&self) -> bool {
        self.dirty && (self.quiet >= QUIET_BEFORE_SWEEP || self.last.elapsed() >= SWEEP_EVERY)
    }

    fn note(&mut self, news: bool) {
        self.dirty |= news;
        self.quiet = if news { 0 } else { self.quiet + 1 };
    }
}

impl Logs {
    /// A tailer that begins at `since`.
    pub fn new(clients: Clients, role: LogRole, group: String, since: Option<Timestamp>, interest: Interest) -> Self {
        let sweep = Sweep { done_to: since, last: real_now(), quiet: 0, dirty: false };
        Self { clients, role, group, since, interest, seen: SeenBefore::default(), newest: None, sweep, unread: None }
    }

    /// Reads from `start` or a token on; whether anything was new, and whether the end was reached.
    async fn read(&mut self, start: Option<Timestamp>, token: Option<String>, out: &Out) -> Result<(bool, bool), Halt> {
        let mut news = false;
        let mut token = token;
        for _ in 0..PAGES {
            let answer = self
                .clients
                .logs
                .filter_log_events()
                .log_group_name(&self.group)
                .set_start_time(start.map(Timestamp::millis))
                .set_next_token(token.take())
                .send()
                .await
                .map_err(|error| Problem::of("logs FilterLogEvents", &error))?;
            for event in answer.events.unwrap_or_default() {
                let (Some(id), Some(at)) = (event.event_id, event.timestamp.map(Timestamp::from_millis)) else {
                    continue;
                };
                if self.seen.contains(&id) {
                    continue;
                }
                let line = line_of(self.role, id, event.message.unwrap_or_default());
                self.note(&line);
                let id = line.event_id.clone();
                out.tell(at, Seen::Log(line)).await?;
                self.seen.insert(at, &id);
                self.newest = self.newest.max(Some(at));
                news = true;
            }
            token = answer.next_token;
            if token.is_none() {
                self.unread = None;
                return Ok((news, true));
            }
        }
        self.unread = token.map(|token| (start, token));
        Ok((news, false))
    }

    fn note(&self, line: &LogLine) {
        let Some(upload) = &line.upload else {
            return;
        };
        self.interest.line(&upload.set_id);
        match self.role {
            LogRole::DataFileUpload => {}
            LogRole::ManifestFileUpload => self.interest.manifest(upload),
            LogRole::ReconcileSuccessful | LogRole::ReconcileTimeout => {
                self.interest.manifest(upload);
                self.interest.settled(&upload.set_id);
            }
        }
    }

    fn swept(&mut self, to: Option<Timestamp>) {
        self.sweep = Sweep { done_to: to, last: real_now(), quiet: 0, dirty: false };
        if let Some(floor) = to {
            self.seen.forget_before(floor.minus(SWEEP_OVERLAP));
        }
    }
}

impl Tailer for Logs {
    fn source(&self) -> Source {
        Source::Logs(self.role)
    }

    async fn look(&mut self, out: &Out) -> Result<Progress, Halt> {
        if let Some((start, token)) = self.unread.clone() {
            let (news, _) = self.read(start, Some(token), out).await?;
            self.sweep.note(news);
            // There is more to read: as good as news for the pace.
            return Ok(Progress::from(news || self.unread.is_some()));
        }
        let sweeping = self.sweep.is_due();
        let upto = self.newest;
        let start = if sweeping {
            self.sweep.done_to.map(|to| to.minus(SWEEP_OVERLAP))
        } else {
            self.newest.map(|newest| newest.minus(OVERLAP))
        };
        let (news, ended) = self.read(start.max(self.since), None, out).await?;
        self.sweep.note(news);
        if sweeping && ended {
            self.swept(upto);
        }
        Ok(Progress::from(news))
    }
}

/// An EventBridge event as it stands in a log group; everything else of it is left aside.
#[derive(Deserialize)]
struct Envelope {
    detail: UploadDetail,
}

/// A line with what it says of an upload, where it can be read.
pub fn line_of(role: LogRole, event_id: String, message: String) -> LogLine {
    let upload = serde_json::from_str::<Envelope>(&message).ok().map(|envelope| envelope.detail);
    LogLine { role, event_id, message, upload }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_what_was_uploaded_and_any_other_line_stays_a_line() {
        let message = r#"{"version":"0","id":"1","detail-type":"Data File Upload Event","source":"vault.application",
            "detail":{"set-id":"a","event-time":1604579696,"bucket-name":"b","object-key":"a-vaultjob/\"x\\","object-size":9}}"#;
        let line = line_of(LogRole::DataFileUpload, "e".to_owned(), message.to_owned());
        let upload = line.upload.expect("an upload");
        assert_eq!(
            (upload.set_id.as_str(), upload.object_key.as_str(), upload.object_size),
            ("a", "a-vaultjob/\"x\\", 9)
        );
        for message in ["", "text", "{}", r#"{"detail":{}}"#] {
            assert_eq!(line_of(LogRole::DataFileUpload, "e".to_owned(), message.to_owned()).upload, None);
        }
    }

    #[test]
    fn a_sweep_follows_news_once_they_cease() {
        let mut sweep = Sweep { done_to: None, last: real_now(), quiet: 0, dirty: false };
        (0..10).for_each(|_| sweep.note(false));
        assert!(!sweep.is_due(), "nothing came, nothing can have come late");
        sweep.note(true);
        assert!(!sweep.is_due());
        (0..QUIET_BEFORE_SWEEP).for_each(|_| sweep.note(false));
        assert!(sweep.is_due());
    }
}
