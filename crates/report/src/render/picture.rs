//! A small picture of text: price, entry, stop and targets over the life of a position.
//!
//! What the records hold in one piece, over more time than a column, is drawn as the field in which
//! the price was; the picture does not invent a way through it.

use ripcord_core::num::Price;
use ripcord_core::time::Timestamp;

use crate::exits::{ExitPrice, ExitRow};
use crate::explain::{Story, Watching};
use crate::number::fixed;

/// The width of the picture, price labels included.
pub const WIDTH: usize = 72;
/// Its lines of prices.
const HEIGHT: usize = 15;
/// Between a label and the picture.
const AXIS: &str = " |";

const PRICE: char = '█';
const FIELD: char = '░';
const STOP: char = '─';
const TARGET: char = '═';
const ENTRY: char = '·';
const EXIT: char = 'X';

/// The picture, and a line that says what its signs mean; nothing without a price.
#[must_use]
pub fn picture(story: &Story) -> String {
    let Some(frame) = Frame::of(story) else { return String::new() };
    let mut grid = vec![vec![' '; frame.columns]; HEIGHT];
    let mut seen = Vec::new();
    draw_levels(&mut grid, story, &frame, &mut seen);
    draw_prices(&mut grid, story, &frame, &mut seen);
    draw_stop(&mut grid, story, &frame, &mut seen);
    for fill in &story.fills {
        if let Some(row) = price_of(fill).and_then(|price| frame.row(price)) {
            grid[row][frame.column(fill.exit_ts)] = EXIT;
            note(&mut seen, "X exit");
        }
    }
    let mut text = String::new();
    for (number, line) in grid.iter().enumerate() {
        let price = frame.price(number);
        let is_labelled = number % 7 == 0;
        let label = if is_labelled { fixed(price.0, frame.decimals) } else { String::new() };
        let line: String = line.iter().collect();
        text += format!("{label:>width$}{AXIS}{line}", width = frame.label).trim_end();
        text.push('\n');
    }
    text += &format!("{:width$}  {}\n", "", seen.join("  "), width = frame.label);
    text
}

fn note(seen: &mut Vec<&'static str>, what: &'static str) {
    if !seen.contains(&what) {
        seen.push(what);
    }
}

fn price_of(fill: &ExitRow) -> Option<Price> {
    match fill.price {
        ExitPrice::Scaled(price) => Some(price),
        ExitPrice::Text(_) => None,
    }
}

/// Which prices and times the picture shows.
struct Frame {
    from: Timestamp,
    to: Timestamp,
    low: i64,
    high: i64,
    columns: usize,
    label: usize,
    decimals: u8,
}

impl Frame {
    fn of(story: &Story) -> Option<Self> {
        let stretches = &story.path.stretches;
        let (low, high) =
            (stretches.iter().map(|s| s.low.0).min()?, stretches.iter().map(|s| s.high.0).max()?);
        let entry = story.opening.entry.0;
        let (mut low, mut high) = (low.min(entry), high.max(entry));
        // Levels far beyond what the price did would press it flat.
        let reach = (high - low).max(2) / 2;
        let (floor, ceiling) = (low.saturating_sub(reach), high.saturating_add(reach));
        let stops = stretches.iter().filter_map(|stretch| stretch.stop);
        let levels = story.levels.iter().filter(|rule| rule.watching != Watching::Activation);
        let fills = story.fills.iter().filter_map(price_of);
        for level in stops.chain(levels.filter_map(|rule| rule.level)).chain(fills) {
            if (floor..=ceiling).contains(&level.0) {
                (low, high) = (low.min(level.0), high.max(level.0));
            }
        }
        let decimals = story.instrument.price_decimals;
        let label = fixed(low, decimals).len().max(fixed(high, decimals).len());
        let columns = WIDTH.saturating_sub(label + AXIS.len()).max(8);
        let end = story.end.closed.map_or(stretches[stretches.len() - 1].when.to, |(at, _)| at);
        let from = story.opening.at;
        Some(Self {
            from,
            to: end.max(Timestamp(from.0.saturating_add(1))),
            low,
            high: high.max(low + 1),
            columns,
            label,
            decimals,
        })
    }

    fn column(&self, at: Timestamp) -> usize {
        let at = at.clamp(self.from, self.to);
        scaled(at.since(self.from).0, self.to.since(self.from).0, self.columns - 1)
    }

    /// The line of a price, if it is in the picture.
    fn row(&self, price: Price) -> Option<usize> {
        (self.low..=self.high)
            .contains(&price.0)
            .then(|| scaled(self.high - price.0, self.high - self.low, HEIGHT - 1))
    }

    /// The price that a line stands for.
    fn price(&self, row: usize) -> Price {
        let down = i128::from(self.high - self.low) * row as i128 / (HEIGHT as i128 - 1);
        Price(self.high - i64::try_from(down).unwrap_or(0))
    }
}

/// `part / whole x steps`, to the nearest step.
fn scaled(part: i64, whole: i64, steps: usize) -> usize {
    let (part, whole, steps) = (i128::from(part), i128::from(whole), steps as i128);
    usize::try_from((2 * part * steps + whole) / (2 * whole)).unwrap_or(0)
}

fn draw_levels(grid: &mut [Vec<char>], story: &Story, frame: &Frame, seen: &mut Vec<&'static str>) {
    let targets = story.levels.iter().filter(|rule| rule.watching == Watching::Gain);
    for row in targets.filter_map(|rule| frame.row(rule.level?)) {
        grid[row].fill(TARGET);
        note(seen, "═ target");
    }
    if let Some(row) = frame.row(story.opening.entry) {
        grid[row].fill(ENTRY);
        note(seen, "· entry");
    }
}

fn draw_prices(grid: &mut [Vec<char>], story: &Story, frame: &Frame, seen: &mut Vec<&'static str>) {
    // Known prices are drawn over fields.
    for wide in [true, false] {
        for stretch in &story.path.stretches {
            let (from, to) = (frame.column(stretch.when.from), frame.column(stretch.when.to));
            let (Some(top), Some(bottom)) = (frame.row(stretch.high), frame.row(stretch.low)) else {
                continue;
            };
            if (to > from) != wide {
                continue;
            }
            let sign = if wide { FIELD } else { PRICE };
            for line in &mut grid[top..=bottom] {
                line[from..=to].fill(sign);
            }
            note(seen, if wide { "░ the price was in here" } else { "█ price" });
        }
    }
}

fn draw_stop(grid: &mut [Vec<char>], story: &Story, frame: &Frame, seen: &mut Vec<&'static str>) {
    let mut next = 0;
    for stretch in &story.path.stretches {
        let to = frame.column(stretch.when.to);
        if let Some(row) = stretch.stop.and_then(|stop| frame.row(stop)) {
            for cell in &mut grid[row][next.min(to)..=to] {
                if *cell != PRICE {
                    *cell = STOP;
                }
            }
            note(seen, "─ stop");
        }
        next = to + 1;
    }
}
