//! `ListExports` and `ListImports`.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::CloudFormation;
use super::super::error::Error;
use super::super::template::invalid;
use super::listed;
use crate::emulator::Context;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListExports {
    #[serde(default)]
    next_token: Option<String>,
}

pub async fn list_exports(service: &CloudFormation, input: ListExports, _: &Context) -> Result<Value, Error> {
    let exports: std::collections::BTreeMap<_, _> = service.shared.state().exports().into_iter().collect();
    let exports = exports
        .into_iter()
        .map(|(name, (value, stack))| json!({"ExportingStackId": stack, "Name": name, "Value": value}));
    listed("Exports", exports.collect(), input.next_token.as_deref())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ListImports {
    export_name: String,
    #[serde(default)]
    next_token: Option<String>,
}

pub async fn list_imports(service: &CloudFormation, input: ListImports, _: &Context) -> Result<Value, Error> {
    let state = service.shared.state();
    let importers: Vec<Value> = state.importers(&input.export_name).into_iter().map(Value::from).collect();
    if importers.is_empty() {
        return Err(invalid(format!("Export '{}' is not imported by any stack.", input.export_name)));
    }
    listed("Imports", importers, input.next_token.as_deref())
}
