//! A state machine in boxes and arrows. The layout engine says where things stand; they are drawn here, with the colours
//! of an execution, and only as far as they are on the screen.

use std::cmp::Ordering;
use std::collections::HashMap;

use ascii_dag::ir::EdgePath;
use ascii_dag::{CustomNode, Direction, Graph, LayoutConfig, PortSide};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::text;
use crate::model::machine::Machine;

const UP: u8 = 1;
const DOWN: u8 = 2;
const LEFT: u8 = 4;
const RIGHT: u8 = 8;

/// A box of the drawing.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) state: usize,
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

#[derive(Debug, Clone)]
struct Edge {
    from: usize,
    to: usize,
    points: Vec<(usize, usize)>,
    label: String,
    label_at: (usize, usize),
    /// Where its arrow stands, and which one.
    head: (usize, usize),
    arrow: char,
}

/// A machine with a place for everything.
#[derive(Debug, Clone, Default)]
pub(crate) struct Drawing {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// How a state and the ways out of it look: a glyph, a few words after the name, a style.
pub(crate) struct Look {
    pub(crate) glyph: &'static str,
    pub(crate) note: String,
    pub(crate) style: Style,
    pub(crate) visited: bool,
    pub(crate) current: bool,
}

/// A state's name without the word that each of them ends in.
pub(crate) fn short(name: &str) -> &str {
    name.strip_suffix("State").filter(|rest| !rest.is_empty()).unwrap_or(name)
}

impl Drawing {
    /// Lays a machine out from top to bottom; boxes are three rows high, or one where `dense`.
    pub(crate) fn of(machine: &Machine, dense: bool) -> Self {
        let mut graph = Graph::new();
        let names: Vec<String> = machine.states.iter().map(|state| text::cut_middle(short(&state.name), 28)).collect();
        for (at, name) in names.iter().enumerate() {
            // A wait has room for its countdown.
            let width = text::width(name) + if machine.states[at].kind == "Wait" { 11 } else { 6 };
            graph.add_node(
                at,
                CustomNode { label: name, width, height: if dense { 1 } else { 3 }, painter: None, payload: "" },
            );
        }
        let labels: Vec<String> = machine.edges.iter().map(|edge| text::cut(edge.way.label(), 18)).collect();
        for ((edge, label), back) in machine.edges.iter().zip(&labels).zip(backward(machine)) {
            if edge.from == edge.to {
                continue;
            }
            let added = graph.add_edge(edge.from, edge.to, (!label.is_empty()).then_some(label.as_str()));
            if back {
                // A way back leaves and arrives at the side, where no other way does.
                added.from_port(PortSide::East).to_port(PortSide::East);
            }
        }
        let mut config = LayoutConfig::standard();
        config.direction = Direction::TopDown;
        config.node_spacing = 2;
        let layout = graph.compute_layout_with_config(&config);
        let nodes = layout.nodes().iter().filter(|node| node.id < names.len());
        let nodes: Vec<Node> =
            nodes.map(|n| Node { state: n.id, x: n.x, y: n.y, width: n.width, height: n.height }).collect();
        let edges: Vec<Edge> = layout
            .edges()
            .iter()
            .map(|edge| {
                let (from, to) = ((edge.from_x, edge.from_y), (edge.to_x, edge.to_y));
                let mut points = vec![from];
                match &edge.path {
                    EdgePath::Corner { bend_at } => points.extend([(from.0, *bend_at), (to.0, *bend_at)]),
                    EdgePath::SideChannel { channel_at, span_start, span_end } => points.extend([
                        (from.0, *span_start),
                        (*channel_at, *span_start),
                        (*channel_at, *span_end),
                        (to.0, *span_end),
                    ]),
                    EdgePath::MultiSegment { waypoints, start_offset } => {
                        let mut last = from;
                        for (at, &next) in waypoints.iter().chain([&to]).enumerate() {
                            if last.0 != next.0 {
                                let row = last.1 + 1 + if at == 0 { *start_offset } else { 0 };
                                points.extend([(last.0, row), (next.0, row)]);
                            }
                            points.push(next);
                            last = next;
                        }
                        points.pop();
                    }
                    EdgePath::Orthogonal { bends } => points.extend(bends),
                    _ => {}
                }
                points.push(to);
                let label = edge.label.unwrap_or_default().to_owned();
                let (from, to) = (edge.from_id, edge.to_id);
                // A way that was turned round for the layout begins at the box that it leads to.
                let last = points.len() - 1;
                let leads_to = |point: (usize, usize)| {
                    let inside =
                        |n: &Node| (n.x..n.x + n.width).contains(&point.0) && (n.y..n.y + n.height).contains(&point.1);
                    nodes.iter().any(|node| node.state == to && inside(node))
                };
                let turned = leads_to(points[0]) && !leads_to(points[last]);
                let (head, arrow) =
                    if turned { arrow(points[1], points[0]) } else { arrow(points[last - 1], points[last]) };
                Edge { from, to, points, label, label_at: (edge.label_x, edge.label_y), head, arrow }
            })
            .collect();
        Self { nodes, edges, width: layout.width(), height: layout.height() }
    }

    /// The middle row and column of a state's box.
    pub(crate) fn centre(&self, state: usize) -> Option<(usize, usize)> {
        let node = self.nodes.iter().find(|node| node.state == state)?;
        Some((node.x + node.width / 2, node.y + node.height / 2))
    }

    /// Draws what of it lies in a window of the size of `area` at `at`.
    pub(crate) fn draw(
        &self,
        machine: &Machine,
        looks: &[Look],
        at: (usize, usize),
        area: Rect,
        buffer: &mut Buffer,
        plain: Style,
    ) {
        let mut canvas = Canvas { at, area, buffer };
        let mut lines: HashMap<(usize, usize), (u8, bool)> = HashMap::new();
        let mut heads = Vec::new();
        let visited = |state: usize| looks.get(state).is_some_and(|look| look.visited);
        for edge in &self.edges {
            let gone = visited(edge.from) && visited(edge.to);
            for pair in edge.points.windows(2) {
                line(pair[0], pair[1], gone, &mut lines);
            }
            heads.push((edge.head, edge.arrow, gone));
        }
        let on = looks.iter().find(|look| look.visited && !look.current).map_or(plain, |look| look.style);
        for ((x, y), (arms, gone)) in lines {
            canvas.put(x, y, joint(arms), if gone { on } else { plain });
        }
        for ((x, y), head, gone) in heads {
            canvas.put(x, y, head, if gone { on } else { plain });
        }
        for edge in self.edges.iter().filter(|edge| !edge.label.is_empty()) {
            canvas.text(edge.label_at.0, edge.label_at.1, &edge.label, plain);
        }
        for node in &self.nodes {
            let (Some(look), Some(state)) = (looks.get(node.state), machine.states.get(node.state)) else { continue };
            let inner = node.width.saturating_sub(2);
            let name = text::cell_middle(&format!(" {} {}{}", look.glyph, short(&state.name), look.note), inner);
            let middle = node.y + node.height / 2;
            if node.height >= 3 {
                let (corners, bar) = if look.current {
                    (['┏', '┓', '┗', '┛'], ("━", "┃"))
                } else {
                    (['╭', '╮', '╰', '╯'], ("─", "│"))
                };
                let edge = bar.0.repeat(inner);
                canvas.text(node.x, node.y, &format!("{}{edge}{}", corners[0], corners[1]), look.style);
                canvas.text(node.x, middle, &format!("{}{name}{}", bar.1, bar.1), look.style);
                canvas.text(node.x, node.y + 2, &format!("{}{edge}{}", corners[2], corners[3]), look.style);
            } else {
                let (open, close) = if look.current { ("▐", "▌") } else { ("[", "]") };
                canvas.text(node.x, middle, &format!("{open}{name}{close}"), look.style);
            }
        }
    }
}

struct Canvas<'a> {
    at: (usize, usize),
    area: Rect,
    buffer: &'a mut Buffer,
}

impl Canvas<'_> {
    fn place(&self, x: usize, y: usize) -> Option<(u16, u16)> {
        let x = u16::try_from(x.checked_sub(self.at.0)?).ok().filter(|x| *x < self.area.width)?;
        let y = u16::try_from(y.checked_sub(self.at.1)?).ok().filter(|y| *y < self.area.height)?;
        Some((self.area.x + x, self.area.y + y))
    }

    fn put(&mut self, x: usize, y: usize, char: char, style: Style) {
        if let Some(cell) = self.place(x, y).and_then(|place| self.buffer.cell_mut(place)) {
            cell.set_char(char).set_style(style);
        }
    }

    fn text(&mut self, x: usize, y: usize, text: &str, style: Style) {
        let mut column = x;
        for char in text.chars() {
            let wide = unicode_width::UnicodeWidthChar::width(char).unwrap_or(0);
            // A wide character that does not fit the window whole is left out.
            if wide == 1 || (wide == 2 && self.place(column + 1, y).is_some()) {
                self.put(column, y, char, style);
            }
            column += wide;
        }
    }
}

fn line(from: (usize, usize), to: (usize, usize), gone: bool, lines: &mut HashMap<(usize, usize), (u8, bool)>) {
    let mut mark = |x: usize, y: usize, arms: u8| {
        let cell = lines.entry((x, y)).or_default();
        *cell = (cell.0 | arms, cell.1 || gone);
    };
    if from.0 == to.0 {
        let (top, bottom) = (from.1.min(to.1), from.1.max(to.1));
        for y in top..=bottom {
            mark(from.0, y, if y > top { UP } else { 0 } | if y < bottom { DOWN } else { 0 });
        }
    } else if from.1 == to.1 {
        let (left, right) = (from.0.min(to.0), from.0.max(to.0));
        for x in left..=right {
            mark(x, from.1, if x > left { LEFT } else { 0 } | if x < right { RIGHT } else { 0 });
        }
    } else {
        line(from, (to.0, from.1), gone, lines);
        line((to.0, from.1), to, gone, lines);
    }
}

/// The cell before the end of a way, and the arrow that points to it.
fn arrow(before: (usize, usize), (x, y): (usize, usize)) -> ((usize, usize), char) {
    match before.0.cmp(&x) {
        Ordering::Equal if before.1 <= y => ((x, y.saturating_sub(1)), '▼'),
        Ordering::Equal => ((x, y + 1), '▲'),
        Ordering::Less => ((x.saturating_sub(1), y), '▶'),
        Ordering::Greater => ((x + 1, y), '◀'),
    }
}

/// Which ways lead back to a state that they came from.
fn backward(machine: &Machine) -> Vec<bool> {
    let mut outs = vec![Vec::new(); machine.states.len()];
    for (at, edge) in machine.edges.iter().enumerate() {
        outs[edge.from].push((at, edge.to));
    }
    let mut back = vec![false; machine.edges.len()];
    // 0 not seen, 1 on the way here, 2 done; an explicit stack, for definitions may be long.
    let mut marks = vec![0_u8; machine.states.len()];
    for root in 0..machine.states.len() {
        if marks[root] != 0 {
            continue;
        }
        marks[root] = 1;
        let mut path = vec![(root, 0)];
        while let Some((state, next)) = path.last_mut() {
            let Some(&(edge, to)) = outs[*state].get(*next) else {
                marks[*state] = 2;
                path.pop();
                continue;
            };
            *next += 1;
            match marks[to] {
                0 => {
                    marks[to] = 1;
                    path.push((to, 0));
                }
                1 => back[edge] = true,
                _ => {}
            }
        }
    }
    back
}

const fn joint(arms: u8) -> char {
    match arms {
        1..=3 => '│',
        4 | 8 | 12 => '─',
        10 => '╭',
        6 => '╮',
        9 => '╰',
        5 => '╯',
        11 => '├',
        7 => '┤',
        14 => '┬',
        13 => '┴',
        15 => '┼',
        _ => ' ',
    }
}
