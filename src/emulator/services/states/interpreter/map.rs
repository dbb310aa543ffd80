//! The Map state: inline, with iterations in this execution's history, and distributed, with executions of their own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::Value;

use super::strand::Strand;
use super::{Exit, Fault, Payload, Run, Visit};
use crate::emulator::services::states::asl::{Count, Items, Map};
use crate::emulator::services::states::eval::EvalError;
use crate::emulator::services::states::execution::Status;
use crate::emulator::services::states::history::{Failure, Iteration, What};
use crate::emulator::services::states::map_run::{Child, MapRun};

/// Iterations of an inline map that run side by side at most.
const MOST_INLINE: usize = 40;
/// Children of a distributed map that run side by side at most; AWS allows 10,000.
const MOST_DISTRIBUTED: usize = 1_000;

/// How many children of a distributed map may fail.
#[derive(Default)]
pub(super) struct Tolerance {
    count: Option<u64>,
    percentage: Option<f64>,
}

impl Tolerance {
    /// Whether the definition says anything of it.
    pub(super) fn is_given(&self) -> bool {
        self.count.is_some() || self.percentage.is_some()
    }

    pub(super) fn exceeded(&self, failed: usize, of: usize) -> bool {
        let by_count = self.count.is_some_and(|most| failed as u64 > most);
        #[expect(clippy::cast_precision_loss, reason = "far fewer items than 2^52")]
        let by_percentage = self.percentage.is_some_and(|most| failed as f64 * 100.0 > most * of as f64);
        let neither = self.count.is_none() && self.percentage.is_none();
        by_count || by_percentage || (neither && failed > 0)
    }
}

/// Ends a run when its map is left, whichever way: dropped with its execution, it was aborted.
struct OpenRun<'a> {
    run: &'a Run,
    map_run: &'a MapRun,
    status: Status,
}

impl Drop for OpenRun<'_> {
    fn drop(&mut self) {
        self.map_run.end(self.status, self.run.fabric.clock().now());
        self.run.shared.map_runs.keep(self.map_run);
    }
}

impl<'r> Strand<'r> {
    pub(super) async fn map(&mut self, visit: &Visit<'r>, map: &'r Map) -> Result<Exit, Fault> {
        if let Some(field) = map.lacking {
            let problem = format!("The embedded endpoint does not implement the field {field} of a Map state.");
            return Err(visit.runtime(&problem));
        }
        let input = self.selected_input(visit)?;
        // What a reader finds is not known before its run has started.
        let items = if map.reader.is_some() { vec![] } else { self.items(visit, map, &input)? };
        let concurrency = match &map.concurrency {
            Some(count) => self.whole(visit, "MaxConcurrency", count, &input)?,
            None => 0,
        };
        self.advance(What::MapStarted(items.len()))?;
        let most = if map.distributed { MOST_DISTRIBUTED } else { MOST_INLINE };
        let width = usize::try_from(concurrency).ok().filter(|width| *width > 0).unwrap_or(most).min(most);
        let done = if map.distributed {
            self.distributed(visit, map, &input, items, width).await
        } else {
            self.inline(visit, map, &input, items, width).await.map(Value::Array)
        };
        match done {
            Ok(result) => {
                self.note(What::Bare("MapStateSucceeded"))?;
                self.leave(visit, Arc::new(result), visit.state.next)
            }
            Err(fault) if fault.terminal => Err(fault),
            Err(fault) => {
                self.advance(What::Bare("MapStateFailed"))?;
                Err(Fault { of_task: false, ..fault })
            }
        }
    }

    /// The list that the state goes through.
    pub(super) fn items(&mut self, visit: &Visit<'r>, map: &Map, input: &Arc<Value>) -> Result<Vec<Value>, Fault> {
        let formula = matches!(visit.state.data, super::super::asl::DataFlow::Jsonata(_));
        let (list, place) = match &map.items {
            Items::Input if formula => {
                let Value::Array(items) = &**input else {
                    let problem = format!("Map state input must be an array but was: {input}");
                    self.cursor = visit.before;
                    let fault = self.evaluation_failed(visit, None, visit.cause(&problem));
                    return Err(self.map_failed(fault));
                };
                return Ok(items.clone());
            }
            Items::Formula(template) => {
                let made = match self.make(visit, template, input, None) {
                    Ok(made) => made,
                    Err(fault) => return Err(self.map_failed(fault)),
                };
                let Value::Array(items) = made else {
                    let fault = self.unexpected(visit, template, "Items", "array", &made);
                    return Err(self.map_failed(fault));
                };
                return Ok(items);
            }
            Items::Input => ((**input).clone(), "$"),
            Items::Path(path) => match self.evaluate(visit, input, |scope| path.evaluate(scope)) {
                Ok(found) => (found, path.source()),
                Err(EvalError::Missing { path, .. }) => {
                    return Err(visit.runtime(&format!("Invalid path '{path}': No results for path: {path}")));
                }
                Err(error) => return Err(self.fault(visit, error)),
            },
        };
        match list {
            Value::Array(items) => Ok(items),
            _ => Err(visit.runtime(&format!("Reference path \"{place}\" must point to array."))),
        }
    }

    /// A fault before the map has started, after its event.
    fn map_failed(&mut self, fault: Fault) -> Fault {
        if fault.terminal {
            return fault;
        }
        match self.advance(What::Bare("MapStateFailed")) {
            Ok(_) => fault,
            Err(full) => full,
        }
    }

    /// A whole number that is not negative. A path may lead to the text of one.
    pub(super) fn whole(&mut self, visit: &Visit<'r>, field: &str, count: &Count, input: &Value) -> Result<u64, Fault> {
        let (value, path) = self.count(visit, field, count, input)?;
        let number = value.as_i64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        match number.map(u64::try_from) {
            Some(Ok(number)) => Ok(number),
            Some(Err(_)) => Err(visit.runtime(&format!("{field} cannot be negative."))),
            None => Err(not_a_number(visit, field, "integer", &value, path.as_deref())),
        }
    }

    /// What an iteration gets.
    fn iteration_input(
        &mut self,
        visit: &Visit<'r>,
        map: &Map,
        input: &Value,
        index: usize,
        item: &Arc<Value>,
    ) -> Result<Payload, Fault> {
        let Some(template) = &map.selector else { return Ok(Payload::new(Arc::clone(item))) };
        let outer = self.item.replace((index, Arc::clone(item)));
        let made = self.make(visit, template, input, None);
        self.item = outer;
        Ok(Payload::new(Arc::new(made?)))
    }

    /// Runs the iterations, `width` side by side; each of those lines takes the next item when it is done with one.
    async fn inline(
        &mut self,
        visit: &Visit<'r>,
        map: &'r Map,
        input: &Arc<Value>,
        items: Vec<Value>,
        width: usize,
    ) -> Result<Vec<Value>, Fault> {
        let items: Vec<Arc<Value>> = items.into_iter().map(Arc::new).collect();
        let next = AtomicUsize::new(0);
        let outputs = Mutex::new(vec![Value::Null; items.len()]);
        let busy = Mutex::new(vec![None; width.min(items.len())]);
        let name = &visit.state.name;
        let set_busy = |line: usize, index: Option<(usize, u64)>| {
            busy.lock().unwrap_or_else(PoisonError::into_inner)[line] = index;
        };
        let mut lines = FuturesUnordered::new();
        for line in 0..width.min(items.len()) {
            let mut strand = self.branch();
            strand.beside = width > 1 || self.beside;
            let (items, next, outputs, set_busy) = (&items, &next, &outputs, &set_busy);
            lines.push(async move {
                let mut last = strand.cursor;
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { return Ok(last) };
                    let done = async {
                        let input = strand.iteration_input(visit, map, input, index, item)?;
                        strand.advance(What::Iteration(Iteration::Started, Arc::clone(name), index))?;
                        set_busy(line, Some((index, strand.cursor)));
                        strand.item = Some((index, Arc::clone(item)));
                        let output = strand.flow(&map.processor, input).await?;
                        last = strand.note(What::Iteration(Iteration::Succeeded, Arc::clone(name), index))?;
                        set_busy(line, None);
                        Ok(output)
                    };
                    let done: Result<Payload, Fault> = done.await;
                    match done {
                        Ok(output) => {
                            outputs.lock().unwrap_or_else(PoisonError::into_inner)[index] =
                                Arc::unwrap_or_clone(output.value);
                        }
                        Err(fault) => return Err((line, index, strand.cursor, fault)),
                    }
                }
            });
        }
        let mut failed = None;
        while let Some(line) = lines.next().await {
            match line {
                Ok(last) => self.cursor = self.cursor.max(last),
                Err(failure) => {
                    failed = Some(failure);
                    break;
                }
            }
        }
        drop(lines);
        if let Some((line, index, cursor, fault)) = failed {
            self.cursor = cursor;
            if !fault.terminal {
                self.note(What::Iteration(Iteration::Failed, Arc::clone(name), index))?;
                let others = busy.into_inner().unwrap_or_else(PoisonError::into_inner);
                for (_, other) in others.into_iter().enumerate().filter(|(other, _)| *other != line) {
                    if let Some((index, started)) = other {
                        self.run.record(started, What::Iteration(Iteration::Aborted, Arc::clone(name), index))?;
                    }
                }
            }
            return Err(fault);
        }
        Ok(outputs.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    /// Runs each item, or batch of them, as an execution of its own, whose events are not part of this one's history.
    async fn distributed(
        &mut self,
        visit: &Visit<'r>,
        map: &'r Map,
        input: &Arc<Value>,
        items: Vec<Value>,
        width: usize,
    ) -> Result<Value, Fault> {
        let tolerance = self.tolerance(visit, map, input)?;
        let run = self.run;
        let fabric = &run.fabric;
        let label = map.label.clone().unwrap_or_else(|| fabric.uuid());
        let arn = fabric.arn("states", format!("mapRun:{}/{label}:{}", run.revision.name, fabric.uuid()));
        let arn: Arc<str> = Arc::from(arn.to_string());
        self.advance(What::MapRunStarted(Arc::clone(&arn)))?;
        let machine = format!("{}/{label}", run.revision.arn);
        let tolerated = (tolerance.count.unwrap_or(0), tolerance.percentage.unwrap_or(0.0));
        let map_run = Arc::new(MapRun::new(
            arn,
            Arc::clone(&run.arn),
            machine,
            fabric.clock().now(),
            u64::try_from(width).unwrap_or(u64::MAX),
            tolerated,
        ));
        run.shared.map_runs.add(&map_run);
        let mut open = OpenRun { run, map_run: &map_run, status: Status::Aborted };
        let done = self.children(visit, map, input, items, width, &tolerance, &map_run, &label).await;
        match &done {
            Ok(_) => {
                self.advance(What::Bare("MapRunSucceeded"))?;
                open.status = Status::Succeeded;
            }
            Err(fault) => {
                open.status = Status::Failed;
                if !fault.terminal {
                    self.advance(What::MapRunFailed(Box::new(fault.failure.clone())))?;
                }
            }
        }
        done
    }

    /// Reads, batches and runs the items, and writes the results.
    #[expect(clippy::too_many_arguments, reason = "the parts of one run, which nobody else puts together")]
    async fn children(
        &mut self,
        visit: &Visit<'r>,
        map: &'r Map,
        input: &Arc<Value>,
        mut items: Vec<Value>,
        width: usize,
        tolerance: &Tolerance,
        map_run: &Arc<MapRun>,
        label: &str,
    ) -> Result<Value, Fault> {
        if let Some(reader) = &map.reader {
            items = self.read_items(visit, reader, input).await?;
        }
        let count = items.len();
        let mut selected = Vec::with_capacity(count);
        for (index, item) in items.into_iter().enumerate() {
            selected.push(self.iteration_input(visit, map, input, index, &Arc::new(item))?.value);
        }
        let inputs = self.batched(visit, map.batcher.as_ref(), input, selected)?;
        map_run.plan(inputs.len(), count);
        let of_each = |input: &Value| match (&map.batcher, input["Items"].as_array()) {
            (Some(_), Some(items)) => items.len(),
            _ => 1,
        };
        let (run, variables) = (self.run, &self.variables);
        let total = inputs.len();
        let mut outputs = vec![None; total];
        let mut failures = 0;
        let children = futures::stream::iter(inputs.into_iter().enumerate().map(|(index, input)| async move {
            let child = run.child(label, Arc::clone(&input));
            let mut strand = Strand::first(&child);
            strand.variables = variables.clone();
            let result = strand.flow(&map.processor, Payload::new(Arc::clone(&input))).await;
            (index, input, child.identity(), result)
        }));
        let mut children = Box::pin(children.buffer_unordered(width));
        while let Some((index, input, (arn, name, started), result)) = children.next().await {
            let (output, failure) = match &result {
                Ok(output) => (Some(Arc::clone(&output.text)), Failure::default()),
                Err(fault) => (None, fault.failure.clone()),
            };
            map_run.note(Child {
                arn,
                name,
                started,
                stopped: run.fabric.clock().now(),
                status: if output.is_some() { Status::Succeeded } else { Status::Failed },
                input: Arc::from(input.to_string()),
                output,
                failure,
                items: of_each(&input),
            });
            match result {
                Ok(output) => outputs[index] = Some(Arc::unwrap_or_clone(output.value)),
                Err(_) => failures += 1,
            }
            if tolerance.exceeded(failures, total) {
                break;
            }
        }
        drop(children);
        let exceeded = tolerance.exceeded(failures, total);
        let written = match &map.writer {
            Some(writer) => Some(self.write_results(visit, writer, input, map_run).await?),
            None => None,
        };
        if exceeded {
            return Err(threshold_exceeded());
        }
        Ok(written.unwrap_or_else(|| outputs.into_iter().flatten().collect()))
    }

    pub(super) fn tolerance(&mut self, visit: &Visit<'r>, map: &Map, input: &Value) -> Result<Tolerance, Fault> {
        let count = match &map.tolerated_count {
            Some(count) => Some(self.whole(visit, "ToleratedFailureCount", count, input)?),
            None => None,
        };
        let percentage = match &map.tolerated_percentage {
            None => None,
            Some(count) => {
                let field = "ToleratedFailurePercentage";
                let (value, path) = self.count(visit, field, count, input)?;
                let number = value.as_f64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
                match number {
                    Some(number) if (0.0..=100.0).contains(&number) => Some(number),
                    Some(_) => return Err(visit.runtime(&format!("{field} must be between 0 and 100."))),
                    None => return Err(not_a_number(visit, field, "float", &value, path.as_deref())),
                }
            }
        };
        Ok(Tolerance { count, percentage })
    }
}

/// The fault of a distributed map of which more children failed than may.
pub(super) fn threshold_exceeded() -> Fault {
    Fault::named("States.ExceedToleratedFailureThreshold", "The specified tolerated failure threshold was exceeded")
}

/// The fault of a value that is no number of the kind that a field wants.
fn not_a_number(visit: &Visit<'_>, field: &str, kind: &str, value: &Value, path: Option<&str>) -> Fault {
    let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let problem = match path {
        Some(path) => {
            format!("The {field}Path field refers to value \"{shown}\" which is not a valid {kind}: {path}")
        }
        None => format!("The {field} field is not a valid {kind}: {shown}"),
    };
    visit.runtime(&problem)
}
