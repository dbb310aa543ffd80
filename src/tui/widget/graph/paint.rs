//! A drawing on the screen: the colours, words and glyphs of an execution, as far as the window goes.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};

use super::super::text;
use super::canvas::Canvas;
use super::drawing::{Drawing, Level, Line, Node};
use super::layout::Point;
use super::short;
use crate::model::machine::Machine;

/// How a state looks now.
pub(crate) struct Look {
    pub(crate) glyph: &'static str,
    pub(crate) word: String,
    /// A few columns behind its name: how long it still waits.
    pub(crate) note: String,
    pub(crate) style: Style,
    pub(crate) is_current: bool,
    pub(crate) is_selected: bool,
}

/// What is known of an execution, as it looks.
pub(crate) struct Live<'a> {
    /// By state.
    pub(crate) looks: &'a [Look],
    /// By edge: whether it was gone.
    pub(crate) taken: &'a [bool],
    /// The styles of edges that were not gone, and of those that were.
    pub(crate) edges: [Style; 2],
}

impl Drawing {
    /// Draws what of it lies in a window of the size of `area` at `at`.
    pub(crate) fn draw(&self, machine: &Machine, live: &Live<'_>, at: (usize, usize), area: Rect, buffer: &mut Buffer) {
        let Live { looks, taken, edges: [plain, gone] } = *live;
        let mut canvas = Canvas::new(Point { x: at.0, y: at.1 }, area, buffer);
        let is_gone = |line: &Line| taken.get(line.edge).copied().unwrap_or(false);
        for line in &self.lines {
            canvas.line(&line.points, u8::from(is_gone(line)));
        }
        for node in self.nodes.iter().filter(|node| node.is_frame) {
            self.frame(&mut canvas, machine, looks, node);
        }
        canvas.draw_lines(&[plain, gone]);
        for line in &self.lines {
            let style = if is_gone(line) { gone } else { plain };
            if let Some(end) = line.points.last() {
                canvas.put(*end, '▼', style);
            }
            if let (Some(at), Some(label)) = (line.label, self.labels.get(line.edge)) {
                canvas.text(at, label, style);
            }
        }
        for node in self.nodes.iter().filter(|node| !node.is_frame) {
            self.state(&mut canvas, machine, looks, node);
        }
    }

    fn state(&self, canvas: &mut Canvas<'_>, machine: &Machine, looks: &[Look], node: &Node) {
        let (Some(look), Some(state)) = (looks.get(node.state), machine.states.get(node.state)) else { return };
        let inner = node.size.width.saturating_sub(2);
        let name = text::cell_middle(&format!(" {} {}{}", look.glyph, short(&state.name), look.note), inner);
        let marked = if look.is_selected { look.style.add_modifier(Modifier::REVERSED) } else { look.style };
        let row = |y: usize| Point { x: node.at.x, y: node.at.y + y };
        if self.level == Level::Names {
            let (open, close) = if look.is_current { ('▐', '▌') } else { ('[', ']') };
            return canvas.text(row(0), &format!("{open}{name}{close}"), marked);
        }
        let ([first, second, third, fourth], bar, side) = if look.is_current {
            (['┏', '┓', '┗', '┛'], "━", '┃')
        } else {
            (['╭', '╮', '╰', '╯'], "─", '│')
        };
        let bar = bar.repeat(inner);
        let last = node.size.height.saturating_sub(1);
        canvas.text(row(0), &format!("{first}{bar}{second}"), look.style);
        canvas.text(row(last), &format!("{third}{bar}{fourth}"), look.style);
        let texts = if self.level == Level::Details {
            let what = if state.detail.is_empty() {
                state.kind.clone()
            } else {
                format!("{} · {}", state.kind, state.detail)
            };
            vec![name, text::cell_middle(&format!("   {what}"), inner), text::cell(&format!("   {}", look.word), inner)]
        } else {
            vec![name]
        };
        for (at, words) in texts.into_iter().enumerate() {
            let style = if at == 0 { marked } else { look.style };
            canvas.text(row(at + 1), &format!("{side}{words}{side}"), look.style);
            canvas.text(Point { x: node.at.x + 1, ..row(at + 1) }, &words, style);
        }
    }

    fn frame(&self, canvas: &mut Canvas<'_>, machine: &Machine, looks: &[Look], node: &Node) {
        let (Some(look), Some(state)) = (looks.get(node.state), machine.states.get(node.state)) else { return };
        let inner = node.size.width.saturating_sub(2);
        let word = if self.level == Level::Details { format!(" · {}", look.word) } else { String::new() };
        let words = format!(" {} {} · {}{word}{} ", look.glyph, short(&state.name), state.kind, look.note);
        let words = text::cut(&words, inner.saturating_sub(2));
        let (bar, side) = if look.is_current { ("━", '┃') } else { ("╌", '╎') };
        let corner = if look.is_current { ['┏', '┓', '┗', '┛'] } else { ['╭', '╮', '╰', '╯'] };
        canvas.text(node.at, &format!("{}{}{}", corner[0], bar.repeat(inner), corner[1]), look.style);
        let marked = if look.is_selected { look.style.add_modifier(Modifier::REVERSED) } else { look.style };
        canvas.text(Point { x: node.at.x + 2, ..node.at }, &words, marked);
        let low = node.at.y + node.size.height.saturating_sub(1);
        for y in node.at.y + 1..low {
            canvas.put(Point { y, ..node.at }, side, look.style);
            canvas.put(Point { x: node.at.x + inner + 1, y }, side, look.style);
        }
        let rest = format!("{}{}{}", corner[2], bar.repeat(inner), corner[3]);
        canvas.text(Point { y: low, ..node.at }, &rest, look.style);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::Direction;
    use super::*;

    /// The drawing as text, all of it or what a window of that size shows.
    fn drawn(machine: &Machine, level: Level, window: Option<(u16, u16)>) -> String {
        let drawing = Drawing::of(machine, level).expect("laid out");
        let whole = (u16::try_from(drawing.width).expect("narrow"), u16::try_from(drawing.height).expect("low"));
        let (width, height) = window.unwrap_or(whole);
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        let looks: Vec<Look> = machine
            .states
            .iter()
            .map(|_| Look {
                glyph: "○",
                word: "not visited".to_owned(),
                note: String::new(),
                style: Style::new(),
                is_current: false,
                is_selected: false,
            })
            .collect();
        let live = Live { looks: &looks, taken: &[], edges: [Style::new(); 2] };
        drawing.draw(machine, &live, (0, 0), area, &mut buffer);
        let row = |y: u16| (0..width).map(|x| buffer[(x, y)].symbol()).collect::<String>().trim_end().to_owned();
        (0..height).map(row).collect::<Vec<_>>().join("\n")
    }

    /// A Map over a Parallel, errors that are caught, a loop with a choice.
    fn nested() -> Machine {
        Machine::read(&json!({
            "StartAt": "List",
            "States": {
                "List": {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:listObjectsV2", "Next": "Each", "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Broken"}]},
                "Each": {
                    "Type": "Map", "ItemsPath": "$.keys", "Next": "More?",
                    "Catch": [{"ErrorEquals": ["States.TaskFailed"], "Next": "Broken"}],
                    "ItemProcessor": {"StartAt": "Both", "States": {
                        "Both": {"Type": "Parallel", "Next": "Kept", "Branches": [
                            {"StartAt": "Copy", "States": {"Copy": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:0:function:copy", "Next": "Tag"}, "Tag": {"Type": "Pass", "End": true}}},
                            {"StartAt": "Hash", "States": {"Hash": {"Type": "Task", "Resource": "arn:aws:lambda:us-east-1:0:function:hash", "End": true}}}
                        ]},
                        "Kept": {"Type": "Succeed"}
                    }}
                },
                "More?": {"Type": "Choice", "Choices": [{"Condition": "{% $more %}", "Next": "Pause"}], "Default": "Done"},
                "Pause": {"Type": "Wait", "Seconds": 30, "Next": "List"},
                "Done": {"Type": "Succeed"},
                "Broken": {"Type": "Fail", "Error": "Broken"}
            }
        }))
        .expect("a definition")
    }

    #[test]
    fn branches_stand_in_the_frame_of_the_state_that_holds_them() {
        for (level, name) in Level::ALL.into_iter().zip(["names", "boxes", "details"]) {
            insta::assert_snapshot!(format!("nested_{name}"), drawn(&nested(), level, None));
        }
    }

    #[test]
    fn keys_lead_from_every_state_to_every_other() {
        let machine = nested();
        let drawing = Drawing::of(&machine, Level::Names).expect("laid out");
        let directions = [Direction::Up, Direction::Down, Direction::Left, Direction::Right];
        for from in 0..machine.states.len() {
            let mut reached = std::collections::BTreeSet::from([from]);
            let mut next = vec![from];
            while let Some(at) = next.pop() {
                next.extend(directions.iter().filter_map(|to| drawing.next(at, *to)).filter(|to| reached.insert(*to)));
            }
            assert_eq!(reached.len(), machine.states.len(), "from {}", machine.states[from].name);
        }
    }

    /// A level of a definition: its states lead anywhere, and some hold levels of their own.
    fn level(depth: u32) -> BoxedStrategy<Value> {
        let state = (any::<prop::sample::Index>(), any::<prop::sample::Index>(), "[a-z日 ]{0,40}", 0..7_u8);
        let inner =
            if depth == 0 { Just(Vec::new()).boxed() } else { prop::collection::vec(level(depth - 1), 0..3).boxed() };
        (prop::collection::vec(state, 1..9), inner, "[A-Z]{6}")
            .prop_map(|(states, inner, prefix)| {
                let names: Vec<String> = (0..states.len()).map(|at| format!("{prefix}{at}{}", states[at].2)).collect();
                let mut inner = inner.into_iter();
                let made = states.iter().enumerate().map(|(at, (next, other, _, kind))| {
                    let (next, other) = (&names[next.index(names.len())], &names[other.index(names.len())]);
                    let state = match kind {
                        0 => json!({"Type": "Choice", "Choices": [{"Variable": "$.a", "NumericEquals": 1, "Next": next}], "Default": other}),
                        1 => json!({"Type": "Task", "Resource": "r", "Next": next, "Catch": [{"ErrorEquals": ["E"], "Next": other}]}),
                        2 => json!({"Type": "Succeed"}),
                        3 => json!({"Type": "Wait", "Seconds": 3, "Next": next}),
                        4 => json!({"Type": "Map", "ItemProcessor": inner.next(), "Next": next}),
                        5 => json!({"Type": "Parallel", "Branches": [inner.next(), inner.next()], "Next": next}),
                        _ => json!({"Type": "Pass", "End": true}),
                    };
                    (names[at].clone(), state)
                });
                let made: serde_json::Map<String, Value> = made.collect();
                json!({"StartAt": names[0], "States": made})
            })
            .boxed()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]
        #[test]
        fn every_state_of_any_machine_is_drawn_once_and_every_edge(
            definition in level(2),
            window in (1_u16..60, 1_u16..30),
        ) {
            let machine = Machine::read(&definition).expect("a definition");
            for level in Level::ALL {
                let drawing = Drawing::of(&machine, level).expect("laid out");
                let states: Vec<usize> = drawing.nodes.iter().map(|node| node.state).collect();
                prop_assert_eq!(states, (0..machine.states.len()).collect::<Vec<_>>());
                let mut edges: Vec<usize> = drawing.lines.iter().map(|line| line.edge).collect();
                edges.sort_unstable();
                let meant = machine.edges.iter().enumerate().filter(|(_, edge)| edge.way != crate::model::machine::Way::Branch);
                prop_assert_eq!(edges, meant.map(|(at, _)| at).collect::<Vec<_>>());
                for (at, one) in drawing.nodes.iter().enumerate() {
                    prop_assert!(one.at.x + one.size.width <= drawing.width && one.at.y + one.size.height <= drawing.height);
                    for other in &drawing.nodes[at + 1..] {
                        let beside = one.at.x + one.size.width <= other.at.x || other.at.x + other.size.width <= one.at.x;
                        let below = one.at.y + one.size.height <= other.at.y || other.at.y + other.size.height <= one.at.y;
                        let mut parent = machine.states[other.state].parent;
                        while parent.is_some_and(|parent| parent != one.state) {
                            parent = parent.and_then(|parent| machine.states[parent].parent);
                        }
                        prop_assert!(beside || below || parent.is_some(), "{one:?} {other:?}");
                    }
                }
                drawn(&machine, level, Some(window));
            }
        }
    }
}
