//! One fault: what a request may say of it, what it concerns, and when it strikes.

use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::Caller;
use crate::emulator::glob;
use crate::emulator::service::Service;

/// Stands for every service.
const EVERY: &str = "*";

/// The longest delay: ten minutes, beyond which no client waits.
const LONGEST_DELAY_MS: u64 = 600_000;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A call is refused because there were too many.
    Throttle,
    /// A call is answered late.
    Delay,
    /// A call fails inside the service.
    Error,
    /// A delivery comes twice.
    Duplicate,
    /// A delivery is lost once.
    Drop,
    /// An invocation of a function fails.
    Fail,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::Delay => "delay",
            Self::Error => "error",
            Self::Duplicate => "duplicate",
            Self::Drop => "drop",
            Self::Fail => "fail",
        }
    }

    fn is_of_calls(self) -> bool {
        matches!(self, Self::Throttle | Self::Delay | Self::Error)
    }

    fn is_of_deliveries(self) -> bool {
        matches!(self, Self::Duplicate | Self::Drop)
    }
}

/// Whose calls a fault concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Callers {
    /// Everybody's.
    All,
    /// Those from outside.
    Clients,
    /// Those of the endpoint's own functions.
    Functions,
}

/// A fault as a request describes it.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct FaultInput {
    kind: Kind,
    /// The id of a service, as in signatures; of deliveries, that of the target's service.
    #[serde(default = "every")]
    service: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    operation: Option<String>,
    /// The share of what it concerns that it strikes.
    #[serde(default = "always")]
    rate: f64,
    /// How often it strikes before it rests; without it there is no end.
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callers: Option<Callers>,
    /// The ARN that deliveries go to; `*` and `?` are wildcards.
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    /// The name of a function; `*` and `?` are wildcards.
    #[serde(skip_serializing_if = "Option::is_none")]
    function: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

fn every() -> String {
    EVERY.to_owned()
}

fn always() -> f64 {
    1.0
}

impl FaultInput {
    /// Checks what the types cannot say.
    ///
    /// # Errors
    /// One sentence: what is wrong, and what would be right.
    pub fn check<'a>(&self, services: impl Iterator<Item = &'a dyn Service>) -> Result<(), String> {
        let kind = self.kind.name();
        if !(0.0..=1.0).contains(&self.rate) {
            return Err(format!("rate {} is out of range: give the share that is struck, 0 to 1", self.rate));
        }
        if self.count == Some(0) {
            return Err("count 0 would never strike: give 1 or more, or leave it out".to_owned());
        }
        match (self.kind, self.delay_ms) {
            (Kind::Delay, None) => return Err("a delay has no length: give delay_ms, in milliseconds".to_owned()),
            (Kind::Delay, Some(millis)) if millis > LONGEST_DELAY_MS => {
                return Err(format!("delay_ms {millis} is too long: give {LONGEST_DELAY_MS} at the most"));
            }
            (Kind::Delay, Some(_)) | (_, None) => {}
            (_, Some(_)) => return Err(format!("a fault of kind {kind} takes no delay_ms: use kind delay")),
        }
        if !self.kind.is_of_calls() && (self.operation.is_some() || self.callers.is_some()) {
            return Err(format!(
                "a fault of kind {kind} concerns no calls: leave operation and callers out, or use kind throttle, delay or error"
            ));
        }
        if !self.kind.is_of_deliveries() && self.target.is_some() {
            return Err(format!(
                "a fault of kind {kind} concerns no deliveries: leave target out, or use kind duplicate or drop"
            ));
        }
        if self.kind != Kind::Fail && self.function.is_some() {
            return Err(format!("a fault of kind {kind} concerns no functions: leave function out, or use kind fail"));
        }
        if self.kind == Kind::Fail && self.service != EVERY && self.service != "lambda" {
            return Err(format!("service {:?} runs no functions: leave service out", self.service));
        }
        self.check_names(services)
    }

    /// A name that nothing has would strike nothing, silently.
    fn check_names<'a>(&self, services: impl Iterator<Item = &'a dyn Service>) -> Result<(), String> {
        let services: Vec<&dyn Service> = services.collect();
        let named: Vec<&&dyn Service> =
            services.iter().filter(|service| self.service == EVERY || service.interface().id == self.service).collect();
        if named.is_empty() && self.service != EVERY {
            let known: Vec<&str> = services.iter().map(|service| service.interface().id).collect();
            return Err(format!(
                "service {:?} is none of the endpoint's: use one of {}, or \"*\" for all",
                self.service,
                known.join(", ")
            ));
        }
        let Some(operation) = &self.operation else { return Ok(()) };
        let has = |service: &&&dyn Service| {
            service.operations().contains(&operation.as_str()) || service.streams().contains(&operation.as_str())
        };
        if !named.is_empty() && !named.iter().any(has) {
            return Err(format!(
                "operation {operation:?} is none of service {:?}: docs/emulator.md lists them as AWS spells them",
                self.service
            ));
        }
        Ok(())
    }
}

/// A fault that was added.
#[derive(Debug, Serialize)]
pub struct Fault {
    /// Its number.
    pub id: u64,
    #[serde(flatten)]
    input: FaultInput,
    /// How often it has struck.
    struck: u64,
    /// How often it will strike yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    remaining: Option<u64>,
    #[serde(skip)]
    random: ChaCha8Rng,
}

impl Fault {
    /// A fault that has not struck yet.
    pub fn new(id: u64, mut input: FaultInput, seed: u64) -> Self {
        let seed = *input.seed.get_or_insert(seed);
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        // Faults of two kinds and one seed shall not strike the same calls.
        random.set_stream(input.kind as u64);
        Self { id, remaining: input.count, input, struck: 0, random }
    }

    /// What goes wrong.
    pub fn kind(&self) -> Kind {
        self.input.kind
    }

    /// How long a call waits.
    pub fn delay(&self) -> Duration {
        Duration::from_millis(self.input.delay_ms.unwrap_or_default())
    }

    /// Whether it may strike again.
    pub fn is_live(&self) -> bool {
        self.remaining != Some(0)
    }

    /// Draws whether it strikes this time, and counts that.
    pub fn strikes(&mut self) -> bool {
        if !self.is_live() || self.random.random::<f64>() >= self.input.rate {
            return false;
        }
        self.struck += 1;
        self.remaining = self.remaining.map(|remaining| remaining.saturating_sub(1));
        true
    }

    /// Whether it is about calls, and about this one.
    pub fn concerns_call(&self, service: &str, operation: &str, caller: Caller) -> bool {
        let callers = match self.input.callers.unwrap_or(Callers::All) {
            Callers::All => true,
            Callers::Clients => caller == Caller::Client,
            Callers::Functions => caller == Caller::Function,
        };
        self.input.kind.is_of_calls()
            && callers
            && self.concerns_service(service)
            && self.input.operation.as_deref().is_none_or(|wanted| wanted == operation)
    }

    /// Whether it is about deliveries, and about those to this target.
    pub fn concerns_delivery(&self, service: &str, target: impl Fn() -> String) -> bool {
        self.input.kind.is_of_deliveries()
            && self.concerns_service(service)
            && self.input.target.as_deref().is_none_or(|pattern| glob::policy(pattern, &target()))
    }

    /// Whether it is about functions, and about this one.
    pub fn concerns_function(&self, name: &str) -> bool {
        self.input.kind == Kind::Fail
            && self.input.function.as_deref().is_none_or(|pattern| glob::policy(pattern, name))
    }

    fn concerns_service(&self, service: &str) -> bool {
        self.input.service == EVERY || self.input.service == service
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn refusal(body: Value) -> String {
        let input: FaultInput = serde_json::from_value(body).expect("the members are known");
        input.check(std::iter::empty()).expect_err("refused")
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_a_remedy() {
        for (body, words) in [
            (json!({"kind": "throttle", "rate": 1.5}), "0 to 1"),
            (json!({"kind": "throttle", "rate": -0.1}), "0 to 1"),
            (json!({"kind": "throttle", "count": 0}), "1 or more"),
            (json!({"kind": "delay"}), "give delay_ms"),
            (json!({"kind": "delay", "delay_ms": 600_001}), "600000 at the most"),
            (json!({"kind": "error", "delay_ms": 5}), "use kind delay"),
            (json!({"kind": "drop", "operation": "PutEvents"}), "leave operation and callers out"),
            (json!({"kind": "fail", "callers": "all"}), "leave operation and callers out"),
            (json!({"kind": "error", "target": "*"}), "leave target out"),
            (json!({"kind": "error", "function": "f"}), "leave function out"),
            (json!({"kind": "fail", "service": "sqs"}), "leave service out"),
            (json!({"kind": "error", "service": "sns"}), "or \"*\" for all"),
        ] {
            let refused = refusal(body.clone());
            assert!(refused.contains(words), "{body}: {refused}");
        }
        for body in [
            json!({"kind": "boom"}),
            json!({}),
            json!({"kind": "fail", "raet": 1}),
            json!({"kind": "fail", "count": -1}),
        ] {
            assert!(serde_json::from_value::<FaultInput>(body.clone()).is_err(), "{body}");
        }
    }

    #[test]
    fn a_rate_of_nothing_never_strikes_and_a_rate_of_one_always() {
        for (rate, strikes) in [(0.0, 0), (1.0, 100)] {
            let input = serde_json::from_value(json!({"kind": "error", "rate": rate})).expect("a fault");
            let mut fault = Fault::new(1, input, 3);
            assert_eq!((0..100).filter(|_| fault.strikes()).count(), strikes);
        }
    }

    #[test]
    fn two_kinds_with_one_seed_do_not_strike_together() {
        let draws = |kind: &str| {
            let input = serde_json::from_value(json!({"kind": kind, "rate": 0.5, "delay_ms": 1})).expect("a fault");
            let mut fault = Fault::new(1, input, 3);
            (0..64).map(|_| fault.strikes()).collect::<Vec<_>>()
        };
        assert_ne!(draws("throttle"), draws("delay"));
    }
}
