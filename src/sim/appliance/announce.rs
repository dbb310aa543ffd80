//! The agenda: announcements that are due, notifications that somebody asked for, and tries that are due again.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::book::Due;
use super::core::{Asked, Core, State, path_of};
use super::disk;
use crate::sim::{DETAIL_TYPE, Notification};

/// Entries of one `PutEvents`.
const MOST_ENTRIES: usize = 10;
/// The wait before an event is sent again.
const WAIT: Duration = Duration::from_secs(1);

/// Announces what is due, and wakes workers when a moment has come, until the share is closed.
pub(super) async fn keep_agenda(core: Arc<Core>) {
    while !core.stop.is_cancelled() {
        let due = core.state().book.take_due(core.clock.now(), MOST_ENTRIES);
        if !due.is_empty() {
            announce(&core, due).await;
            continue;
        }
        let (next, asked) = {
            let mut state = core.state();
            if state.book.mature(core.clock.now()) {
                core.work.notify_one();
            }
            let State { book, register, .. } = &mut *state;
            let keys = book.totals().files + book.totals().directories;
            let kept = if register.is_stale(keys) { register.rewrite(book.memories()) } else { register.flush() };
            if let Err(error) = kept {
                tracing::warn!(%error, "the file share cannot write down what it has done, and will do it again");
            }
            let asked = state.book.answered();
            state.events += asked.len() as u64;
            (state.book.next_moment(), asked)
        };
        for asked in asked {
            tokio::spawn(say_uploaded(Arc::clone(&core), asked));
        }
        let moment = async {
            match next {
                Some(next) => core.clock.sleep_until(next).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = moment => {}
            () = core.agenda.notified() => {}
            () = core.stop.cancelled() => {}
        }
    }
}

async fn announce(core: &Arc<Core>, due: Vec<Due>) {
    let entries = due.iter().map(|due| notification(core, due)).collect();
    let answer = core.uplink.announce(entries).await;
    let now = core.clock.now();
    let mut state = core.state();
    for (place, due) in due.iter().enumerate() {
        let refused = match &answer {
            Ok(again) => again.contains(&place).then(|| "the event bus did not take it".to_owned()),
            Err(error) => Some(error.to_string()),
        };
        state.book.told(due, refused.is_none(), now);
        let path = path_of(&due.key);
        if let Some(problem) = refused {
            state.notes.problem(path, format!("it cannot be announced: {problem}"), true, now);
        } else {
            state.notes.announced += 1;
            state.notes.clear(path);
            state.notes.done("announced", path, due.stamp.size, now);
            core.remember(&mut state, &due.key);
        }
    }
    drop(state);
    core.changes.send_modify(|count| *count += 1);
}

/// The entry of an upload notification.
fn notification(core: &Core, due: &Due) -> Value {
    let sent = Notification {
        object_key: path_of(&due.key).to_owned(),
        object_size: due.stamp.size,
        modified: disk::modified(due.stamp),
    };
    let mut detail = sent.detail(&core.config.share);
    detail["prefix"] = Value::from(core.config.prefix.as_str());
    core.entry(DETAIL_TYPE, &detail)
}

async fn say_uploaded(core: Arc<Core>, asked: Asked) {
    let detail = json!({
        "event-type": "upload-complete",
        "notification-id": asked.id,
        "request-received": asked.received.iso_seconds(),
        "completed": core.clock.now().iso_seconds(),
    });
    let entry = core.entry("Storage Gateway File Upload Event", &detail);
    send(&core, &asked.id, entry).await;
    core.state().events -= 1;
    core.wake();
}

/// Sends an event that was promised until it is taken, the share is closed, or it is refused for good.
pub(super) async fn send(core: &Core, id: &str, entry: Value) {
    loop {
        let online = core.state().book.online();
        if online {
            match core.uplink.announce(vec![entry.clone()]).await {
                Ok(again) if again.is_empty() => return core.kept(id),
                Err(error) if !error.retryable => {
                    core.problem("", format!("an event of the share was refused: {error}"), false);
                    return core.kept(id);
                }
                Ok(_) | Err(_) => {}
            }
        }
        tokio::select! {
            () = core.clock.sleep(WAIT), if online => {}
            () = until(core, |core| core.state().book.online()), if !online => {}
            () = core.stop.cancelled() => return,
        }
    }
}

/// Waits until the books are as `met` wants them.
pub(super) async fn until(core: &Core, met: impl Fn(&Core) -> bool) {
    let mut changes = core.changes.subscribe();
    while !met(core) {
        if changes.changed().await.is_err() {
            return;
        }
    }
}
