//! ARNs: the engine writes a region and account of its own, callers see this endpoint's, and may name a table by ARN.

use serde_json::{Map, Value};

use crate::emulator::fabric::Fabric;

/// Rewrites the engine's ARNs in an answer about tables into this endpoint's.
#[derive(Debug)]
pub struct Arns {
    engine: String,
    ours: String,
}

impl Arns {
    pub fn new(fabric: &Fabric) -> Self {
        let identity = fabric.identity();
        Self {
            engine: format!(
                "arn:aws:dynamodb:{}:{}:",
                dynoxide::streams::LOCAL_REGION,
                dynoxide::streams::LOCAL_ACCOUNT
            ),
            ours: format!("arn:aws:dynamodb:{}:{}:", identity.region, identity.account),
        }
    }

    /// Rewrites every ARN in `value` that the engine made.
    pub fn localise(&self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(resource) = text.strip_prefix(&self.engine) {
                    *text = format!("{}{resource}", self.ours);
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| self.localise(value)),
            Value::Object(members) => members.values_mut().for_each(|value| self.localise(value)),
            _ => {}
        }
    }

    /// Turns this endpoint's ARN of a resource into the engine's.
    pub fn to_engine(&self, members: &mut Map<String, Value>, member: &str) {
        if let Some(Value::String(arn)) = members.get_mut(member)
            && let Some(resource) = arn.strip_prefix(&self.ours)
        {
            *arn = format!("{}{resource}", self.engine);
        }
    }

    /// Puts the name of a table in place of its ARN, wherever a request names a table.
    pub fn names_for_arns(&self, input: &mut Map<String, Value>) {
        if let Some(Value::String(name)) = input.get_mut("TableName") {
            self.name_for_arn(name);
        }
        for member in ["TransactItems"] {
            let Some(Value::Array(actions)) = input.get_mut(member) else { continue };
            for action in actions.iter_mut().filter_map(Value::as_object_mut) {
                for request in action.values_mut() {
                    if let Some(Value::String(name)) = request.get_mut("TableName") {
                        self.name_for_arn(name);
                    }
                }
            }
        }
        if let Some(Value::Object(tables)) = input.get_mut("RequestItems")
            && tables.keys().any(|name| name.starts_with("arn:"))
        {
            *tables = std::mem::take(tables)
                .into_iter()
                .map(|(mut name, requests)| {
                    self.name_for_arn(&mut name);
                    (name, requests)
                })
                .collect();
        }
    }

    fn name_for_arn(&self, name: &mut String) {
        if let Some(table) = name.strip_prefix(&self.ours).and_then(|resource| resource.strip_prefix("table/")) {
            *name = table.to_owned();
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::clock::Clock;
    use crate::emulator::fabric::Identity;

    #[test]
    fn arns_are_this_endpoints_own() {
        let arns = Arns::new(&Fabric::new(Clock::default(), Identity::default(), 0));
        let mut value = json!({"Table": {"TableArn": dynoxide::streams::table_arn("jobs"), "Name": "x"}});
        arns.localise(&mut value);
        assert_eq!(value["Table"]["TableArn"], "arn:aws:dynamodb:us-east-1:000000000000:table/jobs");
        let arn = "arn:aws:dynamodb:us-east-1:000000000000:table/jobs";
        let mut input = json!({"TableName": arn, "RequestItems": {arn: []}});
        let members = input.as_object_mut().expect("an object");
        arns.names_for_arns(members);
        assert_eq!(input, json!({"TableName": "jobs", "RequestItems": {"jobs": []}}));
    }
}
