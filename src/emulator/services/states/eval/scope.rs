//! What an expression can see: the input, the context object and the variables.

use std::cell::OnceCell;
use std::sync::Arc;

use serde_json::Value;

use crate::emulator::Fabric;

pub use variables::Variables;

/// The context object, built when an expression first asks for it.
pub struct LazyContext<'a> {
    build: Box<dyn Fn() -> Value + 'a>,
    value: OnceCell<Value>,
}

impl<'a> LazyContext<'a> {
    /// A context object that `build` makes on demand.
    pub fn new(build: impl Fn() -> Value + 'a) -> Self {
        Self { build: Box::new(build), value: OnceCell::new() }
    }

    /// The context object.
    pub fn value(&self) -> &Value {
        self.value.get_or_init(|| (self.build)())
    }
}

/// What an expression can see.
pub struct Scope<'a> {
    /// `$`, or `$states.input`.
    pub input: &'a Value,
    /// `$states.result`, where there is one.
    pub result: Option<&'a Value>,
    /// `$states.errorOutput`, where there is one.
    pub error: Option<&'a Value>,
    /// `$$`.
    pub context: &'a LazyContext<'a>,
    /// `$name`.
    pub variables: &'a Variables,
    /// Source of random numbers and ids.
    pub fabric: &'a Fabric,
}

mod variables {
    use super::{Arc, Value};

    /// Variables by name; a copy shares the values.
    #[derive(Debug, Clone, Default)]
    pub struct Variables(Vec<(Arc<str>, Arc<Value>)>);

    impl Variables {
        /// The value of a variable.
        #[must_use]
        pub fn get(&self, name: &str) -> Option<&Value> {
            self.0.iter().find(|(known, _)| &**known == name).map(|(_, value)| &**value)
        }

        /// Gives a variable its value.
        pub fn set(&mut self, name: &str, value: Value) {
            let value = Arc::new(value);
            match self.0.iter_mut().find(|(known, _)| &**known == name) {
                Some((_, old)) => *old = value,
                None => self.0.push((Arc::from(name), value)),
            }
        }

        /// Every variable.
        pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
            self.0.iter().map(|(name, value)| (&**name, &**value))
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::emulator::Identity;

    /// Evaluates in a scope of state `S` with the variable `v` = 2.
    pub fn evaluate_in<T>(input: &Value, evaluate: impl FnOnce(&Scope<'_>) -> T) -> T {
        let fabric = Fabric::new(Clock::default(), Identity::default(), 1);
        let context = LazyContext::new(|| json!({"State": {"Name": "S"}}));
        let mut variables = Variables::default();
        variables.set("v", json!(2));
        evaluate(&Scope { input, result: None, error: None, context: &context, variables: &variables, fabric: &fabric })
    }

    #[test]
    fn a_variable_keeps_its_last_value() {
        let mut variables = Variables::default();
        variables.set("a", json!(1));
        let before = variables.clone();
        variables.set("a", json!(2));
        assert_eq!((before.get("a"), variables.get("a"), variables.get("b")), (Some(&json!(1)), Some(&json!(2)), None));
        assert_eq!(variables.iter().count(), 1);
    }
}
