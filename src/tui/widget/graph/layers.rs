//! The first half of a layered layout: which way runs back, which layer each thing stands in and in which order. Ways that
//! pass a layer have a bend there, and labels are things of their own, so that nothing is ever drawn over anything else.

use super::layout::{Link, Size};

/// Boxes, labels and bends beyond which nothing is laid out: nobody reads that as a picture.
const MOST_ITEMS: usize = 4_000;
/// Sweeps over the layers that look for an order with fewer crossings.
const SWEEPS: usize = 12;

/// Something that has a place in a layer.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) layer: usize,
    pub(super) size: Size,
    /// Whether it is a box, whose ways may leave and arrive anywhere along its sides.
    pub(super) is_box: bool,
}

/// What a link passes on its way down, from the box that it leaves.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    /// The last one is the box that it leads to, unless it runs back.
    pub(super) items: Vec<usize>,
    pub(super) runs_back: bool,
}

/// Boxes, labels and bends in layers.
#[derive(Debug, Clone, Default)]
pub(super) struct Layered {
    /// The boxes in the order in which they were given, then labels and bends.
    pub(super) items: Vec<Item>,
    /// The things of each layer from left to right.
    pub(super) layers: Vec<Vec<usize>>,
    /// Whether a layer holds boxes; between them are layers of labels.
    pub(super) holds_boxes: Vec<bool>,
    /// One a link.
    pub(super) chains: Vec<Chain>,
}

impl Layered {
    /// Puts boxes and links into layers; `None` where that would be too much.
    pub(super) fn of(sizes: &[Size], links: &[Link]) -> Option<Self> {
        let (back, order) = backward(sizes.len(), links);
        let ranks = ranks(sizes.len(), links, &back);
        let count = ranks.iter().max().map_or(0, |most| most + 1);
        let mut labelled = vec![false; count];
        links.iter().filter(|link| link.label > 0).for_each(|link| labelled[ranks[link.from]] = true);
        let mut layer_of = Vec::with_capacity(count);
        let mut holds_boxes = Vec::new();
        for has_labels in labelled {
            layer_of.push(holds_boxes.len());
            holds_boxes.push(true);
            if has_labels {
                holds_boxes.push(false);
            }
        }
        let mut items: Vec<Item> = sizes
            .iter()
            .zip(&ranks)
            .map(|(size, rank)| Item { layer: layer_of[*rank], size: *size, is_box: true })
            .collect();
        let mut layers = vec![Vec::new(); holds_boxes.len()];
        for at in order {
            layers[items[at].layer].push(at);
        }
        let mut chains = Vec::with_capacity(links.len());
        for (link, runs_back) in links.iter().zip(back) {
            let mut chain = vec![link.from];
            let first = items[link.from].layer + 1;
            let passed =
                if runs_back { first..first + usize::from(link.label > 0) } else { first..items[link.to].layer };
            for layer in passed {
                let is_label = layer == first && link.label > 0;
                let width = if is_label { link.label } else { 1 };
                layers[layer].push(items.len());
                chain.push(items.len());
                items.push(Item { layer, size: Size { width, height: 1 }, is_box: false });
            }
            if items.len() > MOST_ITEMS {
                return None;
            }
            if !runs_back {
                chain.push(link.to);
            }
            chains.push(Chain { items: chain, runs_back });
        }
        let mut layered = Self { items, layers, holds_boxes, chains };
        layered.untangle();
        Some(layered)
    }

    /// Neighbours of each item in the layer above and in the layer below.
    pub(super) fn neighbours(&self) -> [Vec<Vec<usize>>; 2] {
        let mut both = [vec![Vec::new(); self.items.len()], vec![Vec::new(); self.items.len()]];
        for chain in &self.chains {
            for pair in chain.items.windows(2) {
                both[1][pair[0]].push(pair[1]);
                both[0][pair[1]].push(pair[0]);
            }
        }
        both
    }

    /// Orders each layer by where its neighbours stand, and keeps the order with the fewest crossings.
    fn untangle(&mut self) {
        let neighbours = self.neighbours();
        let mut best = (self.crossings(&neighbours[1]), self.layers.clone());
        for sweep in 0..SWEEPS {
            if best.0 == 0 {
                break;
            }
            let up = sweep % 2 == 1;
            let mut place = self.place();
            for step in 1..self.layers.len() {
                let layer = if up { self.layers.len() - 1 - step } else { step };
                let side = &neighbours[usize::from(up)];
                let key = |at: usize| {
                    let near = &side[at];
                    let sum: usize = near.iter().map(|other| place[*other] * 1_024).sum();
                    sum.checked_div(near.len()).unwrap_or(place[at] * 1_024)
                };
                let mut order: Vec<(usize, usize)> = self.layers[layer].iter().map(|at| (key(*at), *at)).collect();
                order.sort_by_key(|(key, _)| *key);
                self.layers[layer] = order.into_iter().map(|(_, at)| at).collect();
                self.layers[layer].iter().enumerate().for_each(|(at, item)| place[*item] = at);
            }
            let crossings = self.crossings(&neighbours[1]);
            if crossings < best.0 {
                best = (crossings, self.layers.clone());
            }
        }
        self.layers = best.1;
    }

    fn place(&self) -> Vec<usize> {
        let mut place = vec![0; self.items.len()];
        for layer in &self.layers {
            layer.iter().enumerate().for_each(|(at, item)| place[*item] = at);
        }
        place
    }

    fn crossings(&self, below: &[Vec<usize>]) -> usize {
        let place = self.place();
        let mut count = 0;
        for layer in &self.layers {
            // Ends below of what was met so far, kept in order.
            let mut ends: Vec<usize> = Vec::new();
            for item in layer {
                let mut own: Vec<usize> = below[*item].iter().map(|other| place[*other]).collect();
                own.sort_unstable();
                for end in &own {
                    count += ends.len() - ends.partition_point(|other| other <= end);
                }
                for end in own {
                    ends.insert(ends.partition_point(|other| *other <= end), end);
                }
            }
        }
        count
    }
}

/// Which links lead back to a box that they came from, and the boxes in the order in which they are come by.
fn backward(count: usize, links: &[Link]) -> (Vec<bool>, Vec<usize>) {
    let mut outs = vec![Vec::new(); count];
    for (at, link) in links.iter().enumerate() {
        outs[link.from].push((at, link.to));
    }
    let mut back = vec![false; links.len()];
    let mut order = Vec::with_capacity(count);
    // 0 not seen, 1 on the way here, 2 done; an explicit stack, for definitions may be long.
    let mut marks = vec![0_u8; count];
    for root in 0..count {
        if marks[root] != 0 {
            continue;
        }
        marks[root] = 1;
        order.push(root);
        let mut path = vec![(root, 0)];
        while let Some((at, next)) = path.last_mut() {
            let Some(&(link, to)) = outs[*at].get(*next) else {
                marks[*at] = 2;
                path.pop();
                continue;
            };
            *next += 1;
            match marks[to] {
                0 => {
                    marks[to] = 1;
                    order.push(to);
                    path.push((to, 0));
                }
                1 => back[link] = true,
                _ => {}
            }
        }
    }
    (back, order)
}

/// How many links the longest way to each box has.
fn ranks(count: usize, links: &[Link], back: &[bool]) -> Vec<usize> {
    let forward = || links.iter().zip(back).filter(|(_, back)| !**back).map(|(link, _)| link);
    let mut outs = vec![Vec::new(); count];
    let mut ins = vec![0_usize; count];
    for link in forward() {
        outs[link.from].push(link.to);
        ins[link.to] += 1;
    }
    let mut ranks = vec![0; count];
    let mut ready: Vec<usize> = (0..count).filter(|at| ins[*at] == 0).collect();
    while let Some(at) = ready.pop() {
        for &to in &outs[at] {
            ranks[to] = ranks[to].max(ranks[at] + 1);
            ins[to] -= 1;
            if ins[to] == 0 {
                ready.push(to);
            }
        }
    }
    ranks
}
