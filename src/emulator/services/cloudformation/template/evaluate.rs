//! The intrinsic functions: a template's value becomes a plain one.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::conditions::truth;
use super::functions::{Piece, cidr, get_att, pieces};
use super::{Template, invalid};
use crate::emulator::services::cloudformation::error::Error;

/// What stands in a change set for a value that is known only after it is executed.
pub const KNOWN_AFTER_APPLY: &str = "{{changeSet:KNOWN_AFTER_APPLY}}";

/// What resources give to others.
pub trait Resources {
    /// What `Ref` gives.
    ///
    /// # Errors
    /// When there is no such resource.
    fn reference(&self, logical: &str) -> Result<Value, Error>;

    /// What `Fn::GetAtt` gives.
    ///
    /// # Errors
    /// When there is no such resource or attribute.
    fn attribute(&self, logical: &str, attribute: &str) -> Result<Value, Error>;
}

/// Resources where there are none: in conditions.
pub struct NoResources;

impl Resources for NoResources {
    fn reference(&self, logical: &str) -> Result<Value, Error> {
        Err(invalid(format!(
            "Template format error: Unresolved dependencies [{logical}]. Cannot reference resources in the Conditions block of the template"
        )))
    }

    fn attribute(&self, logical: &str, _: &str) -> Result<Value, Error> {
        self.reference(logical)
    }
}

/// The stack that pseudo parameters tell of.
#[derive(Debug, Clone)]
pub struct Pseudo {
    /// Twelve digits.
    pub account: String,
    /// Such as `us-east-1`.
    pub region: String,
    /// The stack's name.
    pub stack_name: String,
    /// The stack's ARN.
    pub stack_id: String,
    /// Topics that are told of its events.
    pub notification_arns: Vec<String>,
}

/// Everything that a function may ask for.
pub struct Scope<'a> {
    /// Mappings and parameter definitions.
    pub template: &'a Template,
    /// Of the stack.
    pub pseudo: &'a Pseudo,
    /// Values of parameters, resolved.
    pub parameters: &'a BTreeMap<String, String>,
    /// Truth of conditions; filled by [`super::conditions::evaluate`].
    pub conditions: HashMap<String, bool>,
    /// Exports of other stacks.
    pub exports: &'a HashMap<String, String>,
    /// Resources of this stack.
    pub resources: &'a dyn Resources,
    /// Exports that were asked for.
    pub imported: RefCell<BTreeSet<String>>,
}

impl<'a> Scope<'a> {
    /// A scope with the truth of the template's conditions.
    ///
    /// # Errors
    /// When a condition is malformed.
    pub fn new(
        template: &'a Template,
        pseudo: &'a Pseudo,
        parameters: &'a BTreeMap<String, String>,
        exports: &'a HashMap<String, String>,
        resources: &'a dyn Resources,
    ) -> Result<Self, Error> {
        let conditions = HashMap::new();
        let mut before = Scope {
            template,
            pseudo,
            parameters,
            conditions,
            exports,
            resources: &NoResources,
            imported: RefCell::default(),
        };
        super::conditions::evaluate(&template.conditions, &mut before)?;
        Ok(Self { resources, ..before })
    }

    /// Whether what stands under `condition` is made.
    #[must_use]
    pub fn holds(&self, condition: Option<&str>) -> bool {
        condition.is_none_or(|name| self.conditions.get(name).copied().unwrap_or(false))
    }

    /// The plain value; `AWS::NoValue` alone is null.
    ///
    /// # Errors
    /// `ValidationError` in AWS's words.
    pub fn evaluate(&self, value: &Value) -> Result<Value, Error> {
        Ok(self.value(value)?.unwrap_or(Value::Null))
    }

    /// The plain text of a value.
    ///
    /// # Errors
    /// When it is no scalar.
    pub fn text(&self, value: &Value, function: &str) -> Result<String, Error> {
        match self.evaluate(value)? {
            Value::String(text) => Ok(text),
            scalar @ (Value::Bool(_) | Value::Number(_)) => Ok(scalar.to_string()),
            other => Err(invalid(format!("Template error: {function} expects a string, not {other}"))),
        }
    }

    /// `None` is `AWS::NoValue`: the member or entry falls away.
    fn value(&self, value: &Value) -> Result<Option<Value>, Error> {
        match value {
            Value::Array(entries) => {
                let mut plain = Vec::with_capacity(entries.len());
                for entry in entries {
                    plain.extend(self.value(entry)?);
                }
                Ok(Some(Value::Array(plain)))
            }
            Value::Object(members) => {
                if members.len() == 1
                    && let Some((name, argument)) = members.iter().next()
                    && (name == "Ref" || name.starts_with("Fn::"))
                {
                    return self.function(name, argument);
                }
                let mut plain = Map::new();
                for (name, member) in members {
                    if let Some(member) = self.value(member)? {
                        plain.insert(name.clone(), member);
                    }
                }
                Ok(Some(Value::Object(plain)))
            }
            scalar => Ok(Some(scalar.clone())),
        }
    }

    fn function(&self, name: &str, argument: &Value) -> Result<Option<Value>, Error> {
        let entries = argument.as_array().map(Vec::as_slice);
        let value = match (name, argument, entries) {
            ("Ref", Value::String(name), _) => return self.reference(name),
            ("Fn::GetAtt", _, _) => {
                let (logical, attribute) = get_att(argument)?;
                let attribute = self.text(&attribute, "Fn::GetAtt")?;
                self.resources.attribute(&logical, &attribute)?
            }
            ("Fn::If", _, Some([Value::String(condition), yes, no])) => {
                let Some(truth) = self.conditions.get(condition) else {
                    return Err(invalid(format!("Template error: unresolved condition {condition}")));
                };
                return self.value(if *truth { yes } else { no });
            }
            ("Fn::Sub", Value::String(text), _) => Value::from(self.substitute(text, &Map::new())?),
            ("Fn::Sub", _, Some([Value::String(text), Value::Object(own)])) => Value::from(self.substitute(text, own)?),
            ("Fn::Join", _, Some([Value::String(delimiter), list])) => {
                let texts: Result<Vec<String>, Error> =
                    self.list(list, name)?.iter().map(|entry| self.text(entry, name)).collect();
                Value::from(texts?.join(delimiter))
            }
            ("Fn::Split", _, Some([Value::String(delimiter), text])) if !delimiter.is_empty() => {
                self.text(text, name)?.split(delimiter.as_str()).collect()
            }
            ("Fn::Select", _, Some([index, list])) => self.select(index, list)?,
            ("Fn::FindInMap", _, Some([map, first, second, rest @ ..])) if rest.len() <= 1 => {
                self.find_in_map(map, first, second, rest.first())?
            }
            ("Fn::Base64", _, _) => Value::from(STANDARD.encode(self.text(argument, name)?)),
            ("Fn::GetAZs", _, _) => {
                let region = match self.evaluate(argument)? {
                    Value::String(region) if !region.is_empty() => region,
                    _ => self.pseudo.region.clone(),
                };
                ["a", "b", "c"].iter().map(|zone| format!("{region}{zone}")).collect()
            }
            ("Fn::ImportValue", _, _) => {
                let export = self.text(argument, name)?;
                match self.exports.get(&export) {
                    Some(value) => {
                        self.imported.borrow_mut().insert(export);
                        Value::from(value.as_str())
                    }
                    None => return Err(invalid(format!("No export named {export} found."))),
                }
            }
            ("Fn::Cidr", _, Some([block, count, rest @ ..])) if rest.len() <= 1 => {
                let bits = rest.first().map_or(Ok("8".to_owned()), |bits| self.text(bits, name))?;
                cidr(&self.text(block, name)?, &self.text(count, name)?, &bits)?
            }
            ("Fn::And" | "Fn::Or" | "Fn::Not" | "Fn::Equals", _, _) => {
                let function = Value::Object(Map::from_iter([(name.to_owned(), argument.clone())]));
                let mut named = |name: &str| Ok(self.conditions.get(name).copied().unwrap_or(false));
                Value::from(truth(&function, self, &mut named)?)
            }
            _ => return Err(invalid(format!("Template error: {name} is malformed or unknown: {argument}"))),
        };
        Ok(Some(value))
    }

    fn reference(&self, name: &str) -> Result<Option<Value>, Error> {
        let pseudo = self.pseudo;
        let value = match name {
            "AWS::NoValue" => return Ok(None),
            "AWS::AccountId" => Value::from(pseudo.account.as_str()),
            "AWS::Region" => Value::from(pseudo.region.as_str()),
            "AWS::StackName" => Value::from(pseudo.stack_name.as_str()),
            "AWS::StackId" => Value::from(pseudo.stack_id.as_str()),
            "AWS::Partition" => Value::from("aws"),
            "AWS::URLSuffix" => Value::from("amazonaws.com"),
            "AWS::NotificationARNs" => Value::from(pseudo.notification_arns.clone()),
            _ => match (self.template.parameters.get(name), self.parameters.get(name)) {
                (Some(definition), Some(value)) => definition.reference(value),
                _ => self.resources.reference(name)?,
            },
        };
        Ok(Some(value))
    }

    fn substitute(&self, text: &str, own: &Map<String, Value>) -> Result<String, Error> {
        let mut plain = String::with_capacity(text.len());
        for piece in pieces(text)? {
            match piece {
                Piece::Text(text) => plain.push_str(text),
                Piece::Literal(name) => plain.push_str(&format!("${{{name}}}")),
                Piece::Name(name) => {
                    let value = match (own.get(name), name.split_once('.')) {
                        (Some(value), _) => self.evaluate(value)?,
                        (None, Some((logical, attribute))) => self.resources.attribute(logical, attribute)?,
                        (None, None) => self.reference(name)?.unwrap_or_default(),
                    };
                    match value {
                        Value::String(text) => plain.push_str(&text),
                        Value::Bool(_) | Value::Number(_) => plain.push_str(&value.to_string()),
                        Value::Array(entries) if entries.iter().all(Value::is_string) => {
                            let texts: Vec<&str> = entries.iter().filter_map(Value::as_str).collect();
                            plain.push_str(&texts.join(","));
                        }
                        _ => {
                            let problem = format!("Template error: Fn::Sub cannot put {name} into a text");
                            return Err(invalid(problem));
                        }
                    }
                }
            }
        }
        Ok(plain)
    }

    fn list(&self, value: &Value, function: &str) -> Result<Vec<Value>, Error> {
        match self.evaluate(value)? {
            Value::Array(entries) => Ok(entries),
            // A list of a resource that is still to be made.
            Value::String(unknown) if unknown == KNOWN_AFTER_APPLY => Ok(vec![Value::from(unknown)]),
            other => Err(invalid(format!("Template error: {function} expects a list, not {other}"))),
        }
    }

    fn select(&self, index: &Value, list: &Value) -> Result<Value, Error> {
        let index = self.text(index, "Fn::Select")?;
        let entries = self.list(list, "Fn::Select")?;
        if entries.first().and_then(Value::as_str) == Some(KNOWN_AFTER_APPLY) {
            return Ok(Value::from(KNOWN_AFTER_APPLY));
        }
        match index.parse::<usize>().ok().and_then(|index| entries.get(index)) {
            Some(entry) => Ok(entry.clone()),
            None => {
                Err(invalid(format!("Template error: Fn::Select cannot select nonexistent value at index {index}")))
            }
        }
    }

    fn find_in_map(&self, map: &Value, first: &Value, second: &Value, rest: Option<&Value>) -> Result<Value, Error> {
        let function = "Fn::FindInMap";
        let (map, first, second) =
            (self.text(map, function)?, self.text(first, function)?, self.text(second, function)?);
        let found = self.template.mappings.get(&map).and_then(|map| map.get(&first)?.get(&second));
        match (found, rest.and_then(|rest| rest.get("DefaultValue"))) {
            (Some(value), _) => Ok(value.clone()),
            (None, Some(default)) => self.evaluate(default),
            (None, None) => Err(invalid(format!("Template error: Unable to get mapping for {map}::{first}::{second}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    struct Fixed;

    impl Resources for Fixed {
        fn reference(&self, logical: &str) -> Result<Value, Error> {
            Ok(Value::from(format!("physical-{logical}")))
        }

        fn attribute(&self, logical: &str, attribute: &str) -> Result<Value, Error> {
            Ok(Value::from(format!("{logical}/{attribute}")))
        }
    }

    fn evaluated(value: &str) -> Result<Value, Error> {
        let template = Template::read(&format!(
            "Parameters:\n  Names: {{Type: CommaDelimitedList}}\n  Env: {{Type: String}}\n\
             Mappings: {{M: {{a: {{x: [1, 2]}}}}}}\n\
             Conditions:\n  Late: !Not [!Condition Prod]\n  Prod: !Equals [!Ref Env, prod]\n  \
             Both: !And [!Condition Prod, !Or [!Condition Late, !Equals ['1', 1]]]\n\
             Resources:\n  R: {{Type: T}}\n  Q:\n    Type: T\n    Properties:\n      V: {value}\n"
        ))?;
        let pseudo = Pseudo {
            account: "012345678901".to_owned(),
            region: "us-east-1".to_owned(),
            stack_name: "s".to_owned(),
            stack_id: "arn:s".to_owned(),
            notification_arns: vec![],
        };
        let parameters =
            BTreeMap::from([("Names".to_owned(), "a,b".to_owned()), ("Env".to_owned(), "prod".to_owned())]);
        let exports = HashMap::from([("out".to_owned(), "exported".to_owned())]);
        let scope = Scope::new(&template, &pseudo, &parameters, &exports, &Fixed)?;
        scope.evaluate(&template.resources["Q"].properties).map(|properties| properties["V"].clone())
    }

    #[test]
    fn every_function_gives_its_value() {
        for (value, expected) in [
            ("!Ref R", json!("physical-R")),
            ("!GetAtt R.Arn", json!("R/Arn")),
            ("!Ref Names", json!(["a", "b"])),
            ("!Ref AWS::AccountId", json!("012345678901")),
            ("!Sub 'x-${R}-${R.Arn}-${AWS::Region}-${!Raw}-$1'", json!("x-physical-R-R/Arn-us-east-1-${Raw}-$1")),
            ("!Sub ['${a}${b}', {a: 1, b: !Ref Env}]", json!("1prod")),
            ("!Join ['-', [!Ref R, x, 1]]", json!("physical-R-x-1")),
            ("!Join [',', !Ref Names]", json!("a,b")),
            ("!Select [1, !Split ['|', 'a|b|c']]", json!("b")),
            ("!FindInMap [M, a, x]", json!([1, 2])),
            ("!FindInMap [M, a, y, {DefaultValue: d}]", json!("d")),
            ("!If [Prod, yes, no]", json!("yes")),
            ("!If [Late, yes, !Ref AWS::NoValue]", Value::Null),
            ("!If [Both, 1, 2]", json!(1)),
            ("{a: !Ref AWS::NoValue, b: [!Ref AWS::NoValue, 1]}", json!({"b": [1]})),
            ("!Base64 abc", json!("YWJj")),
            ("!GetAZs ''", json!(["us-east-1a", "us-east-1b", "us-east-1c"])),
            ("!ImportValue out", json!("exported")),
            ("!Cidr [192.168.0.0/16, 3, 8]", json!(["192.168.0.0/24", "192.168.1.0/24", "192.168.2.0/24"])),
        ] {
            assert_eq!(evaluated(value).expect(value), expected, "{value}");
        }
    }

    #[test]
    fn malformed_functions_are_refused_by_name() {
        for (value, expected) in [
            ("!Select [7, [a]]", "nonexistent value at index 7"),
            ("!ImportValue none", "No export named none found."),
            ("!FindInMap [M, a, y]", "Unable to get mapping for M::a::y"),
            ("!Join [1]", "Fn::Join is malformed"),
            ("!Sub '${a b}'", "variable names in Fn::Sub"),
            ("!If [Nope, 1, 2]", "unresolved condition Nope"),
            ("!Cidr [10.0.0.0/24, 300, 8]", "Fn::Cidr cannot divide"),
            ("{'Fn::Nope': 1}", "Fn::Nope"),
        ] {
            let refused = evaluated(value).expect_err(value).to_string();
            assert!(refused.contains(expected), "{value}: {refused}");
        }
    }
}
