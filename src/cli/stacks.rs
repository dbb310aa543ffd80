//! `vaultscope stacks`: what can be deployed, and what of it is there. It only reads: whether a deployment would change
//! something follows from the template and the parameters that the stack was made with.

use serde::Serialize;
use serde_json::json;

use crate::deploy::{
    CATALOGUE, Difference, EVENT_PROCESSING, NextStep, Offer, Plan, S3TAR_LISTENER, Stack, all, difference,
};
use crate::model::Timestamp;

use super::args::{StackArgs, StacksArgs};
use super::rollout::Order;
use super::session::Session;
use super::settings::Settings;
use super::{Exit, output};

/// A stack that can be deployed, or that was.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    /// Its name in the catalogue.
    offer: &'static str,
    /// The stack's name.
    stack: String,
    /// What it is for.
    purpose: &'static str,
    /// Null when it is not there.
    status: Option<String>,
    /// When it was last changed.
    changed: Option<Timestamp>,
    /// Whether vaultscope made it; null when it is not there.
    ours: Option<bool>,
    /// What deploying it would change; null where it does not stand, or is not ours.
    difference: Option<Difference>,
}

/// Runs the command.
pub async fn run(settings: &Settings, args: &StacksArgs) -> anyhow::Result<Exit> {
    let order = Order::of(settings, &StackArgs::default()).await?;
    let session = Session::open(settings).await?;
    let rows = rows(&session, settings, &order).await;
    session.close().await;
    let rows = rows?;
    if args.json {
        let target = settings.target.to_string();
        output::document(&json!({ "version": 1, "kind": "stacks", "target": target, "stacks": rows }))?;
        return Ok(Exit::Done);
    }
    for row in &rows {
        output::line(&sentence(row))?;
    }
    Ok(Exit::Done)
}

async fn rows(session: &Session, settings: &Settings, order: &Order) -> anyhow::Result<Vec<Row>> {
    let stacks = all(&session.clients).await?;
    // Where an executable has to be given, what would be deployed is not known.
    let key = order.artefact(session).await.ok().map(|artefact| artefact.key());
    let mut rows = Vec::new();
    for offer in CATALOGUE {
        let name = if offer == EVENT_PROCESSING { settings.stack.as_str() } else { offer.stack };
        let there = stacks.iter().find(|stack| stack.seen.name == name);
        rows.push(row(session, order, key.as_deref(), offer, name, there).await?);
    }
    for stack in stacks.iter().filter(|stack| stack.is_tagged) {
        let name = stack.seen.name.as_str();
        if rows.iter().any(|row| row.stack == name) {
            continue;
        }
        // Every other stack of ours has another name than usual; only one template can be deployed under any name.
        // That of a run that was killed is no pipeline either.
        let offer = if name == S3TAR_LISTENER.stack { S3TAR_LISTENER } else { EVENT_PROCESSING };
        rows.push(row(session, order, key.as_deref(), offer, name, Some(stack)).await?);
    }
    Ok(rows)
}

async fn row(
    session: &Session,
    order: &Order,
    key: Option<&str>,
    offer: Offer,
    name: &str,
    there: Option<&Stack>,
) -> anyhow::Result<Row> {
    let mut row = Row {
        offer: offer.id,
        stack: name.to_owned(),
        purpose: offer.purpose,
        status: None,
        changed: None,
        ours: None,
        difference: None,
    };
    let Some(stack) = there else {
        return Ok(row);
    };
    row.status = Some(stack.status.clone());
    row.changed = Some(stack.changed);
    row.ours = Some(stack.is_tagged);
    if stack.is_tagged && NextStep::of(Some(&stack.status)) == NextStep::Update {
        let is_ordered = offer == EVENT_PROCESSING;
        let plan = if is_ordered { Some(order.plan().clone()) } else { Plan::of(offer, name, Vec::new()) };
        if let Some(plan) = plan {
            row.difference = Some(difference(&session.clients, &plan, key, stack).await?);
        }
    }
    Ok(row)
}

fn sentence(row: &Row) -> String {
    let (name, offer) = (&row.stack, row.offer);
    let Some(status) = &row.status else {
        return format!("{name:<32} {offer:<18} not deployed");
    };
    let changed = row.changed.map(|at| format!(", changed {}", at.iso_millis())).unwrap_or_default();
    let state = match (row.ours, row.difference) {
        (Some(false), _) => "not made by vaultscope".to_owned(),
        (_, Some(difference)) => differing(difference),
        _ => next(status).to_owned(),
    };
    format!("{name:<32} {offer:<18} {status}{changed}; {state}")
}

/// What a deployment would have to do with a stack of that status before anything else.
fn next(status: &str) -> &'static str {
    match NextStep::of(Some(status)) {
        NextStep::Create => "it was only looked at: a deployment would make it",
        NextStep::DeleteThenCreate => "a deployment would delete what is left of it and make it anew",
        NextStep::Follow => "it is being worked on: a deployment would wait for that",
        NextStep::DestroyFirst => "it has to be destroyed first",
        NextStep::ContinueRollback => "its rollback has to be continued first",
        NextStep::Update => "a deployment would change it",
    }
}

fn differing(difference: Difference) -> String {
    let all = [
        ("its template", difference.template),
        ("its parameters", difference.parameters),
        ("its functions", difference.functions),
    ];
    let of = |wanted: Option<bool>| -> Vec<&str> {
        all.iter().filter(|(_, differs)| *differs == wanted).map(|(what, _)| *what).collect()
    };
    let unknown = of(None);
    let remark = if unknown.is_empty() { String::new() } else { format!(" ({} not compared)", unknown.join(", ")) };
    match difference.any() {
        Some(true) => format!("a deployment would change {}{remark}", of(Some(true)).join(", ")),
        Some(false) => "a deployment would change nothing".to_owned(),
        None => format!("a deployment would change nothing that is known{remark}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(status: Option<&str>, ours: Option<bool>, difference: Option<Difference>) -> String {
        sentence(&Row {
            offer: "event-processing",
            stack: "S".to_owned(),
            purpose: "",
            status: status.map(str::to_owned),
            changed: None,
            ours,
            difference,
        })
    }

    #[test]
    fn a_row_says_what_a_deployment_would_do() {
        let of = |template, parameters, functions| Some(Difference { template, parameters, functions });
        let complete = Some("CREATE_COMPLETE");
        for (status, ours, difference, said) in [
            (None, None, None, "not deployed"),
            (complete, Some(false), None, "not made by vaultscope"),
            (complete, Some(true), of(Some(false), Some(false), Some(false)), "would change nothing"),
            (complete, Some(true), of(Some(true), Some(false), Some(true)), "would change its template, its functions"),
            (complete, Some(true), of(Some(true), Some(false), None), "its template (its functions not compared)"),
            (complete, Some(true), of(Some(false), Some(false), None), "nothing that is known (its functions not"),
            (Some("ROLLBACK_COMPLETE"), Some(true), None, "make it anew"),
            (Some("UPDATE_IN_PROGRESS"), Some(true), None, "being worked on"),
        ] {
            let row = row(status, ours, difference);
            assert!(row.contains(said), "{row}");
        }
    }
}
