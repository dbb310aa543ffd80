//! The Parallel state: its branches run side by side, each gets a turn at every state.

use std::sync::Arc;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use serde_json::Value;

use super::strand::Strand;
use super::{Exit, Fault, Payload, Visit};
use crate::emulator::services::states::asl::Flow;
use crate::emulator::services::states::history::What;

impl<'r> Strand<'r> {
    pub(super) async fn parallel(&mut self, visit: &Visit<'r>, branches: &'r [Flow]) -> Result<Exit, Fault> {
        let input = Payload::new(self.effective_input(visit)?);
        self.advance(What::Bare("ParallelStateStarted"))?;
        let mut outputs = vec![Value::Null; branches.len()];
        let mut open = Vec::with_capacity(branches.len());
        let mut running = FuturesUnordered::new();
        for (index, flow) in branches.iter().enumerate() {
            let mut strand = self.branch();
            open.push(Arc::clone(&strand.open));
            let input = input.clone();
            running.push(async move {
                let result = strand.flow(flow, input).await;
                (index, result, strand.cursor)
            });
        }
        let mut last = self.cursor;
        let mut failed = None;
        while let Some((index, result, cursor)) = running.next().await {
            last = cursor;
            match result {
                Ok(output) => outputs[index] = Arc::unwrap_or_clone(output.value),
                Err(fault) => {
                    failed = Some((index, fault));
                    break;
                }
            }
        }
        drop(running);
        self.cursor = last;
        let Some((index, fault)) = failed else {
            self.note(What::Bare("ParallelStateSucceeded"))?;
            return self.leave(visit, Arc::new(Value::Array(outputs)), visit.state.next);
        };
        if fault.terminal {
            return Err(fault);
        }
        for (at, branch) in open.iter().enumerate() {
            let Some((kind, entered)) = branch.get() else { continue };
            let previous = if at == index { last } else { entered };
            let aborted = match kind {
                "Task" if at != index || fault.of_task => "TaskStateAborted",
                "Wait" if at != index => "WaitStateAborted",
                "Map" if at != index => "MapStateAborted",
                "Parallel" if at != index => "ParallelStateAborted",
                _ => continue,
            };
            self.run.record(previous, What::Bare(aborted))?;
        }
        self.advance(What::Bare("ParallelStateFailed"))?;
        Err(Fault { of_task: false, ..fault })
    }
}
