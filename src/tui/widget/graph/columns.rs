//! The columns of a layered layout: where each thing stands in its layer, as near above and below its neighbours as the
//! others let it; the lanes of the ways that run back; and the columns in which ways leave and enter boxes.

use super::layers::Layered;
use super::layout::Link;

/// Free columns between two things of a layer.
const GAP: isize = 2;
/// Parts of a column that places are reckoned in.
const PARTS: isize = 16;
/// Sweeps over the layers.
const SWEEPS: usize = 8;

/// Columns of everything.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns {
    /// The leftmost column of each item.
    pub(super) left: Vec<usize>,
    /// The lane of each link that runs back.
    pub(super) lane: Vec<Option<usize>>,
    /// Where each link leaves its box, and where it enters the other.
    pub(super) ports: Vec<(usize, usize)>,
    pub(super) width: usize,
}

impl Columns {
    pub(super) fn of(layered: &Layered, links: &[Link]) -> Self {
        let left = places(layered);
        let mut columns = Self { left, lane: vec![None; links.len()], ports: vec![(0, 0); links.len()], width: 0 };
        columns.lay_lanes(layered, links);
        columns.lay_ports(layered, links);
        columns
    }

    /// The middle column of an item.
    pub(super) fn centre(&self, layered: &Layered, item: usize) -> usize {
        self.left[item] + layered.items[item].size.width / 2
    }

    /// Ways that run back go up to the right of whatever stands in the layers that they pass, the shortest innermost.
    fn lay_lanes(&mut self, layered: &Layered, links: &[Link]) {
        let mut right: Vec<usize> = layered
            .layers
            .iter()
            .map(|layer| layer.iter().map(|at| self.left[*at] + layered.items[*at].size.width).max().unwrap_or(0))
            .collect();
        let mut lanes: Vec<(usize, usize, usize)> = Vec::new();
        for (at, chain) in layered.chains.iter().enumerate().filter(|(_, chain)| chain.runs_back) {
            let low = chain.items.last().map_or(0, |item| layered.items[*item].layer);
            let high = layered.items[links[at].to].layer;
            lanes.push((low - high, high, at));
        }
        lanes.sort_unstable();
        for (span, high, at) in lanes {
            let passed = high..=high + span;
            let column = right[passed.clone()].iter().max().copied().unwrap_or(0) + 1;
            right[passed].fill(column + 1);
            self.lane[at] = Some(column);
        }
        self.width = right.into_iter().max().unwrap_or(0);
    }

    fn lay_ports(&mut self, layered: &Layered, links: &[Link]) {
        let boxes = layered.items.iter().filter(|item| item.is_box).count();
        let (mut outs, mut ins) = (vec![Vec::new(); boxes], vec![Vec::new(); boxes]);
        for (at, chain) in layered.chains.iter().enumerate() {
            let next = chain.items.get(1).map(|item| self.centre(layered, *item));
            outs[links[at].from].push((next.or(self.lane[at]).unwrap_or_default(), at));
        }
        for (item, outs) in outs.into_iter().enumerate() {
            for (port, link) in self.spread(layered, item, outs) {
                self.ports[link].0 = port;
            }
        }
        for (at, chain) in layered.chains.iter().enumerate() {
            let from = match (self.lane[at], chain.items.as_slice()) {
                (Some(lane), _) => lane,
                (None, [_, _]) => self.ports[at].0,
                (None, items) => items.iter().rev().nth(1).map_or(0, |item| self.centre(layered, *item)),
            };
            ins[links[at].to].push((from, at));
        }
        for (item, ins) in ins.into_iter().enumerate() {
            for (port, link) in self.spread(layered, item, ins) {
                self.ports[link].1 = port;
            }
        }
    }

    /// Columns along a side of a box, each as near as it may be to the one that is wished for.
    fn spread(&self, layered: &Layered, item: usize, mut wished: Vec<(usize, usize)>) -> Vec<(usize, usize)> {
        let width = layered.items[item].size.width;
        // Corners are left free where there is room.
        let margin = usize::from(width > 2);
        let (low, high) = (self.left[item] + margin, self.left[item] + width.max(1) - 1 - margin);
        wished.sort_unstable();
        let steps = wished.len().saturating_sub(1);
        let step = (high - low).checked_div(steps).unwrap_or(0).min(2);
        let mut next = low;
        let mut ports: Vec<(usize, usize)> = Vec::with_capacity(wished.len());
        for (at, (column, link)) in wished.into_iter().enumerate() {
            let port = column.clamp(next, (high - step * (steps - at)).max(next)).min(high);
            ports.push((port, link));
            next = (port + step).min(high);
        }
        ports
    }
}

/// Places of the items, settled layer by layer.
fn places(layered: &Layered) -> Vec<usize> {
    let items = &layered.items;
    let width = |at: usize| items[at].size.width.cast_signed() * PARTS;
    let mut left = vec![0_isize; items.len()];
    for layer in &layered.layers {
        let mut column = 0;
        for at in layer {
            left[*at] = column;
            column += width(*at) + GAP * PARTS;
        }
    }
    let neighbours = layered.neighbours();
    for sweep in 0..SWEEPS {
        let sides: &[usize] = match sweep {
            _ if sweep + 2 >= SWEEPS => &[0, 1],
            _ if sweep % 2 == 0 => &[0],
            _ => &[1],
        };
        for step in 0..layered.layers.len() {
            let layer = if sweep % 2 == 0 { step } else { layered.layers.len() - 1 - step };
            let wishes: Vec<(isize, isize, isize)> = layered.layers[layer]
                .iter()
                .map(|at| {
                    let near = sides.iter().flat_map(|side| &neighbours[*side][*at]);
                    let (sum, count) = near.fold((0, 0), |(sum, count), other| {
                        // What is straight above or below a box is meant, not its middle in half columns.
                        (sum + left[*other] + width(*other) / PARTS / 2 * PARTS, count + 1)
                    });
                    let middle = width(*at) / PARTS / 2 * PARTS;
                    let wish = if count == 0 { left[*at] } else { sum / count - middle };
                    let weight = if items[*at].is_box { 2 } else { 5 };
                    (wish, if count == 0 { 1 } else { weight }, width(*at) + GAP * PARTS)
                })
                .collect();
            for (at, place) in layered.layers[layer].iter().zip(settled(&wishes)) {
                left[*at] = place;
            }
        }
    }
    let least = left.iter().min().copied().unwrap_or(0);
    left.into_iter().map(|place| (place.div_euclid(PARTS) - least.div_euclid(PARTS)).cast_unsigned()).collect()
}

/// Places for things in a row: in their order, each with its room, as near to what is wished as that allows (least squares;
/// neighbours that want to pass each other are settled together). Each is a wish, its weight and its room.
fn settled(wishes: &[(isize, isize, isize)]) -> Vec<isize> {
    // First place, sum of weighted wishes, sum of weights, number of things.
    let mut blocks: Vec<(isize, isize, usize)> = Vec::new();
    let mut offset = 0;
    for (wish, weight, room) in wishes {
        blocks.push(((wish - offset) * weight, *weight, 1));
        offset += room;
        while let [.., before, last] = blocks.as_slice()
            && before.0.div_euclid(before.1) > last.0.div_euclid(last.1)
        {
            let merged = (before.0 + last.0, before.1 + last.1, before.2 + last.2);
            blocks.truncate(blocks.len() - 2);
            blocks.push(merged);
        }
    }
    let mut places = Vec::with_capacity(wishes.len());
    let mut offset = 0;
    for (sum, weight, count) in blocks {
        // Whole columns, so that rounding brings nobody too near.
        let place = sum.div_euclid(weight).div_euclid(PARTS) * PARTS;
        for (_, _, room) in &wishes[places.len()..places.len() + count] {
            places.push(place + offset);
            offset += room;
        }
    }
    places
}
