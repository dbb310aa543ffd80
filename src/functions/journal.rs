//! What a function says of its work: one JSON object a line on standard error, which Lambda puts into its log group.

use std::io::Write;

use serde_json::{Value, json};

/// Says what was done.
pub fn info(message: &str, fields: &Value) {
    line("INFO", message, fields);
}

/// Says what went wrong.
pub fn error(message: &str, fields: &Value) {
    line("ERROR", message, fields);
}

fn line(level: &str, message: &str, fields: &Value) {
    let text = format!("{}\n", json!({ "level": level, "message": message, "fields": fields }));
    // A log that cannot be written must not fail the work that it tells of.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
