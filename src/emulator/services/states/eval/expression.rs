//! One expression of the JSONPath language: `$…`, `$$…`, `$variable…` or `States.Function(…)`.

use std::borrow::Cow;

use serde_json::Value;

use super::intrinsic::Call;
use super::path::{PathError, Query, Step};
use super::{EvalError, Scope};

/// A compiled expression with the text that it was written as.
#[derive(Debug, Clone)]
pub struct Expression {
    source: String,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    Input(Query),
    Context(Query),
    Variable(String, Query),
    Call(Box<Call>),
}

impl Expression {
    /// Compiles a path or a call of an intrinsic function.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn compile(source: &str) -> Result<Self, PathError> {
        if source.starts_with("States.") {
            let call = Call::parse(source)?;
            return Ok(Self { source: source.to_owned(), kind: Kind::Call(Box::new(call)) });
        }
        Self::path(source)
    }

    /// Compiles a path.
    ///
    /// # Errors
    /// When the text is no path.
    pub fn path(source: &str) -> Result<Self, PathError> {
        let kind = if let Some(rest) = source.strip_prefix("$$") {
            Kind::Context(Query::compile(rest)?)
        } else {
            let rest = source.strip_prefix('$').ok_or(PathError)?;
            match rest.chars().next() {
                Some(c) if c.is_alphabetic() || c == '_' => {
                    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
                    Kind::Variable(rest[..end].to_owned(), Query::compile(&rest[end..])?)
                }
                _ => Kind::Input(Query::compile(rest)?),
            }
        };
        Ok(Self { source: source.to_owned(), kind })
    }

    /// The text that it was written as.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The steps of a definite path of the input, which is what a reference path is.
    #[must_use]
    pub fn reference_steps(&self) -> Option<&[Step]> {
        match &self.kind {
            Kind::Input(query) => query.steps(),
            _ => None,
        }
    }

    /// What the path finds; `None` when it leads nowhere. A call is evaluated.
    ///
    /// # Errors
    /// When an intrinsic function fails.
    pub fn find<'a>(&self, scope: &'a Scope<'_>) -> Result<Option<Cow<'a, Value>>, EvalError> {
        Ok(match &self.kind {
            Kind::Input(query) => query.find(scope.input),
            Kind::Context(query) => query.find(scope.context.value()),
            Kind::Variable(name, query) => scope.variables.get(name).and_then(|value| query.find(value)),
            Kind::Call(call) => Some(Cow::Owned(call.evaluate(scope)?)),
        })
    }

    /// The value of the expression.
    ///
    /// # Errors
    /// When a path leads nowhere or an intrinsic function fails.
    pub fn evaluate(&self, scope: &Scope<'_>) -> Result<Value, EvalError> {
        match self.find(scope)? {
            Some(found) => Ok(found.into_owned()),
            None => Err(EvalError::Missing { path: self.source.clone(), input: self.sought_in(scope) }),
        }
    }

    /// The JSON text that a path of this kind is looked up in.
    fn sought_in(&self, scope: &Scope<'_>) -> String {
        match &self.kind {
            Kind::Context(_) => scope.context.value().to_string(),
            _ => scope.input.to_string(),
        }
    }
}
