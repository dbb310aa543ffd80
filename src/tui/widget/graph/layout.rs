//! Boxes and the ways between them, laid out in layers from top to bottom: no two boxes touch, and ways run between the
//! boxes, never over them. It knows nothing of machines, colours or screens; the same input gives the same layout.
//!
//! Of our own, because crates either place boxes and leave the ways between them to be found, or lead ways that meet in one
//! column over each other, so that they cannot be told apart.

use super::channels::channels;
use super::columns::Columns;
use super::layers::Layered;

/// Columns and rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Size {
    pub(super) width: usize,
    pub(super) height: usize,
}

/// A column and a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Point {
    pub(super) x: usize,
    pub(super) y: usize,
}

/// A way from one box to another, or to itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    /// Columns of its label; 0 for none.
    pub(super) label: usize,
}

/// How a link runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Route {
    /// From the row below one box to the row above the other, where its arrow stands; straight lines between.
    pub(super) points: Vec<Point>,
    /// Where its label begins.
    pub(super) label: Option<Point>,
}

/// Where everything stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Layout {
    /// The upper left corner of each box.
    pub(super) places: Vec<Point>,
    /// One a link.
    pub(super) routes: Vec<Route>,
    pub(super) size: Size,
}

impl Layout {
    /// Lays boxes out; `None` where there is too much for a picture.
    pub(super) fn of(sizes: &[Size], links: &[Link]) -> Option<Self> {
        let layered = Layered::of(sizes, links)?;
        let columns = Columns::of(&layered, links);
        let channels = channels(&layered, &columns, links);
        // Rows: a channel, a layer, a channel, …
        let mut row = 0;
        let mut starts = Vec::with_capacity(channels.len());
        let mut tops = Vec::with_capacity(layered.layers.len());
        for (at, channel) in channels.iter().enumerate() {
            starts.push(row);
            row += channel.rows;
            if let Some(layer) = layered.layers.get(at) {
                tops.push(row);
                row += layer.iter().map(|item| layered.items[*item].size.height).max().unwrap_or(0);
            }
        }
        let places =
            (0..sizes.len()).map(|at| Point { x: columns.left[at], y: tops[layered.items[at].layer] }).collect();
        let mut routes = Vec::with_capacity(links.len());
        for (at, (link, chain)) in links.iter().zip(&layered.chains).enumerate() {
            let from = &layered.items[link.from];
            let mut x = columns.ports[at].0;
            let mut points = vec![Point { x, y: tops[from.layer] + from.size.height }];
            let mut turn = |channel: usize, to: usize| {
                if let Some(track) = channels[channel].tracks.get(&at) {
                    let y = starts[channel] + track;
                    points.extend([Point { x, y }, Point { x: to, y }]);
                }
                x = to;
            };
            for pair in chain.items.windows(2) {
                let item = pair[1];
                let column = if item == link.to && !chain.runs_back && layered.items[item].is_box {
                    columns.ports[at].1
                } else {
                    columns.centre(&layered, item)
                };
                turn(layered.items[item].layer, column);
            }
            let to = layered.items[link.to].layer;
            if let Some(lane) = columns.lane[at] {
                let low = chain.items.last().map_or(0, |item| layered.items[*item].layer);
                turn(low + 1, lane);
                turn(to, columns.ports[at].1);
            }
            points.push(Point { x: columns.ports[at].1, y: tops[to].saturating_sub(1) });
            points.dedup();
            let label = chain
                .items
                .get(1)
                .filter(|_| link.label > 0)
                .map(|item| Point { x: columns.left[*item], y: tops[layered.items[*item].layer] });
            routes.push(Route { points, label });
        }
        Some(Self { places, routes, size: Size { width: columns.width, height: row } })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn link(from: usize, to: usize, label: usize) -> Link {
        Link { from, to, label }
    }

    /// The cells of a way.
    fn cells(route: &Route) -> Vec<Point> {
        let mut cells: Vec<Point> = route.points.first().copied().into_iter().collect();
        for pair in route.points.windows(2) {
            let (from, to) = (pair[0], pair[1]);
            assert!(from.x == to.x || from.y == to.y, "a line is straight: {pair:?}");
            for y in from.y.min(to.y)..=from.y.max(to.y) {
                cells.extend((from.x.min(to.x)..=from.x.max(to.x)).map(|x| Point { x, y }));
            }
        }
        cells
    }

    fn check(sizes: &[Size], links: &[Link]) {
        let layout = Layout::of(sizes, links).expect("so few are always drawn");
        assert_eq!((layout.places.len(), layout.routes.len()), (sizes.len(), links.len()));
        let mut taken = HashSet::new();
        for (at, size) in layout.places.iter().zip(sizes) {
            for y in at.y..at.y + size.height {
                for x in at.x..at.x + size.width {
                    assert!(taken.insert(Point { x, y }), "two boxes at {x},{y}");
                    assert!(x < layout.size.width && y < layout.size.height, "a box beyond the edge");
                }
            }
        }
        for (route, link) in layout.routes.iter().zip(links) {
            if let Some(at) = route.label {
                for x in at.x..at.x + link.label {
                    assert!(taken.insert(Point { x, y: at.y }), "a label over something at {x},{}", at.y);
                }
            }
            assert_eq!(route.label.is_some(), link.label > 0);
        }
        let inside = |at: Point, size: Size, x: usize| (at.x..at.x + size.width).contains(&x);
        for (route, link) in layout.routes.iter().zip(links) {
            let (from, to) = (layout.places[link.from], layout.places[link.to]);
            let (first, last) = (route.points[0], route.points[route.points.len() - 1]);
            assert!(inside(from, sizes[link.from], first.x) && first.y == from.y + sizes[link.from].height, "{link:?}");
            assert!(inside(to, sizes[link.to], last.x) && last.y + 1 == to.y, "{link:?} ends at {last:?}");
            for cell in cells(route) {
                assert!(cell.x < layout.size.width && cell.y < layout.size.height, "{link:?} leaves the drawing");
                let own = route.label.is_some_and(|at| at.y == cell.y && (at.x..at.x + link.label).contains(&cell.x));
                assert!(own || !taken.contains(&cell), "{link:?} runs over something at {cell:?}");
            }
        }
        assert_eq!(Layout::of(sizes, links), Some(layout), "it is always the same");
    }

    #[test]
    fn a_loop_runs_back_beside_what_it_passes() {
        let sizes = [Size { width: 10, height: 3 }; 4];
        let links = [link(0, 1, 0), link(1, 2, 4), link(1, 3, 5), link(2, 0, 0), link(3, 3, 0)];
        check(&sizes, &links);
        let layout = Layout::of(&sizes, &links).expect("laid out");
        assert!(layout.places[0].y < layout.places[1].y && layout.places[1].y < layout.places[2].y);
        assert_eq!(layout.places[2].y, layout.places[3].y);
        let back = &layout.routes[3];
        assert!(back.points.iter().any(|point| point.x > layout.places[2].x + 10), "{back:?}");
    }

    #[test]
    fn straight_ways_are_straight() {
        let sizes = [Size { width: 8, height: 3 }, Size { width: 15, height: 3 }, Size { width: 5, height: 1 }];
        let layout = Layout::of(&sizes, &[link(0, 1, 0), link(1, 2, 0)]).expect("laid out");
        for route in &layout.routes {
            assert!(route.points.iter().all(|point| point.x == route.points[0].x), "{route:?}");
        }
    }

    #[test]
    fn nothing_is_laid_out_too() {
        assert_eq!(Layout::of(&[], &[]), Some(Layout::default()));
        check(&[Size { width: 1, height: 1 }], &[link(0, 0, 3), link(0, 0, 0)]);
    }

    #[test]
    fn what_nobody_could_read_is_no_picture() {
        let sizes = vec![Size { width: 4, height: 1 }; 3_000];
        let mut links: Vec<Link> = (1..3_000).map(|to| link(to - 1, to, 0)).collect();
        assert!(Layout::of(&sizes, &links).is_some());
        links.extend((0..2_990).map(|from| link(from, 2_999, 0)));
        assert_eq!(Layout::of(&sizes, &links), None);
    }

    proptest! {
        #[test]
        fn boxes_never_overlap_and_every_way_is_drawn(
            sizes in prop::collection::vec((1_usize..30, 1_usize..6), 1..24),
            ends in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 0_usize..12), 0..40),
        ) {
            let sizes: Vec<Size> = sizes.into_iter().map(|(width, height)| Size { width, height }).collect();
            let links: Vec<Link> =
                ends.iter().map(|(from, to, label)| link(from.index(sizes.len()), to.index(sizes.len()), *label)).collect();
            check(&sizes, &links);
        }
    }
}
