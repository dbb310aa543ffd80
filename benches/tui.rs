//! What an event and a frame cost, on a screen that has seen little and on one whose buffers are full.

#[path = "../tests/tui/story.rs"]
mod story;

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use vaultscope::model::{FlowEvent, LogRole, SetId};
use vaultscope::tui::{Event, State, Theme, ViewState, draw, update};

const FULL: i64 = 100_000;

fn log(set: &SetId, n: i64) -> FlowEvent {
    story::log(n, LogRole::DataFileUpload, set, &format!("{set}-vaultjob/dir-0vna5LIcm0W7/file-{n:08}"), 1_000)
}

fn item(set: &SetId, n: i64) -> FlowEvent {
    story::item(n, set, &format!("{set}-vaultjob/dir-0vna5LIcm0W7/file-{n:08}"), 1_000)
}

/// A state that holds `lines` log lines and as many items.
fn holding(lines: i64) -> State {
    let mut state = story::landing();
    let set = SetId::from(story::SECOND);
    for n in 0..lines {
        update(&mut state, Event::Flows(vec![log(&set, 1_000_000 + n), item(&set, 1_000_000 + n)]));
    }
    state
}

fn updates(criterion: &mut Criterion) {
    let set = SetId::from(story::SECOND);
    let mut group = criterion.benchmark_group("update");
    for (name, lines) in [("new", 0), ("full", FULL)] {
        let mut state = holding(lines);
        let mut n = 5_000_000;
        group.throughput(Throughput::Elements(100));
        group.bench_function(format!("100 lines and items, {name}"), |bencher| {
            bencher.iter_batched(
                || {
                    n += 50;
                    (n..n + 50).flat_map(|n| [log(&set, n), item(&set, n)]).collect::<Vec<_>>()
                },
                |events| update(&mut state, Event::Flows(events)),
                criterion::BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

fn frames(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("draw");
    for (name, lines) in [("new", 0), ("full", FULL)] {
        let mut state = holding(lines);
        for page in ['1', '2', '3', '4', '5'] {
            update(&mut state, Event::Key(KeyEvent::new(KeyCode::Char(page), KeyModifiers::NONE)));
            let mut terminal = Terminal::new(TestBackend::new(140, 45)).expect("a terminal");
            let mut view = ViewState::new(Theme::Dark);
            group.bench_function(format!("page {page}, {name}"), |bencher| {
                bencher.iter(|| {
                    terminal.draw(|frame| draw(frame, black_box(&state), &mut view)).expect("a frame");
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, updates, frames);
criterion_main!(benches);
