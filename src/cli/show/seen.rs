//! What was seen of a stack, in the shape of each screen.

use std::collections::BTreeMap;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::Shown;
use crate::model::activity::Activity;
use crate::model::board::{Board, Boards, News, Row};
use crate::model::execution::{Execution, Executions};
use crate::model::pipeline::{Latencies, Pipeline};
use crate::model::words::counted;
use crate::model::{Datasets, FlowEvent, LogLine, Seen, SetId, Timestamp};

/// Everything that was seen of a stack.
pub struct Story {
    pipeline: Pipeline,
    datasets: Datasets,
    boards: Boards,
    executions: Executions,
    /// By time and id, so that each line is there once.
    lines: BTreeMap<(Timestamp, String), LogLine>,
    /// Lines that are kept at the most.
    last: usize,
    dropped: u64,
}

impl Story {
    pub fn new(last: usize) -> Self {
        let (pipeline, datasets, boards, executions, lines) = Default::default();
        Self { pipeline, datasets, boards, executions, lines, last, dropped: 0 }
    }

    pub fn see(&mut self, event: FlowEvent) {
        self.datasets.see(&event);
        let is_new = match &event.what {
            Seen::Item(item) => self.boards.item(item, event.at, 0) == News::New,
            Seen::Manifest(read) => {
                self.boards.manifest(read);
                true
            }
            Seen::Execution(execution) => self.executions.list(execution),
            Seen::History(history) => self.executions.see(event.at, history),
            Seen::Log(line) => self.lines.insert((event.at, line.event_id.clone()), line.clone()).is_none(),
            _ => true,
        };
        if is_new {
            self.pipeline.see(&event);
        }
        while self.lines.len() > self.last {
            self.lines.pop_first();
            self.dropped += 1;
        }
    }

    pub fn flow(&self) -> Shown {
        let it = &self.pipeline;
        let (objects, bytes) = it.in_bucket();
        let hops = [
            ("bucket", objects, None),
            ("dataLog", it.data_lines.total, it.data_lines.last),
            ("manifestLog", it.manifest_lines.total, it.manifest_lines.last),
            ("table", it.items.total, it.items.last),
            ("reconciliation", it.reconciled.total, it.reconciled.last),
        ];
        let queue = it.queue.as_ref();
        let datasets: Vec<Value> = self.datasets.iter().map(|(id, set)| dataset(id, set)).collect();
        let mut lines: Vec<String> = hops
            .iter()
            .map(|(hop, total, last)| {
                let last = last.map(|at| format!("  last {}", at.clock_millis())).unwrap_or_default();
                format!("{hop:<16} {total:>9}{last}")
            })
            .collect();
        lines.extend(self.datasets.iter().map(|(id, set)| {
            let (tally, outcome) = (set.tally(), set.outcome.map(|(outcome, _)| format!("{outcome:?}")));
            format!(
                "dataset {id}: {} of {} present, {} missing, {} unexpected, {}: {}",
                tally.present,
                tally.expected,
                tally.missing,
                tally.unexpected,
                counted(set.iterations, "iteration"),
                outcome.unwrap_or_else(|| "goes on".to_owned())
            )
        }));
        let hops: Vec<Value> =
            hops.iter().map(|(hop, total, last)| json!({ "hop": hop, "total": total, "last": last })).collect();
        let document = json!({
            "hops": hops,
            "bytes": bytes,
            "queue": queue,
            "latency": { "toLog": latency(&it.to_log), "toItem": latency(&it.to_item) },
            "datasets": datasets,
        });
        Shown { document, lines }
    }

    pub fn logs(&self) -> Shown {
        let all = self.lines.iter();
        let document =
            all.clone().map(|((at, _), line)| json!({ "at": at, "role": line.role, "message": line.message }));
        let document = json!({ "lines": document.collect::<Vec<_>>(), "dropped": self.dropped });
        let lines = all.map(|((at, _), line)| format!("{} {:?} {}", at.clock_millis(), line.role, line.message));
        Shown { document, lines: lines.collect() }
    }

    pub fn table(&self, wanted: Option<&str>) -> anyhow::Result<Shown> {
        let wanted = wanted.map(SetId::from);
        if let Some(set) = &wanted {
            self.boards.get(set).with_context(|| format!("nothing is known of dataset {set}"))?;
        }
        let sets = self.datasets.iter().filter(|(id, _)| wanted.as_ref().is_none_or(|wanted| wanted == *id));
        let boards: Vec<(&SetId, &Board)> = sets.filter_map(|(id, _)| Some((id, self.boards.get(id)?))).collect();
        let document = boards.iter().map(|(id, board)| {
            let item = |(key, row): (&String, &Row)| {
                json!({ "objectKey": key, "objectSize": row.object_size, "eventTime": row.event_time })
            };
            json!({
                "setId": id,
                "bucketName": board.bucket_name,
                "expected": board.expected,
                "present": board.present(),
                "missing": board.missing,
                "unexpected": board.unexpected,
                "items": board.items.iter().map(item).collect::<Vec<_>>(),
            })
        });
        let document = json!({ "datasets": document.collect::<Vec<_>>() });
        let mut lines = Vec::new();
        for (id, board) in boards {
            lines.push(format!("dataset {id}: {}, {} expected", counted(board.items.len(), "item"), board.expected));
            lines.extend(board.items.iter().map(|(key, row)| format!("  {key}  {} B", row.object_size)));
            lines.extend(board.missing.iter().map(|key| format!("  missing {key}")));
            lines.extend(board.unexpected.iter().map(|key| format!("  unexpected {key}")));
        }
        Ok(Shown { document, lines })
    }

    pub fn executions(&self) -> Shown {
        let all: Vec<&Execution> =
            (0..self.executions.len()).filter_map(|at| Some(self.executions.newest(at)?.1)).collect();
        let document = all.iter().map(|run| {
            json!({
                "executionArn": run.arn,
                "name": run.name,
                "setId": run.set_id,
                "status": run.status,
                "startDate": run.started,
                "stopDate": run.stopped,
                "iterations": run.rounds(),
                "iterationsAtMost": run.limit,
                "failure": run.failure,
                "history": run.history,
                "historyDropped": run.dropped,
            })
        });
        let document = json!({ "executions": document.collect::<Vec<_>>() });
        let lines = all.iter().map(|run| {
            let status = run.status.map_or_else(|| "unknown".to_owned(), |status| format!("{status:?}"));
            let began = run.started.map(Timestamp::iso_seconds).unwrap_or_default();
            let why = run.failure.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
            format!("{} {status} since {began}, {}{why}", run.name, counted(run.rounds(), "iteration"))
        });
        Shown { document, lines: lines.collect() }
    }
}

/// The calls that were made to read everything.
pub fn activity(activity: &Activity) -> Shown {
    let nano: u64 = activity.rows.iter().map(|row| row.nano_usd).sum();
    let mut lines: Vec<String> = activity
        .rows
        .iter()
        .map(|row| {
            let mean = row.micros.checked_div(row.calls).unwrap_or(0);
            format!(
                "{:<16} {:<24} {:>6} calls {:>4} errors {:>4} throttled {mean:>8} µs",
                row.service, row.operation, row.calls, row.errors, row.throttled
            )
        })
        .collect();
    #[expect(clippy::cast_precision_loss, reason = "a price has a few digits")]
    lines.push(format!("{}, ${:.6} at AWS's list price", counted(activity.calls(), "call"), nano as f64 / 1e9));
    Shown { document: json!({ "calls": activity.rows, "nanoUsd": nano }), lines }
}

fn dataset(id: &SetId, set: &crate::model::Dataset) -> Value {
    let outcome = set.outcome.map(|(outcome, at)| json!({ "outcome": outcome, "at": at }));
    json!({
        "setId": id,
        "tally": set.tally(),
        "items": set.items.len(),
        "iterations": set.iterations,
        "outcome": outcome,
        "outcomeInferred": set.is_inferred,
        "executionArn": set.execution.as_ref().map(|(arn, _)| arn),
    })
}

fn latency(of: &Latencies) -> Value {
    let millis = |percent| of.percentile(percent).map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    json!({ "p50Ms": millis(50), "p99Ms": millis(99) })
}
