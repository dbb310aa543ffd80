//! Amazon EventBridge Scheduler: schedules in groups, which call their target when the endpoint's clock says so.
//!
//! Every schedule that is on has one task, which sleeps until the next moment that is due. A moment that went by while
//! time was stepped forward is due once, however many there were.

mod error;
mod group;
mod invocation;
mod list;
mod rest;
mod run;
mod schedule;
mod settings;
mod target;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::emulator::service::{Call, Context, Interface, Origin, Protocol, ReplyBody, RequestBody, Service};
use crate::emulator::{Fabric, KeepError, Outbox, ServiceError, Shelf, body};
use group::{GROUP, Group};
use invocation::{INVOCATION, Invocation};
use schedule::{FIRED, Fired, SCHEDULE, Schedule};

static INTERFACE: Interface = Interface {
    id: "scheduler",
    title: "Amazon EventBridge Scheduler",
    target_prefix: None,
    json_version: "1.1",
    query: None,
    rest: true,
};

/// The principal of invocations.
const PRINCIPAL: &str = "scheduler.amazonaws.com";
/// The group that is always there.
const DEFAULT_GROUP: &str = "default";
/// The largest request.
const LARGEST_BODY: usize = 1024 * 1024;

type Groups = BTreeMap<String, Group>;

/// The schedules of the endpoint.
pub struct Scheduler {
    fabric: Fabric,
    shelf: Shelf,
    groups: Arc<Mutex<Groups>>,
    /// Invocations under way.
    outbox: Arc<Outbox>,
    /// Those that were under way when an earlier start ended, until they are taken up.
    left: Mutex<Vec<Invocation>>,
}

fn lock(groups: &Mutex<Groups>) -> MutexGuard<'_, Groups> {
    groups.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scheduler {
    /// The service with the groups and schedules that were kept, or with its default group.
    ///
    /// # Errors
    /// When these cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        let shelf = fabric.keep().shelf(INTERFACE.id);
        let mut groups: Groups = shelf.all(GROUP)?.into_iter().collect();
        for (id, kept) in shelf.all(SCHEDULE)? {
            let read = Schedule::found(kept, fabric.shutdown_token().child_token());
            let schedule = read.map_err(|problem| KeepError::Row {
                service: INTERFACE.id,
                kind: SCHEDULE,
                id,
                problem: problem.to_string(),
            })?;
            if let Some(group) = groups.get_mut(&schedule.group) {
                group.schedules.insert(schedule.name.clone(), Arc::new(schedule));
            }
        }
        if !groups.contains_key(DEFAULT_GROUP) {
            let group = Group::new(&fabric, DEFAULT_GROUP, BTreeMap::new());
            shelf.put(GROUP, DEFAULT_GROUP, &group);
            groups.insert(DEFAULT_GROUP.to_owned(), group);
        }
        let outbox = Arc::new(Outbox::new(shelf.clone(), INVOCATION));
        let mut left = Vec::new();
        for (ticket, kept) in outbox.left()? {
            match Invocation::found(kept, ticket, fabric.shutdown_token().child_token()) {
                Ok(invocation) => left.push(invocation),
                Err(problem) => tracing::error!(%problem, "an invocation that was under way cannot be read"),
            }
        }
        Ok(Arc::new(Self { fabric, shelf, groups: Arc::new(Mutex::new(groups)), outbox, left: Mutex::new(left) }))
    }

    /// Lets every schedule go on from where it was.
    fn take_up(&self) -> Result<(), KeepError> {
        let mut fired: BTreeMap<String, Fired> = self.shelf.all(FIRED)?.into_iter().collect();
        let schedules: Vec<Arc<Schedule>> =
            self.groups().values().flat_map(|group| group.schedules.values().cloned()).collect();
        for schedule in schedules {
            let fired = fired.remove(&schedule.row()).filter(|fired| fired.modified == schedule.modified);
            let from = fired.map_or(schedule.modified, |fired| fired.from);
            self.begin(schedule, from);
        }
        for invocation in std::mem::take(&mut *self.left.lock().unwrap_or_else(PoisonError::into_inner)) {
            self.go_on(invocation);
        }
        Ok(())
    }

    fn groups(&self) -> MutexGuard<'_, Groups> {
        lock(&self.groups)
    }

    async fn answer(&self, request: http::Request<RequestBody>) -> http::Response<ReplyBody> {
        let request_id = self.fabric.uuid();
        let (parts, body) = request.into_parts();
        let answered = async {
            let (operation, mut input) = rest::route(&parts)?;
            rest::with_body(&mut input, &whole(body).await?)?;
            let context = Context { protocol: Protocol::Json, origin: Origin::Public };
            self.call(Call { operation: operation.to_owned(), input: input.into(), context }).await
        };
        rest::reply(answered.await, &request_id)
    }
}

async fn whole(body: RequestBody) -> Result<Bytes, ServiceError> {
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(whole) => Ok(whole.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(ServiceError::validation(format!("the request's body is larger than {LARGEST_BODY} bytes")))
        }
        Err(error) => Err(body::idle(&*error)
            .unwrap_or_else(|| ServiceError::validation(format!("the request's body ended early: {error}")))),
    }
}

impl Service for Scheduler {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    crate::operations! {
        CreateSchedule => Self::create_schedule,
        GetSchedule => Self::get_schedule,
        UpdateSchedule => Self::update_schedule,
        DeleteSchedule => Self::delete_schedule,
        ListSchedules => Self::list_schedules,
        CreateScheduleGroup => Self::create_schedule_group,
        GetScheduleGroup => Self::get_schedule_group,
        DeleteScheduleGroup => Self::delete_schedule_group,
        ListScheduleGroups => Self::list_schedule_groups,
        TagResource => Self::tag_resource,
        UntagResource => Self::untag_resource,
        ListTagsForResource => Self::list_tags_for_resource,
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        let groups = self.groups();
        vec![("groups", groups.len()), ("schedules", groups.values().map(|group| group.schedules.len()).sum())]
    }

    fn resume(&self) -> BoxFuture<'_, ()> {
        if let Err(error) = self.take_up() {
            tracing::error!(%error, "schedules do not go on");
        }
        Box::pin(async {})
    }

    fn http(&self, request: http::Request<RequestBody>) -> BoxFuture<'_, http::Response<ReplyBody>> {
        Box::pin(self.answer(request))
    }
}
