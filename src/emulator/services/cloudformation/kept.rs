//! What CloudFormation keeps beyond the process: a row a stack, one each for its template, its resources, events and
//! change sets, and for an update under way what it began from and what it has done.
//!
//! An operation that was under way goes on (`take_up`): what is recorded as done stays done, what was being worked on is
//! worked on again. A resource that was made but not yet recorded is met again where its name is the template's own; one
//! with a generated name or none stays behind.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use tokio_util::sync::CancellationToken;

use super::changes;
use super::engine::{Change, Run};
use super::operations::stacks;
use super::stack::{
    ChangeSet, EventRow, Kept, OnFailure, Operation, Output, ParameterValue, Stack, StackResource, Status, Submission,
    Tag, Under,
};
use super::state::{Shared, State};
use super::template::Template;
use crate::emulator::keep::{KeepError, Shelf};
use crate::model::Timestamp;

const STACK: &str = "stack";
const TEMPLATE: &str = "template";
const RESOURCE: &str = "resource";
const EVENT: &str = "event";
const CHANGE_SET: &str = "change-set";
/// What an update under way began from.
const BEFORE: &str = "before";
/// What an update under way has done, entry by entry.
const JOURNAL: &str = "journal";

/// A stack as it is written down, without what has rows of its own.
#[derive(Serialize, Deserialize)]
struct StackRow {
    /// Its place among all stacks.
    number: u64,
    name: String,
    status: Status,
    reason: Option<String>,
    submission: Values,
    on_failure: OnFailure,
    termination_protection: bool,
    created: Timestamp,
    updated: Option<Timestamp>,
    deleted: Option<Timestamp>,
    outputs: Vec<Output>,
    imports: BTreeSet<String>,
    change_set_id: Option<String>,
    token: Option<String>,
    operation: Option<Operation>,
    under: Under,
}

/// A submission without its template.
#[derive(Serialize, Deserialize)]
struct Values {
    parameters: std::collections::BTreeMap<String, ParameterValue>,
    tags: Vec<Tag>,
    capabilities: Vec<String>,
    notification_arns: Vec<String>,
    role_arn: Option<String>,
}

impl Values {
    fn of(submission: &Submission) -> Self {
        Self {
            parameters: submission.parameters.clone(),
            tags: submission.tags.clone(),
            capabilities: submission.capabilities.clone(),
            notification_arns: submission.notification_arns.clone(),
            role_arn: submission.role_arn.clone(),
        }
    }

    fn submission(self, template: Arc<Template>) -> Submission {
        let Self { parameters, tags, capabilities, notification_arns, role_arn } = self;
        Submission { template, parameters, tags, capabilities, notification_arns, role_arn }
    }
}

#[derive(Serialize, Deserialize)]
struct ResourceRow {
    /// Its place among the stack's resources.
    index: usize,
    resource: StackResource,
}

#[derive(Serialize, Deserialize)]
struct ChangeSetRow {
    name: String,
    description: Option<String>,
    created: Timestamp,
    failure: Option<String>,
    template: String,
    values: Values,
    on_failure: OnFailure,
    nested: bool,
    imports: Option<bool>,
}

/// What an update began from, as it is written down.
#[derive(Serialize, Deserialize)]
struct BeforeRow {
    template: String,
    values: Values,
    imports: BTreeSet<String>,
}

/// Writes down what has changed of a stack; to be called under the state's lock.
pub fn keep(shelf: &Shelf, stack: &mut Stack) {
    let resources = stack.resources.take_changed();
    let change_sets = stack.change_sets.take_changed();
    if !shelf.is_kept() {
        return;
    }
    let id = &stack.id;
    if stack.kept.template.as_ref().is_none_or(|kept| !Arc::ptr_eq(kept, &stack.submission.template)) {
        shelf.put(TEMPLATE, id, &stack.submission.template.text);
        stack.kept.template = Some(Arc::clone(&stack.submission.template));
    }
    for logical in resources {
        let row = format!("{id}/{logical}");
        match stack.resources.get_full(&logical) {
            Some((index, _, resource)) => {
                shelf.put(RESOURCE, &row, &ResourceRow { index, resource: resource.clone() });
            }
            None => shelf.delete(RESOURCE, &row),
        }
    }
    for name in change_sets {
        match stack.change_sets.get(&name) {
            Some(set) => shelf.put(CHANGE_SET, &format!("{id} {name}"), &row_of(set)),
            None => shelf.delete(CHANGE_SET, &format!("{id} {name}")),
        }
    }
    for (index, event) in stack.events.iter().enumerate().skip(stack.kept.events) {
        shelf.put(EVENT, &format!("{id}/{index:06}"), &event.row());
    }
    stack.kept.events = stack.events.len();
    let row = StackRow {
        number: stack.kept.number,
        name: stack.name.clone(),
        status: stack.status,
        reason: stack.reason.clone(),
        submission: Values::of(&stack.submission),
        on_failure: stack.on_failure,
        termination_protection: stack.termination_protection,
        created: stack.created,
        updated: stack.updated,
        deleted: stack.deleted,
        outputs: stack.outputs.clone(),
        imports: stack.imports.clone(),
        change_set_id: stack.change_set_id.clone(),
        token: stack.token.clone(),
        operation: stack.operation.clone(),
        under: stack.under.clone(),
    };
    // Most changes are of one resource: the stack's own row is written when it is another one.
    let text = serde_json::to_string(&row).unwrap_or_default();
    if text != stack.kept.row {
        shelf.put(STACK, id, &row);
        stack.kept.row = text;
    }
}

fn row_of(set: &ChangeSet) -> ChangeSetRow {
    ChangeSetRow {
        name: set.name.clone(),
        description: set.description.clone(),
        created: set.created,
        failure: set.failure.clone(),
        template: set.submission.template.text.clone(),
        values: Values::of(&set.submission),
        on_failure: set.on_failure,
        nested: set.nested,
        imports: set.imports,
    }
}

/// Takes a stack out that is forgotten.
pub fn forget(shelf: &Shelf, stack: &Stack) {
    if !shelf.is_kept() {
        return;
    }
    let id = &stack.id;
    shelf.delete(STACK, id);
    shelf.delete(TEMPLATE, id);
    stack.resources.keys().for_each(|logical| shelf.delete(RESOURCE, &format!("{id}/{logical}")));
    stack.change_sets.keys().for_each(|name| shelf.delete(CHANGE_SET, &format!("{id} {name}")));
    (0..stack.events.len()).for_each(|index| shelf.delete(EVENT, &format!("{id}/{index:06}")));
}

/// Writes down what an update begins from.
pub fn keep_before(shelf: &Shelf, stack_id: &str, (before, imports): &(Submission, BTreeSet<String>)) {
    if shelf.is_kept() {
        let row =
            BeforeRow { template: before.template.text.clone(), values: Values::of(before), imports: imports.clone() };
        shelf.put(BEFORE, stack_id, &row);
    }
}

/// Writes down an entry of what an update has done.
pub fn keep_change(shelf: &Shelf, stack_id: &str, index: usize, change: &Change) {
    shelf.put(JOURNAL, &format!("{stack_id}/{index:05}"), change);
}

/// Takes out the entries of what an update has done, so many.
pub fn forget_changes(shelf: &Shelf, stack_id: &str, entries: usize) {
    if shelf.is_kept() {
        (0..entries).for_each(|index| shelf.delete(JOURNAL, &format!("{stack_id}/{index:05}")));
    }
}

/// Takes out what was written of an update that has ended, with so many entries.
pub fn forget_update(shelf: &Shelf, stack_id: &str, entries: usize) {
    if shelf.is_kept() {
        shelf.delete(BEFORE, stack_id);
        forget_changes(shelf, stack_id, entries);
    }
}

/// Every stack that was kept.
///
/// # Errors
/// When a row cannot be read, or a template is not valid any more.
pub fn load(shelf: &Shelf) -> Result<State, KeepError> {
    let mut templates: IndexMap<String, String> = shelf.all(TEMPLATE)?.into_iter().collect();
    let mut stacks = IndexMap::new();
    for (id, row) in shelf.all::<StackRow>(STACK)? {
        let template = read(&id, &templates.swap_remove(&id).unwrap_or_default())?;
        let kept = Kept {
            number: row.number,
            template: Some(Arc::clone(&template)),
            row: serde_json::to_string(&row).unwrap_or_default(),
            events: 0,
        };
        let stack = Stack {
            id: id.clone(),
            name: row.name,
            status: row.status,
            reason: row.reason,
            submission: row.submission.submission(template),
            on_failure: row.on_failure,
            termination_protection: row.termination_protection,
            created: row.created,
            updated: row.updated,
            deleted: row.deleted,
            outputs: row.outputs,
            imports: row.imports,
            resources: super::stack::Tracked::default(),
            events: Vec::new(),
            change_sets: super::stack::Tracked::default(),
            change_set_id: row.change_set_id,
            token: row.token,
            operation: row.operation,
            under: row.under,
            gate: Arc::default(),
            cancel: CancellationToken::new(),
            kept,
        };
        stacks.insert(id, stack);
    }
    let mut resources = shelf.all::<ResourceRow>(RESOURCE)?;
    resources.sort_by_key(|(_, row)| row.index);
    for (id, row) in resources {
        if let Some((stack, logical)) = id.rsplit_once('/')
            && let Some(stack) = stacks.get_mut(stack)
        {
            stack.resources.restore(logical.to_owned(), row.resource);
        }
    }
    for (id, row) in shelf.all::<EventRow>(EVENT)? {
        if let Some((stack, _)) = id.rsplit_once('/')
            && let Some(stack) = stacks.get_mut(stack)
        {
            let event = row.event(stack);
            stack.events.push(event);
            stack.kept.events = stack.events.len();
        }
    }
    for (id, row) in shelf.all::<ChangeSetRow>(CHANGE_SET)? {
        if let Some((stack, set)) = id.split_once(' ')
            && let Some(stack) = stacks.get_mut(stack)
        {
            let submission = row.values.submission(read(&id, &row.template)?);
            let set = ChangeSet {
                id: set.to_owned(),
                name: row.name,
                description: row.description,
                created: row.created,
                execution_status: if row.failure.is_some() { "UNAVAILABLE" } else { "AVAILABLE" },
                failure: row.failure,
                submission,
                // What it would change is found again when every stack is there.
                changes: Vec::new(),
                on_failure: row.on_failure,
                nested: row.nested,
                imports: row.imports,
            };
            stack.change_sets.restore(set.id.clone(), set);
        }
    }
    stacks.sort_by(|_, one, _, other| one.kept.number.cmp(&other.kept.number));
    let mut state = State::default();
    stacks.into_values().for_each(|stack| state.restore(stack));
    Ok(state)
}

fn read(id: &str, text: &str) -> Result<Arc<Template>, KeepError> {
    Template::read(text).map(Arc::new).map_err(|error| KeepError::Row {
        service: "cloudformation",
        kind: TEMPLATE,
        id: id.to_owned(),
        problem: error.to_string(),
    })
}

/// Finds again what the change sets would change.
pub fn find_changes(shared: &Shared) {
    let identity = shared.fabric.identity();
    let mut state = shared.state();
    let exports = state.exports().into_iter().map(|(export, (value, _))| (export, value)).collect();
    let ids: Vec<String> = state.all().map(|stack| stack.id.clone()).collect();
    for id in ids {
        let Some(stack) = state.find_mut(&id) else { continue };
        let sets: Vec<ChangeSet> = stack.change_sets.values().cloned().collect();
        for mut set in sets {
            let pseudo = stack.pseudo(&identity.account, &identity.region);
            let before = (stack.status != Status::ReviewInProgress).then_some(&*stack);
            match changes::find(before, &set.submission, &pseudo, &exports, &shared.registry) {
                Ok(found) => set.changes = found.resources,
                Err(error) => tracing::warn!(set = set.id, %error, "a change set does not fit its stack any more"),
            }
            stack.change_sets.restore(set.id.clone(), set);
        }
    }
}

/// Goes on with every operation that was under way.
///
/// # Errors
/// When what was written of an update cannot be read.
pub fn take_up(shared: &Arc<Shared>) -> Result<(), KeepError> {
    let mut before: IndexMap<String, BeforeRow> = shared.shelf.all(BEFORE)?.into_iter().collect();
    let mut journals: IndexMap<String, Vec<Change>> = IndexMap::new();
    for (id, change) in shared.shelf.all::<Change>(JOURNAL)? {
        if let Some((stack, _)) = id.rsplit_once('/') {
            journals.entry(stack.to_owned()).or_default().push(change);
        }
    }
    let mut state = shared.state();
    let ids: Vec<String> =
        state.all().filter(|stack| stack.status.is_in_progress()).map(|stack| stack.id.clone()).collect();
    for id in ids {
        let Some(stack) = state.find_mut(&id) else { continue };
        let under = stack.under.clone();
        let journal = journals.swap_remove(&id).unwrap_or_default();
        match stack.status {
            Status::ReviewInProgress => {}
            Status::CreateInProgress => stacks::spawn(shared, stack, Run::create_again),
            Status::RollbackInProgress => {
                stacks::spawn(shared, stack, |run| async move { run.roll_back_creation().await });
            }
            Status::DeleteInProgress => stacks::spawn(shared, stack, move |run| async move {
                run.delete_everything(&under.retain, under.force).await
            }),
            status => {
                let Some(BeforeRow { template, values, imports }) = before.swap_remove(&id) else { continue };
                let before = (values.submission(read(&id, &template)?), imports);
                stacks::spawn(shared, stack, move |run| {
                    run.update_again(status, before, journal, under.disable_rollback)
                });
            }
        }
    }
    Ok(())
}
