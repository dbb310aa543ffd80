//! Going on with an operation that was under way when the process before this one ended.

use std::collections::BTreeSet;

use super::super::error::Error;
use super::super::stack::{Status, Submission};
use super::Run;
use super::deploy::{Change, Journal};

impl Run {
    /// A run that knows what was being made: it may be there already.
    #[must_use]
    pub fn again(mut self) -> Self {
        let half_made = self.stack(|stack| {
            let is_half_made = |status| matches!(status, Status::CreateInProgress | Status::UpdateInProgress);
            let half = stack.resources.iter().filter(|(_, one)| one.physical_id.is_empty() && is_half_made(one.status));
            half.map(|(logical, _)| logical.clone()).collect()
        });
        self.half_made = half_made.unwrap_or_default();
        self
    }

    /// Goes on with a creation.
    ///
    /// # Errors
    /// When the stack is gone.
    pub async fn create_again(self) -> Result<(), Error> {
        let run = self.again();
        run.tell_of_made()?;
        run.create().await
    }

    /// Goes on with an update, its cleanup or its rollback; `changes` is what it had done.
    ///
    /// # Errors
    /// When the stack is gone.
    pub async fn update_again(
        self,
        status: Status,
        before: (Submission, BTreeSet<String>),
        changes: Vec<Change>,
        disable_rollback: bool,
    ) -> Result<(), Error> {
        let mut run = self;
        let journal = run.journal(changes);
        match status {
            Status::UpdateInProgress => {
                run.take_back_unfinished(&journal)?;
                run = run.again();
                run.tell_of_made()?;
                run.update_along(journal, before, disable_rollback).await
            }
            Status::UpdateCompleteCleanupInProgress => run.finish_update(&journal).await,
            _ => {
                run.stack(|stack| (stack.submission, stack.imports) = before)?;
                run.roll_back_update(journal).await
            }
        }
    }

    /// Resources that were made before their last event could be told.
    fn tell_of_made(&self) -> Result<(), Error> {
        let made: Vec<(String, Status)> = self.stack(|stack| {
            let told = |status| match status {
                Status::CreateInProgress => Some(Status::CreateComplete),
                Status::UpdateInProgress => Some(Status::UpdateComplete),
                _ => None,
            };
            let made = stack.resources.iter().filter(|(_, one)| one.is_there());
            made.filter_map(|(logical, one)| Some((logical.clone(), told(one.status)?))).collect()
        })?;
        made.into_iter().try_for_each(|(logical, status)| self.resource_event(&logical, status, None))
    }

    /// Resources whose change was begun are as they were before, so that it is made again.
    fn take_back_unfinished(&self, journal: &Journal) -> Result<(), Error> {
        let changes = journal.take();
        for change in changes {
            let (logical, before, is_replacement) = match &change {
                Change::Created(_) => {
                    journal.note(change);
                    continue;
                }
                Change::Updated(logical, before) => (logical, before, false),
                Change::Replaced(logical, before) => (logical, before, true),
            };
            let taken_back = self.stack(|stack| {
                let is_unfinished = stack.resources.get(logical).is_some_and(|one| {
                    one.status == Status::UpdateInProgress && (!is_replacement || one.physical_id.is_empty())
                });
                if is_unfinished {
                    stack.resources.insert(logical.clone(), (**before).clone());
                }
                is_unfinished
            })?;
            if !taken_back {
                journal.note(change);
            }
        }
        Ok(())
    }
}
