//! `vaultscope stacks`: what can be deployed, and what of it is there. It only reads: whether a deployment would change
//! something follows from the template and the parameters that the stack was made with.

use serde::Serialize;
use serde_json::json;

use crate::deploy::{BOOTSTRAP, CATALOGUE, Difference, EVENT_PROCESSING, Offer, Plan, Stack, all, difference};
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
    /// Its name in the catalogue; null where it is none of it under that name.
    offer: Option<&'static str>,
    /// The stack's name.
    stack: String,
    /// What it is for.
    purpose: Option<&'static str>,
    /// Null when it is not there.
    status: Option<String>,
    /// When it was last changed.
    changed: Option<Timestamp>,
    /// Whether vaultscope made it; null when it is not there.
    ours: Option<bool>,
    /// What deploying it would change; null when it is not there or not ours.
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
        rows.push(row(session, order, key.as_deref(), EVENT_PROCESSING, name, Some(stack)).await?);
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
        offer: Some(offer.id),
        stack: name.to_owned(),
        purpose: Some(offer.purpose),
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
    if stack.is_tagged && stack.status != "REVIEW_IN_PROGRESS" {
        let plan = if offer == BOOTSTRAP { Plan::of(BOOTSTRAP, name, Vec::new()) } else { Some(order.plan().clone()) };
        if let Some(plan) = plan {
            row.difference = Some(difference(&session.clients, &plan, key, stack).await?);
        }
    }
    Ok(row)
}

fn sentence(row: &Row) -> String {
    let (name, offer) = (&row.stack, row.offer.unwrap_or_default());
    let Some(status) = &row.status else {
        return format!("{name:<32} {offer:<18} not deployed");
    };
    let changed = row.changed.map(|at| format!(", changed {}", at.iso_millis())).unwrap_or_default();
    let state = match (row.ours, row.difference) {
        (Some(false), _) => "not made by vaultscope".to_owned(),
        (_, Some(difference)) => differing(difference),
        _ => "nothing is known of its template".to_owned(),
    };
    format!("{name:<32} {offer:<18} {status}{changed}; {state}")
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
