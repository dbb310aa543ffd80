//! Amazon EC2 and VPC: every resource that the stacks make, simulated. What is answered is what was stored; no packet
//! flows and no machine runs.
//!
//! One store of resources (`store`), one reader of inputs (`input`), one `Describe` with filters and pages (`describe`
//! over `kind`), one writer of EC2's XML (`wire`, `names`). An operation is an entry in the table of its file.

mod appliances;
mod attributes;
mod cidr;
mod describe;
mod endpoints;
mod error;
mod gateways;
mod groups;
mod images;
mod input;
mod instances;
mod interfaces;
mod kept;
mod kind;
mod names;
mod places;
mod routes;
mod store;
mod table;
mod tags;
mod view;
mod volumes;
mod vpcs;
mod wire;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use futures::future::BoxFuture;
use serde_json::{Map, Value};

use self::error::Error;
use self::input::Input;
use self::kept::Kept;
use self::kind::Kind;
use self::store::{Store, Work};
use self::table::{COMMON, Operation, Run};
use crate::emulator::keep::KeepError;
use crate::emulator::service::{ReplyBody, RequestBody};
use crate::emulator::{Call, Context, Fabric, Interface, Origin, Protocol, Service, ServiceError, front};

/// EC2 speaks the query protocol with an XML of its own, so that it takes requests as they are.
static INTERFACE: Interface =
    Interface { id: "ec2", title: "Amazon EC2", target_prefix: None, json_version: "1.1", query: None, rest: true };

/// Operations that only describe one kind, with the kind.
static DESCRIBED: [(&str, &Kind); 15] = [
    ("DescribeAddresses", &kind::ADDRESS),
    ("DescribeDhcpOptions", &kind::DHCP_OPTIONS),
    ("DescribeIamInstanceProfileAssociations", &kind::PROFILE_ASSOCIATION),
    ("DescribeInternetGateways", &kind::INTERNET_GATEWAY),
    ("DescribeNatGateways", &kind::NAT_GATEWAY),
    ("DescribeNetworkAcls", &kind::NETWORK_ACL),
    ("DescribeNetworkInterfaces", &kind::INTERFACE),
    ("DescribePrefixLists", &kind::PREFIX_LIST),
    ("DescribeRouteTables", &kind::ROUTE_TABLE),
    ("DescribeSecurityGroupRules", &kind::RULE),
    ("DescribeSecurityGroups", &kind::SECURITY_GROUP),
    ("DescribeSubnets", &kind::SUBNET),
    ("DescribeVolumes", &kind::VOLUME),
    ("DescribeVpcEndpoints", &kind::ENDPOINT),
    ("DescribeVpcs", &kind::VPC),
];

static TABLES: [&[Operation]; 11] = [
    attributes::OPERATIONS,
    endpoints::OPERATIONS,
    gateways::OPERATIONS,
    groups::OPERATIONS,
    images::OPERATIONS,
    instances::OPERATIONS,
    interfaces::OPERATIONS,
    places::OPERATIONS,
    routes::OPERATIONS,
    tags::OPERATIONS,
    volumes::OPERATIONS,
];

fn all() -> impl Iterator<Item = &'static Operation> {
    TABLES.iter().copied().chain([vpcs::OPERATIONS]).flatten()
}

/// The service.
pub struct Ec2 {
    fabric: Fabric,
    /// Made at the first call, as its default VPC takes ids.
    store: Mutex<(Option<Store>, Kept)>,
}

impl Ec2 {
    /// With what was kept, else with what every account has: a default VPC, and the images that AWS publishes.
    ///
    /// # Errors
    /// When what was kept cannot be read.
    pub fn new(fabric: Fabric) -> Result<Arc<Self>, KeepError> {
        let (kept, store) = Kept::load(fabric.keep().shelf(INTERFACE.id))?;
        Ok(Arc::new(Self { fabric, store: Mutex::new((store, kept)) }))
    }

    fn carry_out(&self, operation: &str, input: &Map<String, Value>) -> Result<Value, Error> {
        let described = DESCRIBED.iter().find(|(name, _)| *name == operation).map(|(_, kind)| *kind);
        let found = all().find(|one| one.name == operation);
        let input = Input(input);
        match (described, found) {
            (Some(kind), _) => {
                let also: &[&str] = match operation {
                    "DescribeSecurityGroups" => &["GroupName"],
                    "DescribeAddresses" => &["PublicIp"],
                    _ => &[],
                };
                check_members(operation, &[&[kind.id], also].concat(), input)?;
                self.with_store(None, |work| {
                    let mut answer = describe::describe(work, kind, input)?;
                    if let (Some(member), Some(all)) = (also.first(), answer[kind.list].as_array_mut()) {
                        let wanted = input.texts(member);
                        all.retain(|one| wanted.is_empty() || wanted.iter().any(|name| one[*member] == name.as_str()));
                        if let Some(missing) =
                            wanted.iter().find(|name| !all.iter().any(|one| one[*member] == name.as_str()))
                        {
                            return Err(kind.not_found(missing));
                        }
                    }
                    Ok(answer)
                })
            }
            (None, Some(found)) => {
                check_members(operation, found.members, input)?;
                self.change(operation, found.run, input)
            }
            (None, None) => Err(Error::unsupported(operation)),
        }
    }

    /// Carries out what may change something: once for a client token, and on a copy for a dry run.
    fn change(&self, operation: &str, run: Run, input: Input<'_>) -> Result<Value, Error> {
        let is_dry = input.flag("DryRun")? == Some(true);
        let token = input.text("ClientToken").map(|token| (operation.to_owned(), token));
        self.with_store(token.as_ref(), |work| {
            if let Some(before) = token.as_ref().and_then(|token| work.store.answered.get(token)) {
                return Ok(before.clone());
            }
            let mut copy = is_dry.then(|| work.store.clone());
            let Work { fabric, now, .. } = *work;
            let store = copy.as_mut().unwrap_or(work.store);
            let answer = run(&mut Work { store, fabric, now }, input)?;
            if is_dry {
                return Err(Error::dry_run());
            }
            if let Some(token) = &token {
                work.store.answered.insert(token.clone(), answer.clone());
            }
            Ok(answer)
        })
    }

    fn with_store<T>(
        &self,
        token: Option<&(String, String)>,
        run: impl FnOnce(&mut Work<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut guard = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.fabric.clock().now();
        let (store, kept) = &mut *guard;
        let is_new = store.is_none();
        let store = store.get_or_insert_default();
        let mut work = Work { store, fabric: &self.fabric, now };
        if is_new {
            endpoints::make_prefix_lists(&mut work);
            images::publish(&mut work);
            vpcs::create_default(&mut work)?;
        }
        work.store.settle(now);
        let answered = work.store.answered.len();
        let answer = run(&mut work);
        kept.keep(work.store);
        if work.store.answered.len() > answered
            && let (Some(token), Ok(_)) = (token, &answer)
            && let Some(told) = work.store.answered.get(token)
        {
            kept.keep_answer(token, told);
        }
        answer
    }

    async fn answer(&self, request: http::Request<RequestBody>) -> http::Response<ReplyBody> {
        let id = self.fabric.uuid();
        let (operation, result) = match front::query_input(request).await {
            Ok((operation, input)) => {
                let context = Context { protocol: Protocol::Query, origin: Origin::Public };
                let result = self.call(Call { operation: operation.clone(), input, context }).await;
                (operation, result)
            }
            Err(error) => (String::new(), Err(error)),
        };
        wire::reply(&operation, result, &id)
    }
}

/// Refuses a member that the operation has not.
fn check_members(operation: &str, members: &[&str], input: Input<'_>) -> Result<(), Error> {
    let known = |given: &String| members.iter().chain(&COMMON).any(|name| Input::is_named(name, given));
    match input.0.keys().find(|given| !known(given)) {
        Some(unknown) => Err(Error::new(
            "UnknownParameter",
            format!(
                "The parameter {unknown} is not recognized: the embedded endpoint does not implement it for {operation}"
            ),
        )),
        None => Ok(()),
    }
}

impl Service for Ec2 {
    fn interface(&self) -> &'static Interface {
        &INTERFACE
    }

    fn operations(&self) -> &'static [&'static str] {
        static NAMES: OnceLock<Vec<&'static str>> = OnceLock::new();
        NAMES.get_or_init(|| {
            let mut names: Vec<&str> =
                all().map(|one| one.name).chain(DESCRIBED.iter().map(|(name, _)| *name)).collect();
            names.sort_unstable();
            names
        })
    }

    fn call(&self, call: Call) -> BoxFuture<'_, Result<Value, ServiceError>> {
        Box::pin(async move {
            if !self.operations().contains(&call.operation.as_str()) {
                return Err(ServiceError::not_implemented(INTERFACE.title, &call.operation));
            }
            let Value::Object(input) = call.input else {
                return Err(ServiceError::serialization("the input is not an object"));
            };
            let answer = self.carry_out(&call.operation, &input)?;
            self.tell_of_appliances(&call.operation, &answer).await;
            Ok(answer)
        })
    }

    fn http(&self, request: http::Request<RequestBody>) -> BoxFuture<'_, http::Response<ReplyBody>> {
        Box::pin(self.answer(request))
    }

    fn summary(&self) -> Vec<(&'static str, usize)> {
        let guard = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |kind: &'static Kind| guard.0.as_ref().map_or(0, |store| store.of(kind).count());
        vec![("instances", count(&kind::INSTANCE)), ("VPCs", count(&kind::VPC))]
    }

    fn resume(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.tell_of_all_appliances())
    }
}
