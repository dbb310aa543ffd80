//! A schedule's task: sleeps until something is due, invokes, and goes on until nothing will be due any more.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::invocation::Invocation;
use super::schedule::Schedule;
use super::{Groups, Scheduler, lock};
use crate::emulator::Fabric;
use crate::model::Timestamp;

impl Scheduler {
    /// Sets the schedule's task going, unless it is switched off.
    pub(super) fn begin(&self, schedule: Arc<Schedule>) {
        if !schedule.plan.enabled {
            return;
        }
        let (fabric, groups) = (self.fabric.clone(), Arc::clone(&self.groups));
        tokio::spawn(async move {
            let ended = schedule.ended.clone();
            tokio::select! {
                () = ended.cancelled() => {}
                () = run(fabric, groups, schedule) => {}
            }
        });
    }
}

async fn run(fabric: Fabric, groups: Arc<Mutex<Groups>>, schedule: Arc<Schedule>) {
    let plan = &schedule.plan;
    let mut from = schedule.modified;
    let mut last = None;
    while let Some(due) = plan.next(schedule.modified, from) {
        fabric.clock().sleep_until(due + plan.window.mul_f64(fabric.fraction())).await;
        // What went by meanwhile is not made up for.
        from = fabric.clock().now().max(due + Duration::from_micros(1));
        let invocation = Invocation::new(&fabric, &schedule, due);
        last = Some(tokio::spawn(invocation.carry_out(fabric.clone())));
    }
    if !plan.delete_when_done {
        return;
    }
    if let Some(last) = last {
        // The schedule is done when its last invocation is, however it ends.
        let _ = last.await;
    }
    forget(&groups, &schedule);
}

/// Takes a schedule away that is done, unless it was changed meanwhile.
fn forget(groups: &Mutex<Groups>, schedule: &Arc<Schedule>) {
    let mut groups = lock(groups);
    let Some(group) = groups.get_mut(&schedule.group) else { return };
    if group.schedules.get(&schedule.name).is_some_and(|known| Arc::ptr_eq(known, schedule)) {
        group.schedules.remove(&schedule.name);
    }
}

/// The moment as context attributes and dead letters write it.
pub fn written(moment: Timestamp) -> String {
    moment.iso_seconds()
}
