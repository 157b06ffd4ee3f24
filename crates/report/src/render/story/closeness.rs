//! Why not earlier: how close each rule came that never closed anything.

use ripcord_core::num::Price;
use ripcord_core::reason::Reason;

use super::Teller;
use crate::explain::{Approach, Watching};
use crate::render::table::{Cell, Column};
use crate::render::words::{percent_of, rule_name};

impl Teller<'_> {
    pub(super) fn why_not_earlier(&self, text: &mut String) {
        let columns = vec![
            Column::left("rule"),
            Column::right("level"),
            Column::right("closest"),
            Column::right("distance"),
            Column::right("of price"),
            Column::left("when, and why it did not close"),
        ];
        let rows = self.story.approaches.iter().map(|approach| {
            let what = if approach.watching == Watching::Activation { " (activation)" } else { "" };
            vec![
                Cell::plain(rule_name(approach.reason, approach.leg) + what),
                Cell::plain(self.price(approach.level)),
                Cell::plain(self.price(approach.price)),
                Cell::plain(self.distance(approach)),
                Cell::plain(percent_of(approach.gap, approach.price).trim_start_matches('+')),
                Cell::plain(format!("{}{}", self.when(approach.when), self.cause(approach))),
            ]
        });
        let rows: Vec<Vec<Cell>> = rows.collect();
        if rows.is_empty() {
            return;
        }
        let title = match self.story.end.closed {
            Some(_) => "Why not earlier: rules that never closed anything, and how close the price came",
            None => "Rules that have not closed anything, and how close the price came",
        };
        self.table(text, title, columns, rows);
        let is_bounded = |approach: &Approach| !approach.when.is_exact() || approach.gap_min != approach.gap;
        if self.story.approaches.iter().any(is_bounded) {
            *text += "Two times: the records hold the prices between them in one piece; the distance is that of their extreme.\n";
        }
        if self.story.approaches.iter().any(|approach| approach.gap_min != approach.gap) {
            *text += "Two distances: the stop moved in that time, and the records only bound how close the price came.\n";
        }
    }

    fn distance(&self, approach: &Approach) -> String {
        if approach.gap_min == approach.gap {
            return self.price(Price(approach.gap));
        }
        format!("{} .. {}", self.price(Price(approach.gap_min)), self.price(Price(approach.gap)))
    }

    fn cause(&self, approach: &Approach) -> String {
        if let Some(by) = approach.outranked_by {
            return format!("; held, and {} ranked higher", by.word());
        }
        if approach.gap > 0 {
            return String::new();
        }
        match approach.reason {
            Reason::TakeProfit => {
                "; reached: its limit order waits until the price trades through it".to_owned()
            }
            Reason::PanicClose
            | Reason::Manual
            | Reason::HardStop
            | Reason::LossGuard
            | Reason::StopLoss
            | Reason::SoftStop
            | Reason::TrailingStop
            | Reason::SignalExit
            | Reason::TimeLimit
            | Reason::ProtectionFailed
            | Reason::Liquidation
            | Reason::Adl
            | Reason::Settlement
            | Reason::Unknown => "; reached, while another exit was under way".to_owned(),
        }
    }
}
