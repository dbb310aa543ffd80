//! The rows between the layers: which way turns in which row, so that no two run over each other and few cross.

use std::collections::HashMap;

use super::columns::Columns;
use super::layers::Layered;
use super::layout::Link;

/// What an overlap costs, in crossings.
const OVERLAP: usize = 100;
/// Turns of a channel beyond which they are taken as they come.
const MOST_WEIGHED: usize = 300;

/// The rows above a layer.
#[derive(Debug, Clone, Default)]
pub(super) struct Channel {
    /// How many there are, the one for the arrows among them.
    pub(super) rows: usize,
    /// The row of each link that turns here.
    pub(super) tracks: HashMap<usize, usize>,
}

/// A link that turns in a channel.
struct Turn {
    link: usize,
    /// Columns in which it comes from above, and in which it goes on below.
    tops: Vec<usize>,
    bottoms: Vec<usize>,
    low: usize,
    high: usize,
}

impl Turn {
    fn new(link: usize, tops: Vec<usize>, bottoms: Vec<usize>) -> Self {
        let ends = || tops.iter().chain(&bottoms).copied();
        let (low, high) = (ends().min().unwrap_or(0), ends().max().unwrap_or(0));
        Self { link, tops, bottoms, low, high }
    }

    fn spans(&self, column: usize) -> bool {
        (self.low..=self.high).contains(&column)
    }

    /// What it costs to have this one above the other.
    fn above(&self, other: &Self) -> usize {
        let crossed = self.bottoms.iter().filter(|column| other.spans(**column)).count()
            + other.tops.iter().filter(|column| self.spans(**column)).count();
        // What comes down to this one from above, and what leaves the other, in the same column.
        let overlapped = self.bottoms.iter().filter(|column| other.tops.contains(column)).count();
        crossed + overlapped * OVERLAP
    }
}

/// The channel above each layer, and the one below the last.
pub(super) fn channels(layered: &Layered, columns: &Columns, links: &[Link]) -> Vec<Channel> {
    let mut turns: Vec<Vec<Turn>> = Vec::new();
    turns.resize_with(layered.layers.len() + 1, Vec::new);
    for (at, (link, chain)) in links.iter().zip(&layered.chains).enumerate() {
        let mut x = columns.ports[at].0;
        for (step, item) in chain.items.iter().enumerate().skip(1) {
            let is_last = step + 1 == chain.items.len() && !chain.runs_back;
            let to = if is_last { columns.ports[at].1 } else { columns.centre(layered, *item) };
            if x != to {
                turns[layered.items[*item].layer].push(Turn::new(at, vec![x], vec![to]));
            }
            x = to;
        }
        if let Some(lane) = columns.lane[at] {
            let low = chain.items.last().map_or(0, |item| layered.items[*item].layer);
            turns[low + 1].push(Turn::new(at, vec![x, lane], Vec::new()));
            turns[layered.items[link.to].layer].push(Turn::new(at, Vec::new(), vec![lane, columns.ports[at].1]));
        }
    }
    let mut enters = vec![false; layered.layers.len()];
    for link in links {
        enters[layered.items[link.to].layer] = true;
    }
    turns
        .into_iter()
        .enumerate()
        .map(|(at, turns)| {
            let (count, tracks) = tracks(&turns);
            // Arrows stand above boxes; between boxes and their labels is a row at least.
            let arrows = usize::from(layered.holds_boxes.get(at) == Some(&true) && enters[at]);
            let least = usize::from(at > 0 && at < layered.layers.len());
            Channel { rows: (count + arrows).max(least), tracks }
        })
        .collect()
}

/// A row for each turn: in the order that crosses least, as high as it fits. Gives the number of rows as well.
fn tracks(turns: &[Turn]) -> (usize, HashMap<usize, usize>) {
    let count = turns.len();
    // Which ones had better be above each one.
    let mut before = vec![Vec::new(); count];
    for (at, one) in turns.iter().enumerate().filter(|_| count <= MOST_WEIGHED) {
        for (other_at, other) in turns.iter().enumerate().skip(at + 1) {
            if one.low > other.high || other.low > one.high {
                continue;
            }
            let (above, below) = (one.above(other), other.above(one));
            if above < below {
                before[other_at].push((at, below - above));
            } else if below < above {
                before[at].push((other_at, above - below));
            }
        }
    }
    let mut placed: Vec<Option<usize>> = vec![None; count];
    let mut rows: Vec<Vec<usize>> = Vec::new();
    for _ in 0..count {
        // What no other one has to be above of, or costs least.
        let cost = |at: usize| -> usize {
            before[at].iter().filter(|(other, _)| placed[*other].is_none()).map(|(_, cost)| cost).sum()
        };
        let Some(next) = (0..count).filter(|at| placed[*at].is_none()).min_by_key(|at| (cost(*at), *at)) else { break };
        let highest = before[next].iter().filter_map(|(other, _)| placed[*other].map(|row| row + 1)).max().unwrap_or(0);
        let fits = |row: &usize| {
            rows.get(*row).is_none_or(|taken| {
                taken
                    .iter()
                    .all(|other| turns[*other].high + 1 < turns[next].low || turns[next].high + 1 < turns[*other].low)
            })
        };
        let row = (highest..rows.len()).find(fits).unwrap_or(rows.len().max(highest));
        if rows.len() <= row {
            rows.resize_with(row + 1, Vec::new);
        }
        rows[row].push(next);
        placed[next] = Some(row);
    }
    let tracks = turns.iter().zip(placed).filter_map(|(turn, row)| Some((turn.link, row?))).collect();
    (rows.len(), tracks)
}
