//! A log group: each line once, by FilterLogEvents from a little before the newest line on; or as a live tail session
//! sends it, with FilterLogEvents to confirm and to fill in what the session leaves out.
//!
//! Lines may be ingested late. While lines come, only a short overlap is read again; when they cease, and now and then
//! while they go on, everything since the last such sweep is read once more.

use std::time::Duration;

use serde::Deserialize;
use tokio::sync::watch;

use super::delivery::Delivery;
use super::drive::{Halt, Out, Progress, Tailer};
use super::interest::Interest;
use super::ledger::{Ledger, Way};
use super::live_tail::{Feed, Session, Update};
use super::seen_before::SeenBefore;
use super::sweep::{self, Sweep};
use super::tailing::Tailing;
use crate::aws::{Clients, Kind, Problem};
use crate::clock::real_now;
use crate::model::{LogLine, LogRole, Seen, Source, Timestamp, UploadDetail};

/// How far before the newest line each look begins, in time of the source.
const OVERLAP: Duration = Duration::from_secs(2);
/// Pages of one look; the next one goes on from there.
const PAGES: usize = 8;

/// What a tailer of a log group works with besides the group.
#[derive(Clone)]
pub struct Around {
    /// Clients without retries.
    pub clients: Clients,
    /// What is looked at.
    pub interest: Interest,
    /// Whether lines come at all.
    pub delivery: Delivery,
    /// Lines before this are left aside.
    pub since: Option<Timestamp>,
    /// A line is ingested within so long of its moment, where the target's clock is the real one; bounds what is read
    /// again of a group without news.
    pub ingested_within: Option<Duration>,
}

/// The tailer of one group.
pub struct Logs {
    around: Around,
    role: LogRole,
    group: String,
    seen: SeenBefore,
    /// The newest line that was read.
    newest: Option<Timestamp>,
    /// Everything before this was read.
    read_to: Option<Timestamp>,
    sweep: Sweep,
    /// Where a look stopped at its limit of pages: its start and its token.
    unread: Option<(Option<Timestamp>, String)>,
    tail: Option<Tail>,
}

/// The live tail's side of it.
struct Tail {
    feed: Feed,
    ledger: Ledger,
    now: Tailing,
    waker: watch::Receiver<()>,
}

/// What a look at a live tail came to.
enum Awaited {
    Update(Update),
    /// It is time to read.
    Due,
    /// The session came, went, or ended for good, or nothing is to be waited for any more.
    Turned,
    Closed,
}

impl Logs {
    /// A tailer of a group; `feed` brings what a live tail sends of it.
    pub fn new(around: Around, role: LogRole, group: String, feed: Option<Feed>) -> Self {
        let waker = around.interest.waker();
        let tail = feed.map(|feed| Tail { feed, ledger: Ledger::default(), now: Tailing::default(), waker });
        let sweep = Sweep::new(around.since);
        Self {
            around,
            role,
            group,
            seen: SeenBefore::default(),
            newest: None,
            read_to: None,
            sweep,
            unread: None,
            tail,
        }
    }

    /// Reads what is new; whether anything was.
    async fn read_news(&mut self, out: &Out) -> Result<bool, Halt> {
        let (began, moment) = (real_now(), out.now());
        if let Some((start, token)) = self.unread.take() {
            let (news, _) = self.read(start, Some(token), out).await?;
            self.sweep.note(news);
            return Ok(news);
        }
        let sweeping = self.sweep.is_due();
        let upto = self.newest;
        let start = if sweeping { self.sweep.start() } else { self.start() };
        // Where more came than can be remembered, nothing is told twice for the sake of a line that is late.
        let start = start.max(self.around.since).max(self.seen.knows_from());
        let (news, ended) = self.read(start, None, out).await?;
        self.sweep.note(news);
        if ended {
            self.read_to = Some(moment);
            if sweeping {
                self.swept(upto);
            }
            if self.newest.is_none() {
                self.around.delivery.found_empty(self.role, began);
            }
        }
        Ok(news)
    }

    fn start(&self) -> Option<Timestamp> {
        let bound = self.read_to.zip(self.around.ingested_within).map(|(to, within)| to.minus(within));
        self.newest.map(|newest| newest.minus(OVERLAP)).max(bound)
    }

    /// Reads from `start` or a token on; whether anything was new, and whether the end was reached.
    async fn read(&mut self, start: Option<Timestamp>, token: Option<String>, out: &Out) -> Result<(bool, bool), Halt> {
        let mut news = false;
        let mut token = token;
        for _ in 0..PAGES {
            let answer = self
                .around
                .clients
                .logs
                .filter_log_events()
                .log_group_name(&self.group)
                .set_start_time(start.map(Timestamp::millis))
                .set_next_token(token.clone())
                .send()
                .await
                .map_err(|error| Problem::of("logs FilterLogEvents", &error));
            let answer = match answer {
                // What was read is known: the same page is asked for again, unless its token is what is refused.
                Err(problem) if matches!(problem.kind, Kind::Outage | Kind::Throttled) => {
                    self.unread = token.map(|token| (start, token));
                    return Err(problem.into());
                }
                other => other?,
            };
            for event in answer.events.unwrap_or_default() {
                let (Some(id), Some(at)) = (event.event_id, event.timestamp.map(Timestamp::from_millis)) else {
                    continue;
                };
                if self.seen.contains(&id) {
                    continue;
                }
                let message = event.message.unwrap_or_default();
                let stream = event.log_stream_name.unwrap_or_default();
                let own = match &mut self.tail {
                    Some(tail) => tail.ledger.enter(Way::Read, &stream, at, &message),
                    None => Some(id.clone()),
                };
                if let Some(own) = own {
                    self.tell(at, own, message, out).await?;
                    news = true;
                }
                self.seen.insert(at, &id);
                self.newest = self.newest.max(Some(at));
            }
            token = answer.next_token;
            if token.is_none() {
                return Ok((news, true));
            }
        }
        self.unread = token.map(|token| (start, token));
        Ok((news, false))
    }

    async fn tell(&self, at: Timestamp, event_id: String, message: String, out: &Out) -> Result<(), Halt> {
        let line = line_of(self.role, event_id, message);
        self.note(&line);
        out.tell(at, Seen::Log(line)).await
    }

    fn note(&self, line: &LogLine) {
        self.around.delivery.line();
        let Some(upload) = &line.upload else {
            return;
        };
        let interest = &self.around.interest;
        interest.line(&upload.set_id);
        match self.role {
            LogRole::DataFileUpload | LogRole::Task | LogRole::ErrorHandler | LogRole::StateMachine => {}
            LogRole::ManifestFileUpload => interest.manifest(upload),
            LogRole::ReconcileSuccessful | LogRole::ReconcileTimeout => {
                interest.manifest(upload);
                interest.settled(&upload.set_id);
            }
        }
    }

    fn swept(&mut self, to: Option<Timestamp>) {
        self.sweep = Sweep::new(to);
        if let Some(floor) = to.map(|to| to.minus(sweep::OVERLAP)) {
            self.seen.forget_before(floor);
            if let Some(tail) = &mut self.tail {
                tail.ledger.forget_before(floor);
            }
        }
    }

    /// Waits for what a live tail sends, or reads when that is due; `None` while there is no session.
    async fn follow(&mut self, out: &Out) -> Result<Option<Progress>, Halt> {
        loop {
            let Some(tail) = &mut self.tail else { return Ok(None) };
            let session = *tail.feed.session.borrow_and_update();
            let (Session::Up(number), false) = (session, out.is_finishing()) else {
                // What was sent is told before what is read after it.
                let Ok(update) = tail.feed.updates.try_recv() else { return Ok(None) };
                self.take(update, out).await?;
                continue;
            };
            tail.now.session(number, real_now());
            match tail.awaited(out).await {
                Awaited::Turned => {}
                Awaited::Closed => self.tail = None,
                Awaited::Update(update) => {
                    self.take(update, out).await?;
                    return self.pushed();
                }
                Awaited::Due => {
                    self.confirm(out).await?;
                    return self.pushed();
                }
            }
        }
    }

    fn pushed(&self) -> Result<Option<Progress>, Halt> {
        match self.around.delivery.problem() {
            Some(sentence) => Err(Problem::unsupported(sentence).into()),
            None => Ok(self.tail.as_ref().map(|tail| Progress::Pushed { sampled: tail.now.is_sampled() })),
        }
    }

    async fn take(&mut self, update: Update, out: &Out) -> Result<(), Halt> {
        let mut told = false;
        for sent in update.lines {
            let Some(tail) = &mut self.tail else { return Ok(()) };
            if let Some(id) = tail.ledger.enter(Way::Sent, &sent.stream, sent.at, &sent.message) {
                self.tell(sent.at, id, sent.message, out).await?;
                told = true;
            }
        }
        if let Some(tail) = &mut self.tail {
            tail.now.sent(told, update.sampled, real_now());
        }
        Ok(())
    }

    /// Reads what the session may have left out, and judges whether it says so when it does.
    async fn confirm(&mut self, out: &Out) -> Result<(), Halt> {
        if let Some(tail) = &mut self.tail {
            let missed = tail.ledger.missed();
            if tail.now.is_judged() && missed > 0 {
                tail.feed.distrust(format!("it left out {missed} lines without saying so"));
                return Ok(());
            }
        }
        // What is sent while this reads comes afterwards, and is known by then.
        let news = self.read_news(out).await?;
        let whole = self.unread.is_none();
        if let Some(tail) = &mut self.tail {
            tail.now.read(news, whole, real_now());
            if self.around.delivery.is_pending() {
                tail.now.expect(real_now());
            }
        }
        Ok(())
    }
}

impl Tail {
    async fn awaited(&mut self, out: &Out) -> Awaited {
        let due = tokio::time::Instant::from_std(self.now.due());
        tokio::select! {
            biased;
            () = tokio::time::sleep_until(due) => Awaited::Due,
            () = out.finished() => Awaited::Turned,
            update = self.feed.updates.recv() => update.map_or(Awaited::Closed, Awaited::Update),
            turned = self.feed.session.changed() => if turned.is_ok() { Awaited::Turned } else { Awaited::Closed },
            Ok(()) = self.waker.changed() => {
                self.now.expect(real_now());
                Awaited::Turned
            }
        }
    }
}

impl Tailer for Logs {
    fn source(&self) -> Source {
        Source::Logs(self.role)
    }

    async fn look(&mut self, out: &Out) -> Result<Progress, Halt> {
        if let Some(progress) = self.follow(out).await? {
            return Ok(progress);
        }
        let news = self.read_news(out).await?;
        // There is more to read: as good as news for the pace.
        if news || self.unread.is_some() {
            return Ok(Progress::Changed);
        }
        match self.around.delivery.problem() {
            Some(sentence) => Err(Problem::unsupported(sentence).into()),
            None => Ok(Progress::Quiet),
        }
    }
}

/// An EventBridge event as it stands in a log group; everything else of it is left aside.
#[derive(Deserialize)]
struct Envelope {
    detail: UploadDetail,
}

/// A line with what it says of an upload, where it can be read.
pub fn line_of(role: LogRole, event_id: String, message: String) -> LogLine {
    let is_event = LogRole::ALL.contains(&role);
    let read = || serde_json::from_str::<Envelope>(&message).ok().map(|envelope| envelope.detail);
    let upload = if is_event { read() } else { None };
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
}
