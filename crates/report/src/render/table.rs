//! Text tables: numbers to the right, a total below, no wider than the reader's line.
//!
//! A table that is too wide goes on below itself, with its first column repeated: nothing is cut.

use ripcord_core::num::{MONEY_DECIMALS, Money, Price, Ratio, Round, fixed};

use crate::exits::ExitRow;
use crate::open::{OpenRow, unrealised};
use crate::summary::{Group, Multiple, Summary};

/// The width of a line when the reader's is not known.
pub const WIDTH: usize = 100;

/// Stands for what there is none of.
const NONE: &str = "-";

/// Between two columns.
const GAP: &str = "  ";

/// A summary at most [`WIDTH`] wide; `colours` makes gains green and losses red.
#[must_use]
pub fn summary(summary: &Summary, colours: bool) -> String {
    summary_within(summary, WIDTH, colours)
}

/// A summary at most `width` wide.
#[must_use]
pub fn summary_within(summary: &Summary, width: usize, colours: bool) -> String {
    let places = money_places(summary);
    let mut columns = vec![Column::left(summary.by.word())];
    columns.extend(
        [
            "fills",
            "positions",
            "gross",
            "fees",
            "funding",
            "net",
            "wins",
            "losses",
            "even",
            "win rate",
            "avg win",
            "avg loss",
            "R:R",
            "profit factor",
            "expectancy",
        ]
        .map(Column::right),
    );
    let rows = summary.groups.iter().map(|group| cells(group, places)).collect();
    let table = Table { columns, rows, total: Some(cells(&summary.total, places)) };
    let mut text = table.text(width, colours);
    if summary.has_shared_positions() {
        text +=
            "A position closed in parts counts once in each row that closed a part, and once in the total.\n";
    }
    for remark in summary.remarks() {
        text += &remark;
        text += "\n";
    }
    text
}

/// Closing fills, one a line, with their sum.
#[must_use]
pub fn exits(rows: &[ExitRow], width: usize, colours: bool) -> String {
    let columns = vec![
        Column::left("position"),
        Column::left("symbol"),
        Column::left("reason"),
        Column::right("leg"),
        Column::left("source"),
        Column::left("type"),
        Column::right("trigger"),
        Column::right("price"),
        Column::right("qty"),
        Column::right("fees"),
        Column::right("net"),
    ];
    let line = |row: &ExitRow| {
        vec![
            Cell::plain(row.position_id.as_str()),
            Cell::plain(row.symbol.as_str()),
            Cell::plain(row.reason.word()),
            Cell::plain(row.leg_number().map_or_else(String::new, |leg| leg.to_string())),
            Cell::plain(row.source.word()),
            Cell::plain(row.exit_type.word()),
            Cell::plain(row.trigger_text()),
            Cell::plain(row.price_text()),
            Cell::plain(row.qty_text()),
            Cell::plain(amount(row.fees, 2)),
            Cell::signed(row.net, 2),
        ]
    };
    let (mut fees, mut net) = (Money::ZERO, Money::ZERO);
    for row in rows {
        fees += row.fees;
        net += row.net;
    }
    let mut total = vec![Cell::plain(""); columns.len()];
    let last = columns.len() - 1;
    total[0] = Cell::plain("total");
    total[last - 1] = Cell::plain(amount(fees, 2));
    total[last] = Cell::signed(net, 2);
    Table { columns, rows: rows.iter().map(line).collect(), total: Some(total) }.text(width, colours)
}

/// Positions that are still open, at most `rows_max` of them, with the sum of all.
#[must_use]
pub fn open(rows: &[OpenRow], rows_max: usize, width: usize, colours: bool) -> String {
    let columns = vec![
        Column::left("still open"),
        Column::left("symbol"),
        Column::left("side"),
        Column::right("qty"),
        Column::right("entry"),
        Column::right("last price"),
        Column::right("stop"),
        Column::right("unrealised"),
    ];
    let line = |row: &OpenRow| {
        let price =
            |price: Option<Price>| price.map_or_else(|| NONE.to_owned(), |price| row.price_text(price));
        vec![
            Cell::plain(row.position_id.as_str()),
            Cell::plain(row.symbol.as_str()),
            Cell::plain(row.side.word()),
            Cell::plain(row.qty_text()),
            Cell::plain(row.price_text(row.entry)),
            Cell::plain(price(row.price)),
            Cell::plain(price(row.stop)),
            row.unrealised.map_or_else(|| Cell::plain(NONE), |value| Cell::signed(value, 2)),
        ]
    };
    let mut total = vec![Cell::plain(""); columns.len()];
    let last = columns.len() - 1;
    total[0] = Cell::plain(if rows.len() > rows_max {
        format!("all {}, {} not shown", rows.len(), rows.len() - rows_max)
    } else {
        "total".to_owned()
    });
    total[last] = Cell::signed(unrealised(rows), 2);
    let rows = rows.iter().take(rows_max).map(line).collect();
    Table { columns, rows, total: Some(total) }.text(width, colours)
}

fn cells(group: &Group, places: u8) -> Vec<Cell> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| NONE.to_owned());
    let money = |value: Option<Money>, tone: Tone| {
        value.map_or_else(|| Cell::plain(NONE), |value| Cell { text: amount(value, places), tone })
    };
    vec![
        Cell::plain(group.name.as_str()),
        Cell::plain(group.fills.to_string()),
        Cell::plain(group.positions.to_string()),
        Cell::signed(group.gross, places),
        Cell::plain(amount(group.fees, places)),
        Cell::plain(amount(group.funding, places)),
        Cell::signed(group.net, places),
        Cell::plain(group.wins.to_string()),
        Cell::plain(group.losses.to_string()),
        Cell::plain(group.break_even.to_string()),
        Cell::plain(or_none(group.win_rate().map(percent))),
        money(group.average_win(), Tone::Gain),
        money(group.average_loss(), Tone::Loss),
        Cell::plain(or_none(group.reward_risk().map(times))),
        Cell::plain(or_none(group.profit_factor().map(times))),
        group.expectancy().map_or_else(|| Cell::plain(NONE), |value| Cell::signed(value, places)),
    ]
}

/// Cents, unless the amounts are so small (quoted in bitcoin, say) that cents would show nothing.
fn money_places(summary: &Summary) -> u8 {
    let one = 10_i128.pow(u32::from(MONEY_DECIMALS));
    let Group { won, lost, gross, .. } = &summary.total;
    let largest = won.0.max(lost.0).max(gross.0.abs());
    if largest == 0 || largest >= one { 2 } else { 8 }
}

fn amount(value: Money, places: u8) -> String {
    let unit = 10_i128.pow(u32::from(MONEY_DECIMALS - places));
    fixed(Round::HalfUp.divide(value.0, unit), places).to_string()
}

/// With one decimal: 0.6666 is 66.7%.
fn percent(ratio: Ratio) -> String {
    format!("{}%", fixed(Round::HalfUp.divide(i128::from(ratio.0), 1_000_000), 1))
}

/// With two decimals.
fn times(multiple: Multiple) -> String {
    fixed(Round::HalfUp.divide(multiple.0, 10_000_000), 2).to_string()
}

pub(super) struct Table {
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Vec<Cell>>,
    pub(super) total: Option<Vec<Cell>>,
}

pub(super) struct Column {
    title: &'static str,
    side: Align,
}

#[derive(Clone, Copy)]
enum Align {
    Left,
    Right,
}

#[derive(Clone)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) tone: Tone,
}

#[derive(Clone, Copy)]
pub(super) enum Tone {
    Plain,
    Gain,
    Loss,
}

impl Column {
    pub(super) const fn left(title: &'static str) -> Self {
        Self { title, side: Align::Left }
    }

    pub(super) const fn right(title: &'static str) -> Self {
        Self { title, side: Align::Right }
    }
}

impl Cell {
    pub(super) fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), tone: Tone::Plain }
    }

    pub(super) fn signed(value: Money, places: u8) -> Self {
        let tone = match value.0 {
            0 => Tone::Plain,
            1.. => Tone::Gain,
            i128::MIN..0 => Tone::Loss,
        };
        Self { text: amount(value, places), tone }
    }
}

impl Table {
    pub(super) fn text(&self, width: usize, colours: bool) -> String {
        let widths: Vec<usize> = (0..self.columns.len()).map(|column| self.width_of(column)).collect();
        let mut text = String::new();
        for (number, block) in blocks(&widths, width).into_iter().enumerate() {
            if number > 0 {
                text.push('\n');
            }
            self.push_block(&mut text, &block, &widths, colours);
        }
        text
    }

    fn width_of(&self, column: usize) -> usize {
        let cells = self.rows.iter().chain(&self.total).map(|row| row[column].text.chars().count());
        cells.chain([self.columns[column].title.chars().count()]).max().unwrap_or(0)
    }

    fn push_block(&self, text: &mut String, block: &[usize], widths: &[usize], colours: bool) {
        let titles: Vec<Cell> = self.columns.iter().map(|column| Cell::plain(column.title)).collect();
        let rule =
            block.iter().map(|&column| widths[column] + GAP.len()).sum::<usize>().saturating_sub(GAP.len());
        let rule = "-".repeat(rule) + "\n";
        self.push_line(text, &titles, block, widths, colours);
        text.push_str(&rule);
        for row in &self.rows {
            self.push_line(text, row, block, widths, colours);
        }
        if let Some(total) = &self.total {
            text.push_str(&rule);
            self.push_line(text, total, block, widths, colours);
        }
    }

    fn push_line(&self, text: &mut String, cells: &[Cell], block: &[usize], widths: &[usize], colours: bool) {
        let start = text.len();
        for (place, &column) in block.iter().enumerate() {
            let cell = &cells[column];
            let spaces = " ".repeat(widths[column] - cell.text.chars().count());
            let gap = if place == 0 { "" } else { GAP };
            let shown = painted(cell, colours);
            match self.columns[column].side {
                Align::Left => *text += &format!("{gap}{shown}{spaces}"),
                Align::Right => *text += &format!("{gap}{spaces}{shown}"),
            }
        }
        text.truncate(start + text[start..].trim_end_matches(' ').len());
        text.push('\n');
    }
}

fn painted(cell: &Cell, colours: bool) -> String {
    match cell.tone {
        Tone::Gain if colours => format!("\x1b[32m{}\x1b[0m", cell.text),
        Tone::Loss if colours => format!("\x1b[31m{}\x1b[0m", cell.text),
        Tone::Plain | Tone::Gain | Tone::Loss => cell.text.clone(),
    }
}

/// Columns that fit side by side, the first column in every block.
fn blocks(widths: &[usize], width: usize) -> Vec<Vec<usize>> {
    let mut blocks: Vec<Vec<usize>> = Vec::new();
    let mut used = 0;
    for (column, &wide) in widths.iter().enumerate().skip(1) {
        match blocks.last_mut() {
            Some(block) if used + GAP.len() + wide <= width => {
                block.push(column);
                used += GAP.len() + wide;
            }
            Some(_) | None => {
                blocks.push(vec![0, column]);
                used = widths[0] + GAP.len() + wide;
            }
        }
    }
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::summary::By;
    use crate::summary::tests::rows;

    #[test]
    fn a_wide_table_goes_on_below_itself() {
        let text = summary(&Summary::of(&rows(), By::Reason), false);
        assert_eq!(
            text,
            "\
reason         fills  positions  gross  fees  funding    net  wins  losses  even  win rate  avg win
---------------------------------------------------------------------------------------------------
STOP_LOSS          3          3  -5.00  0.00     0.00  -5.00     0       2     1      0.0%        -
TRAILING_STOP      1          1   3.00  0.00     0.00   3.00     1       0     0    100.0%     3.00
TAKE_PROFIT        2          1   7.00  0.00     0.00   7.00     1       0     0    100.0%     7.00
---------------------------------------------------------------------------------------------------
total              6          4   5.00  0.00     0.00   5.00     2       1     1     66.7%     4.50

reason         avg loss   R:R  profit factor  expectancy
--------------------------------------------------------
STOP_LOSS          2.50     -           0.00       -1.67
TRAILING_STOP         -     -              -        3.00
TAKE_PROFIT           -     -              -        7.00
--------------------------------------------------------
total              4.00  1.13           2.25        1.25
A position closed in parts counts once in each row that closed a part, and once in the total.
"
        );
    }

    #[test]
    fn every_line_fits() {
        for width in [40, 60, 80, 200] {
            let text = summary_within(&Summary::of(&rows(), By::Symbol), width, false);
            assert!(text.lines().all(|line| line.chars().count() <= width), "{width}\n{text}");
            assert!(text.lines().all(|line| line == line.trim_end()), "{text}");
        }
        let narrow = summary_within(&Summary::of(&rows(), By::Symbol), 1, false);
        assert!(narrow.contains("expectancy"), "too narrow still shows everything");
    }

    #[test]
    fn colours_only_when_asked_for() {
        let all = Summary::of(&rows(), By::Reason);
        assert!(!summary(&all, false).contains('\x1b'));
        let coloured = summary(&all, true);
        assert!(
            coloured.contains("  \x1b[31m-5.00\x1b[0m") && coloured.contains("  \x1b[32m3.00\x1b[0m"),
            "{coloured}"
        );
        let plain = coloured.replace("\x1b[31m", "").replace("\x1b[32m", "").replace("\x1b[0m", "");
        assert_eq!(plain, summary(&all, false), "colours move nothing");
    }

    #[test]
    fn fills_line_by_line() {
        let text = exits(&rows()[1..3], 120, false);
        assert_eq!(
            text,
            "\
position  symbol   reason       leg  source            type    trigger   price    qty  fees    net
--------------------------------------------------------------------------------------------------
a         BTCUSDT  TAKE_PROFIT    2  POSITION_MONITOR  MARKET   105.00  105.00  1.000  0.00   5.00
a         BTCUSDT  STOP_LOSS         POSITION_MONITOR  MARKET    99.00   99.00  1.000  0.00  -1.00
--------------------------------------------------------------------------------------------------
total                                                                                  0.00   4.00
"
        );
    }

    #[test]
    fn amounts_below_one_show_more_decimals() {
        let mut rows = rows();
        for row in &mut rows {
            (row.gross, row.net) = (Money(row.gross.0 / 10_000), Money(row.net.0 / 10_000));
        }
        assert!(summary(&Summary::of(&rows, By::Symbol), false).contains(" 0.00050000"));
    }

    #[test]
    fn an_empty_summary_is_a_table_too() {
        let text = summary(&Summary::of(&[], By::Reason), false);
        assert!(text.contains("total       0          0   0.00"), "{text}");
    }
}
