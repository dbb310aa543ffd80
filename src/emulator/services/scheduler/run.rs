//! A schedule's task: sleeps until something is due, invokes, and goes on until nothing will be due any more.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::invocation::Invocation;
use super::schedule::{FIRED, Fired, SCHEDULE, Schedule};
use super::{Groups, Scheduler, lock};
use crate::emulator::{Fabric, Outbox, Shelf};
use crate::model::Timestamp;

impl Scheduler {
    /// Sets the schedule's task going, unless it is switched off; what was due before `from` is done.
    pub(super) fn begin(&self, schedule: Arc<Schedule>, from: Timestamp) {
        if !schedule.plan.enabled {
            return;
        }
        let run = Run {
            fabric: self.fabric.clone(),
            shelf: self.shelf.clone(),
            outbox: Arc::clone(&self.outbox),
            groups: Arc::clone(&self.groups),
        };
        tokio::spawn(async move {
            let ended = schedule.ended.clone();
            tokio::select! {
                () = ended.cancelled() => {}
                () = run.follow(schedule, from) => {}
            }
        });
    }

    /// Goes on with an invocation that was under way when an earlier start ended.
    pub(super) fn go_on(&self, invocation: Invocation) {
        tokio::spawn(invocation.carry_out(self.fabric.clone()));
    }
}

/// What a schedule's task needs.
struct Run {
    fabric: Fabric,
    shelf: Shelf,
    outbox: Arc<Outbox>,
    groups: Arc<Mutex<Groups>>,
}

impl Run {
    async fn follow(self, schedule: Arc<Schedule>, mut from: Timestamp) {
        let Self { fabric, shelf, outbox, groups } = self;
        let plan = &schedule.plan;
        let mut last = None;
        while let Some(due) = plan.next(schedule.modified, from) {
            fabric.clock().sleep_until(due + plan.window.mul_f64(fabric.fraction())).await;
            // What went by meanwhile is not made up for.
            from = fabric.clock().now().max(due + Duration::from_micros(1));
            let invocation = Invocation::new(&fabric, &outbox, &schedule, due);
            // After the invocation: whoever dies between the two has it twice, never not at all.
            shelf.put(FIRED, &schedule.row(), &Fired { modified: schedule.modified, from });
            last = Some(tokio::spawn(invocation.carry_out(fabric.clone())));
        }
        if !plan.delete_when_done {
            return;
        }
        if let Some(last) = last {
            // The schedule is done when its last invocation is, however it ends.
            let _ = last.await;
        }
        forget(&shelf, &groups, &schedule);
    }
}

/// Takes a schedule away that is done, unless it was changed meanwhile.
fn forget(shelf: &Shelf, groups: &Mutex<Groups>, schedule: &Arc<Schedule>) {
    let mut groups = lock(groups);
    let Some(group) = groups.get_mut(&schedule.group) else { return };
    if group.schedules.get(&schedule.name).is_some_and(|known| Arc::ptr_eq(known, schedule)) {
        group.schedules.remove(&schedule.name);
        shelf.delete(SCHEDULE, &schedule.row());
        shelf.delete(FIRED, &schedule.row());
    }
}

/// The moment as context attributes and dead letters write it.
pub fn written(moment: Timestamp) -> String {
    moment.iso_seconds()
}
