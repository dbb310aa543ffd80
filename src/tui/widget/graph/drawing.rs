//! A machine with a place for each of its states, at one of three levels of detail; the states of a branch stand in the
//! frame of the state that holds them.

use super::super::text;
use super::layout::{Layout, Link, Point, Size};
use super::short;
use crate::model::machine::{Machine, Way};

/// The longest name and label that are drawn whole.
const LONGEST_NAME: usize = 28;
const LONGEST_LABEL: usize = 22;
/// Free columns between two branches.
const BRANCH_GAP: usize = 2;

/// How much of a state is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Level {
    /// Its name, in one row.
    Names,
    /// A box with its name.
    #[default]
    Boxes,
    /// A box with its name, what it does and how far it is.
    Details,
}

impl Level {
    pub(crate) const ALL: [Self; 3] = [Self::Names, Self::Boxes, Self::Details];

    pub(crate) const fn larger(self) -> Self {
        match self {
            Self::Names => Self::Boxes,
            Self::Boxes | Self::Details => Self::Details,
        }
    }

    pub(crate) const fn smaller(self) -> Self {
        match self {
            Self::Names | Self::Boxes => Self::Names,
            Self::Details => Self::Boxes,
        }
    }

    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Names => "names",
            Self::Boxes => "boxes",
            Self::Details => "details",
        }
    }

    const fn rows(self) -> usize {
        match self {
            Self::Names => 1,
            Self::Boxes => 3,
            Self::Details => 5,
        }
    }
}

/// Where to go from a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Up,
    Down,
    Left,
    Right,
}

/// The box of a state, or the frame around its branches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    pub(crate) state: usize,
    pub(crate) is_frame: bool,
    pub(super) at: Point,
    pub(super) size: Size,
}

/// An edge of the machine as it is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) edge: usize,
    pub(super) points: Vec<Point>,
    pub(super) label: Option<Point>,
}

/// A machine with a place for everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Drawing {
    pub(super) level: Level,
    pub(super) nodes: Vec<Node>,
    pub(super) lines: Vec<Line>,
    pub(super) labels: Vec<String>,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// What is drawn of one machine while it is laid out.
struct Composer<'a> {
    machine: &'a Machine,
    level: Level,
    labels: Vec<String>,
    /// The branches of each state, and the states of each branch.
    branches: Vec<Vec<Vec<usize>>>,
}

impl Drawing {
    /// Lays a machine out from top to bottom; `None` where it is too much for a picture.
    pub(crate) fn of(machine: &Machine, level: Level) -> Option<Self> {
        let label = |way: &Way| match way.label() {
            "" => String::new(),
            words => format!(" {} ", text::cut(words, LONGEST_LABEL)),
        };
        let labels = machine.edges.iter().map(|edge| label(&edge.way)).collect();
        let composer = Composer { machine, level, labels, branches: machine.branches() };
        let outermost: Vec<usize> =
            (0..machine.states.len()).filter(|at| machine.states[*at].parent.is_none()).collect();
        let mut whole = composer.part(&outermost)?;
        whole.nodes.sort_by_key(|node| node.state);
        Some(Self { labels: composer.labels, ..whole })
    }

    /// Where a state's name stands, in the middle.
    pub(crate) fn centre(&self, state: usize) -> Option<(usize, usize)> {
        let node = self.node(state)?;
        let down = if node.is_frame { 0 } else { node.size.height / 2 };
        Some((node.at.x + node.size.width / 2, node.at.y + down))
    }

    fn node(&self, state: usize) -> Option<&Node> {
        self.nodes.get(self.nodes.binary_search_by_key(&state, |node| node.state).ok()?)
    }

    /// The state that is next in a direction; what lies straight ahead comes before what lies aside.
    pub(crate) fn next(&self, state: usize, direction: Direction) -> Option<usize> {
        let (x, y) = self.centre(state)?;
        let reach = |node: &Node| {
            let (to_x, to_y) = self.centre(node.state)?;
            let (ahead, behind, aside) = match direction {
                Direction::Up => (y, to_y, to_x.abs_diff(x)),
                Direction::Down => (to_y, y, to_x.abs_diff(x)),
                Direction::Left => (x, to_x, to_y.abs_diff(y) * 4),
                Direction::Right => (to_x, x, to_y.abs_diff(y) * 4),
            };
            let ahead = ahead.checked_sub(behind).filter(|ahead| *ahead > 0)?;
            // To the side is what lies more to the side than above or below.
            if matches!(direction, Direction::Left | Direction::Right) && aside > ahead {
                return None;
            }
            // Rows are twice as high as columns are wide.
            let ahead = if matches!(direction, Direction::Up | Direction::Down) { ahead * 4 } else { ahead };
            Some((ahead + aside, node.state))
        };
        self.nodes.iter().filter_map(reach).min().map(|(_, state)| state)
    }
}

impl Composer<'_> {
    /// Lays out some states that lead to one another, with whatever they hold.
    fn part(&self, members: &[usize]) -> Option<Drawing> {
        let held: Vec<Option<Drawing>> =
            members.iter().map(|at| self.inside(*at)).collect::<Option<Vec<Option<Drawing>>>>()?;
        let sizes: Vec<Size> = members
            .iter()
            .zip(&held)
            .map(|(at, inside)| match inside {
                Some(inside) => Size { width: (inside.width + 4).max(self.title(*at)), height: inside.height + 2 },
                None => self.size(*at),
            })
            .collect();
        let place = |state: usize| members.binary_search(&state).ok();
        let links: Vec<(usize, Link)> = self
            .machine
            .edges
            .iter()
            .enumerate()
            .filter(|(_, edge)| edge.way != Way::Branch)
            .filter_map(|(at, edge)| {
                let label = text::width(&self.labels[at]);
                Some((at, Link { from: place(edge.from)?, to: place(edge.to)?, label }))
            })
            .collect();
        let plain: Vec<Link> = links.iter().map(|(_, link)| *link).collect();
        let layout = Layout::of(&sizes, &plain)?;
        let mut whole =
            Drawing { level: self.level, width: layout.size.width, height: layout.size.height, ..Drawing::default() };
        for ((state, inside), (at, size)) in members.iter().zip(held).zip(layout.places.iter().zip(&sizes)) {
            whole.nodes.push(Node { state: *state, is_frame: inside.is_some(), at: *at, size: *size });
            if let Some(inside) = inside {
                whole.take_in(inside, Point { x: at.x + 2, y: at.y + 1 });
            }
        }
        let routes = links.into_iter().zip(layout.routes);
        whole.lines.extend(routes.map(|((edge, _), route)| Line { edge, points: route.points, label: route.label }));
        Some(whole)
    }

    /// The branches of a state side by side; `Some(None)` where it has none.
    #[expect(clippy::option_option, reason = "what cannot be laid out is not what holds nothing")]
    fn inside(&self, state: usize) -> Option<Option<Drawing>> {
        let branches = &self.branches[state];
        if branches.is_empty() {
            return Some(None);
        }
        let mut whole = Drawing::default();
        for branch in branches {
            let part = self.part(branch)?;
            let x = if whole.width == 0 { 0 } else { whole.width + BRANCH_GAP };
            (whole.width, whole.height) = (x + part.width, whole.height.max(part.height));
            whole.take_in(part, Point { x, y: 0 });
        }
        Some(Some(whole))
    }

    fn size(&self, state: usize) -> Size {
        let state = &self.machine.states[state];
        let name = text::width(short(&state.name)).min(LONGEST_NAME);
        // A wait has room for its countdown.
        let width = name + if state.kind == "Wait" { 12 } else { 6 };
        let width = match self.level {
            Level::Details => {
                width.max(28).max((text::width(&state.detail) + state.kind.len() + 9).min(LONGEST_NAME + 8))
            }
            Level::Names | Level::Boxes => width,
        };
        Size { width, height: self.level.rows() }
    }

    /// Columns of a frame whose title is read whole.
    fn title(&self, state: usize) -> usize {
        let state = &self.machine.states[state];
        let word = if self.level == Level::Details { 16 } else { 0 };
        text::width(short(&state.name)).min(LONGEST_NAME) + state.kind.len() + 12 + word
    }
}

impl Drawing {
    fn take_in(&mut self, part: Self, by: Point) {
        let moved = |point: Point| Point { x: point.x + by.x, y: point.y + by.y };
        self.nodes.extend(part.nodes.into_iter().map(|node| Node { at: moved(node.at), ..node }));
        self.lines.extend(part.lines.into_iter().map(|line| Line {
            points: line.points.into_iter().map(moved).collect(),
            label: line.label.map(moved),
            ..line
        }));
    }
}
