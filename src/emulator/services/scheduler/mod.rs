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
use crate::emulator::{Fabric, ServiceError, body};
use group::Group;

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
    groups: Arc<Mutex<Groups>>,
}

fn lock(groups: &Mutex<Groups>) -> MutexGuard<'_, Groups> {
    groups.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Scheduler {
    /// The service with its default group.
    #[must_use]
    pub fn new(fabric: Fabric) -> Arc<Self> {
        let group = Group::new(&fabric, DEFAULT_GROUP, BTreeMap::new());
        let groups = Arc::new(Mutex::new(BTreeMap::from([(DEFAULT_GROUP.to_owned(), group)])));
        Arc::new(Self { fabric, groups })
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

    fn http(&self, request: http::Request<RequestBody>) -> BoxFuture<'_, http::Response<ReplyBody>> {
        Box::pin(self.answer(request))
    }
}
