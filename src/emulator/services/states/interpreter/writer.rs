//! `ResultWriter`: what the children of a distributed map yielded, as objects of S3 with a manifest.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::strand::Strand;
use super::{Fault, Visit};
use crate::emulator::services::states::eval::Template;
use crate::emulator::services::states::execution::Status;
use crate::emulator::services::states::integration::PRINCIPAL;
use crate::emulator::services::states::map_run::{Child, MapRun};

fn failed(cause: impl Into<String>) -> Fault {
    Fault::named("States.ResultWriterFailed", cause)
}

/// A child as the files have it.
fn told(run: &MapRun, child: &Child) -> Value {
    let mut told = json!({
        "ExecutionArn": &*child.arn, "Input": &*child.input, "InputDetails": {"Included": true}, "Name": &*child.name,
        "RedriveCount": 0, "StartDate": child.started.iso_millis(), "StateMachineArn": run.machine,
        "StopDate": child.stopped.iso_millis(),
    });
    if let Some(output) = &child.output {
        told["Output"] = (&**output).into();
        told["OutputDetails"] = json!({"Included": true});
        told["Status"] = "SUCCEEDED".into();
        return told;
    }
    told["Status"] = "FAILED".into();
    for (member, text) in [("Error", &child.failure.error), ("Cause", &child.failure.cause)] {
        if let Some(text) = text {
            told[member] = text.as_str().into();
        }
    }
    told
}

impl<'r> Strand<'r> {
    /// Writes the results, and yields what the state does instead of them.
    pub(super) async fn write_results(
        &mut self,
        visit: &Visit<'r>,
        writer: &Template,
        input: &Arc<Value>,
        run: &MapRun,
    ) -> Result<Value, Fault> {
        let parameters = self.make(visit, writer, input, None)?;
        let bucket = parameters["Bucket"].as_str().ok_or_else(|| failed("The field 'Bucket' is required"))?;
        let prefix = parameters["Prefix"].as_str().unwrap_or_default().trim_end_matches('/');
        let id = run.arn.rsplit(':').next().unwrap_or_default();
        let folder = if prefix.is_empty() { id.to_owned() } else { format!("{prefix}/{id}") };
        let mut files = json!({"FAILED": [], "PENDING": [], "SUCCEEDED": []});
        for (name, succeeded) in [("SUCCEEDED", true), ("FAILED", false)] {
            let children = run.children();
            let of_kind = children.iter().filter(|child| (child.status == Status::Succeeded) == succeeded);
            let entries: Vec<Value> = of_kind.map(|child| told(run, child)).collect();
            if entries.is_empty() {
                continue;
            }
            let text = Value::from(entries).to_string();
            let key = format!("{folder}/{name}_0.json");
            files[name] = json!([{"Key": key, "Size": text.len()}]);
            self.put(bucket, &key, &text).await?;
        }
        let key = format!("{folder}/manifest.json");
        let manifest = json!({"DestinationBucket": bucket, "MapRunArn": &*run.arn, "ResultFiles": files});
        self.put(bucket, &key, &manifest.to_string()).await?;
        run.wrote();
        Ok(json!({"MapRunArn": &*run.arn, "ResultWriterDetails": {"Bucket": bucket, "Key": key}}))
    }

    async fn put(&self, bucket: &str, key: &str, text: &str) -> Result<(), Fault> {
        let input = json!({
            "Bucket": bucket, "Key": key, "Body": STANDARD.encode(text), "ContentType": "application/json",
        });
        let put = self.run.fabric.call(PRINCIPAL, "s3", "PutObject", input).await;
        put.map(|_| ())
            .map_err(|error| failed(format!("{} (Service: Amazon S3; Error Code: {})", error.message, error.code)))
    }
}
