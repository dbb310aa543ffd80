//! Works through a graph: everything whose dependencies are done runs together.

use std::collections::{BTreeMap, BTreeSet};

use futures::stream::{FuturesUnordered, StreamExt};
use tokio_util::sync::CancellationToken;

/// What one node waits for.
pub type Graph = BTreeMap<String, BTreeSet<String>>;

/// The graph in which what waited is waited for, over the same nodes.
#[must_use]
pub fn reversed(graph: &Graph) -> Graph {
    let mut reversed: Graph = graph.keys().map(|node| (node.clone(), BTreeSet::new())).collect();
    for (node, waits) in graph {
        for before in waits {
            if let Some(after) = reversed.get_mut(before) {
                after.insert(node.clone());
            }
        }
    }
    reversed
}

/// Runs `work` for every node once its dependencies have succeeded; after a failure nothing new begins when
/// `stop_on_failure`, and otherwise only what waits for the failed one is left out. Returns the failed nodes in the
/// order in which they failed.
pub async fn walk<Work, Done>(
    mut graph: Graph,
    stop_on_failure: bool,
    cancel: &CancellationToken,
    work: Work,
) -> Vec<String>
where
    Work: Fn(String) -> Done,
    Done: Future<Output = bool>,
{
    let mut failed = Vec::new();
    let mut running = FuturesUnordered::new();
    let nodes: BTreeSet<String> = graph.keys().cloned().collect();
    graph.values_mut().for_each(|waits| waits.retain(|node| nodes.contains(node)));
    loop {
        if !cancel.is_cancelled() && (failed.is_empty() || !stop_on_failure) {
            let ready: Vec<String> =
                graph.iter().filter(|(_, waits)| waits.is_empty()).map(|(node, _)| node.clone()).collect();
            for node in ready {
                graph.remove(&node);
                let done = work(node.clone());
                running.push(async move { (node, done.await) });
            }
        }
        match running.next().await {
            None => return failed,
            Some((node, true)) => graph.values_mut().for_each(|waits| {
                waits.remove(&node);
            }),
            Some((node, false)) => failed.push(node),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn graph(edges: &[(&str, &[&str])]) -> Graph {
        let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        edges.iter().map(|(node, waits)| ((*node).to_owned(), set(waits))).collect()
    }

    async fn order(graph: Graph, stop: bool, fails: &str) -> (Vec<String>, Vec<String>) {
        let seen = Mutex::new(Vec::new());
        let failed = walk(graph, stop, &CancellationToken::new(), |node| {
            seen.lock().expect("lock").push(node.clone());
            async move { node != fails }
        })
        .await;
        (seen.into_inner().expect("lock"), failed)
    }

    #[tokio::test]
    async fn nodes_run_after_what_they_wait_for() {
        let forward = graph(&[("a", &["b", "c"]), ("b", &["c"]), ("c", &[]), ("d", &["elsewhere"])]);
        let (seen, failed) = order(forward.clone(), true, "").await;
        assert_eq!(seen, ["c", "d", "b", "a"]);
        assert!(failed.is_empty());
        let (seen, _) = order(reversed(&forward), true, "").await;
        assert_eq!(seen, ["a", "d", "b", "c"]);
    }

    #[tokio::test]
    async fn a_failure_stops_all_or_only_what_waits_for_it() {
        let forward = graph(&[("a", &[]), ("b", &["a"]), ("c", &[]), ("d", &["c"])]);
        let (seen, failed) = order(forward.clone(), true, "a").await;
        assert_eq!((seen.len(), failed), (2, vec!["a".to_owned()]));
        let (seen, _) = order(forward, false, "a").await;
        assert_eq!(seen, ["a", "c", "d"]);
    }
}
