//! The story of a position as text for a trader: facts, a picture, tables.

use ripcord_core::event::Concluded;
use ripcord_core::instrument::Instrument;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::order::OrderKind;
use ripcord_core::reason::{Reason, StopOrigin};
use ripcord_core::time::Timestamp;

use super::picture::picture;
use super::table::{Cell, Column, Table, Tone};
use super::words::{lasting, percent_of, rule, rule_name, source, utc};
use crate::alarm;
use crate::explain::{Change, MoveWhy, OrderEvent, Story, Verdict, Wake, Watching, When};
use crate::number::{fixed, money};
use crate::uncovered::seconds;

mod closeness;

/// The whole story; `width` is that of the reader's line.
#[must_use]
pub fn story(story: &Story, width: usize, colours: bool) -> String {
    let teller = Teller { story, width, colours };
    let mut text = teller.head();
    text += "\n";
    text += &picture(story);
    teller.levels(&mut text);
    teller.moves(&mut text);
    teller.decisions(&mut text);
    teller.orders(&mut text);
    teller.fills(&mut text);
    teller.why_not_earlier(&mut text);
    text
}

/// What every part of the text needs.
struct Teller<'a> {
    story: &'a Story,
    width: usize,
    colours: bool,
}

impl Teller<'_> {
    fn rules(&self) -> &Instrument {
        &self.story.instrument
    }

    fn price(&self, price: Price) -> String {
        fixed(price.0, self.rules().price_decimals)
    }

    fn qty(&self, qty: Qty) -> String {
        fixed(qty.0, self.rules().qty_decimals)
    }

    fn change(&self, change: Change) -> String {
        match change {
            Change::Added { qty, price, open, entry } => format!(
                "added {} @ {}: {} held at {}",
                self.qty(qty),
                self.price(price),
                self.qty(open),
                self.price(entry)
            ),
            Change::Plan => "another plan".to_owned(),
            Change::Signalled { until } => format!("exit signal, good until {}", utc(until)),
            Change::Deferred { reason, bracket } => {
                format!("{} left to the stop at the venue, {}", reason.word(), self.price(bracket))
            }
            Change::BracketTriggered { trigger, price } => format!(
                "the stop at the venue ({}) is triggered @ {}",
                self.price(trigger),
                self.price(price)
            ),
            Change::Prices(of) => of.words(|price| self.price(price)),
            Change::Concluded { exit, why } => {
                let why = match why {
                    Concluded::PastWorst => "past its worst price",
                    Concluded::Expired => "out of time",
                    Concluded::Overtaken => "overtaken by a more urgent one",
                    Concluded::Killed => "stopped by the kill level",
                };
                format!("exit {exit} given up, {why}")
            }
            Change::Adopted { seen, held_back: 0 } => {
                format!("found at the venue and taken over @ {}", self.price(seen))
            }
            Change::Adopted { seen, held_back } => format!(
                "found at the venue and taken over @ {}; {held_back} rules held already and wait for the hand-over",
                self.price(seen)
            ),
            Change::LeftOutside { qty, price, reason, remaining } => format!(
                "{} left past us ({}) @ {}, {} left",
                self.qty(qty),
                reason.word(),
                price.map_or_else(|| "an unknown price".to_owned(), |price| self.price(price)),
                self.qty(remaining)
            ),
            Change::Differs { theirs, ours } => format!(
                "the venue says {}, held are {}: a second read must agree",
                self.qty(theirs),
                self.qty(ours)
            ),
            Change::Released { keeps_stop: true } => "let go; its stop stays at the venue".to_owned(),
            Change::Released { keeps_stop: false } => "let go".to_owned(),
            Change::HandedOver => "handed over: all rules act".to_owned(),
            Change::Listed { missing, back, edited, strays } => listed([missing, back, edited, strays]),
            Change::Returned { qty } => {
                format!("{} that had left unseen is told after all: its trade follows", self.qty(qty))
            }
            Change::OrdersStale => {
                "open orders not listed for 15 s: the stop at the venue is not relied on".to_owned()
            }
        }
    }

    /// How far a level is from the entry, in percent of it.
    fn off_entry(&self, price: Price) -> String {
        let entry = self.story.opening.entry;
        percent_of(price.0 - entry.0, entry)
    }

    fn when(&self, when: When) -> String {
        if when.is_exact() { utc(when.to) } else { format!("{} .. {}", utc(when.from), utc(when.to)) }
    }

    fn table(&self, text: &mut String, title: &str, columns: Vec<Column>, rows: Vec<Vec<Cell>>) {
        if rows.is_empty() {
            return;
        }
        *text += &format!("\n{title}\n");
        *text += &Table { columns, rows, total: None }.text(self.width, self.colours);
    }

    fn head(&self) -> String {
        let Story { position, opening, plan, .. } = self.story;
        let mut text = format!(
            "{}: {} {} {} at {}, opened {} (record {})\n",
            position.id,
            position.symbol,
            position.side.word(),
            self.qty(opening.qty),
            self.price(opening.entry),
            utc(opening.at),
            opening.index,
        );
        let name = if plan.name.is_empty() { "without a name" } else { &plan.name };
        text += &format!("plan {name}");
        for (word, value) in [("strategy", &position.strategy), ("snapshot", &position.snapshot_id)] {
            if let Some(value) = value {
                text += &format!("; {word} {value}");
            }
        }
        text += "\n";
        text += &self.end();
        text += &self.result();
        for (at, what) in &self.story.alarms {
            text += &format!("alarm at {}: {}\n", utc(*at), alarm::words(*what));
        }
        text + &self.uncovered()
    }

    /// How long it was without a stop; nothing if it never was.
    fn uncovered(&self) -> String {
        let of = &self.story.uncovered;
        let mut text = String::new();
        for (words, in_all, longest) in [
            ("without the stop at the venue that its plan wants", of.naked, of.naked_longest),
            ("without any stop", of.unprotected, of.unprotected_longest),
        ] {
            if in_all.0 > 0 {
                let most = if longest == in_all {
                    String::new()
                } else {
                    format!(", at most {} at once", seconds(longest))
                };
                text += &format!("{words} for {}{most}\n", seconds(in_all));
            }
        }
        text
    }

    /// How it ended, or how it stands.
    fn end(&self) -> String {
        let Story { end, opening, .. } = self.story;
        match (end.closed, end.headline) {
            (Some((at, index)), headline) => {
                let reason = headline.map_or("nothing left to close", Reason::word);
                let took = lasting(at.since(opening.at));
                format!("closed {} (record {index}) after {took}: {reason}\n", utc(at))
            }
            (None, _) => self.standing(),
        }
    }

    fn standing(&self) -> String {
        let end = &self.story.end;
        let mut text = format!("still open: {} left", self.qty(end.remaining));
        if let Some((price, at)) = end.last {
            text += &format!(", price {} at {}", self.price(price), utc(at));
        }
        if let Some(reason) = end.closing {
            return text + &format!("; closing by {} is under way\n", reason.word());
        }
        if let Some((nearest, gap)) = self.story.nearest()
            && let (Some(level), Some(price)) = (nearest.level, nearest.price)
        {
            let name = rule_name(nearest.reason, nearest.leg);
            let what = if nearest.watching == Watching::Activation { " (its activation)" } else { "" };
            text += &format!(
                "; nearest rule is {name}{what} at {}, {} away ({})",
                self.price(level),
                self.price(Price(gap)),
                percent_of(gap, price).trim_start_matches('+'),
            );
        }
        text + "\n"
    }

    fn result(&self) -> String {
        let (mut gross, mut fees, mut funding) = (Money::ZERO, Money::ZERO, Money::ZERO);
        for fill in &self.story.fills {
            gross += fill.gross;
            fees += fill.fees;
            funding += fill.funding;
        }
        let mut text = String::new();
        let unpriced = self.story.unpriced();
        if unpriced.0 > 0 {
            text += &format!("result unknown: {} left at a price that nobody told\n", self.qty(unpriced));
        }
        if !self.story.fills.is_empty() {
            let net = self.story.net();
            let what = if unpriced.0 > 0 { "known of it" } else { "result" };
            text += &format!(
                "{what} {} net = {} gross - {} fees - {} funding\n",
                money(net),
                money(gross),
                money(fees),
                money(funding)
            );
        }
        let excursion = &self.story.excursion;
        let sign = self.story.position.side.sign();
        for (word, extreme) in [("best (MFE) ", excursion.best), ("worst (MAE)", excursion.worst)] {
            if let Some((price, when)) = extreme {
                let move_ = sign * (price.0 - self.story.opening.entry.0);
                text += &format!(
                    "{word} {}, {} for the position, {}\n",
                    self.price(price),
                    percent_of(move_, self.story.opening.entry),
                    self.when(when)
                );
            }
        }
        text
    }

    fn levels(&self, text: &mut String) {
        let columns = vec![
            Column::left("rule"),
            Column::right("level"),
            Column::right("from entry"),
            Column::left("looks at"),
            Column::left("set by the plan"),
        ];
        let rows = self.story.levels.iter().map(|now| {
            let what = if now.watching == Watching::Activation { " (activation)" } else { "" };
            vec![
                Cell::plain(rule_name(now.reason, now.leg) + what),
                Cell::plain(now.level.map_or_else(|| "-".to_owned(), |level| self.price(level))),
                Cell::plain(now.level.map_or_else(|| "-".to_owned(), |level| self.off_entry(level))),
                Cell::plain(source(&self.story.cells, now.cell)),
                Cell::plain(rule(&self.story.plan, now.reason, now.leg)),
            ]
        });
        self.table(text, "Levels at the opening", columns, rows.collect());
    }

    fn moves(&self, text: &mut String) {
        let columns = vec![
            Column::left("when"),
            Column::right("record"),
            Column::right("from"),
            Column::right("to"),
            Column::left("why"),
        ];
        let rows = self.story.moves.iter().map(|moved| {
            vec![
                Cell::plain(self.when(moved.when)),
                Cell::plain(moved.index.to_string()),
                Cell::plain(moved.from.map_or_else(|| "-".to_owned(), |from| self.price(from))),
                Cell::plain(self.price(moved.to)),
                Cell::plain(self.why_moved(moved.why)),
            ]
        });
        self.table(text, "Stops that moved", columns, rows.collect());
    }

    fn why_moved(&self, why: MoveWhy) -> String {
        match why {
            MoveWhy::Stop(origin) => match origin {
                StopOrigin::Initial => "the plan's first stop".to_owned(),
                StopOrigin::Ratchet => "ratchet: a ladder leg was filled".to_owned(),
                StopOrigin::RiskFloor => "risk floor".to_owned(),
                StopOrigin::Liquidation => "kept on the safe side of liquidation".to_owned(),
                StopOrigin::TrailingStep => "trailing stop made a step".to_owned(),
                StopOrigin::Moved => "moved by an operator or a strategy".to_owned(),
            },
            MoveWhy::Activated { best } => {
                format!("trailing stop activated at best price {}", self.price(best))
            }
            MoveWhy::Followed { best, .. } => {
                format!("trailing stop followed the best price to {}", self.price(best))
            }
        }
    }

    fn decisions(&self, text: &mut String) {
        for wake in &self.story.wakes {
            let title = self.decision(wake);
            let columns = vec![
                Column::left("rule"),
                Column::right("level"),
                Column::right("price seen"),
                Column::left("outcome"),
            ];
            let rows = wake.rules.iter().map(|rule| {
                let or_none =
                    |price: Option<Price>| price.map_or_else(|| "-".to_owned(), |price| self.price(price));
                let tone = if rule.verdict == Verdict::Acted { Tone::Gain } else { Tone::Plain };
                vec![
                    Cell::plain(rule_name(rule.reason, rule.leg)),
                    Cell::plain(or_none(rule.level)),
                    Cell::plain(or_none(rule.price)),
                    Cell { text: self.verdict(rule.verdict), tone },
                ]
            });
            self.table(text, &title, columns, rows.collect());
        }
        if self.story.wakes.is_empty() && !self.story.fills.is_empty() {
            *text += "\nNo wake decided anything: an order that rested at the venue closed it.\n";
        }
    }

    fn decision(&self, wake: &Wake) -> String {
        let origin =
            wake.origin.map_or_else(String::new, |origin| format!(" ({})", MoveWhy::Stop(origin).word()));
        let best = wake.best.map_or_else(String::new, |best| format!(", best price {}", self.price(best)));
        format!(
            "Decision {} at {} (record {}): {}{origin} closes {} by a {} order, level {}, price {}{best}, {}",
            wake.exit,
            utc(wake.at),
            wake.index,
            wake.reason.word(),
            self.qty(wake.qty),
            wake.exit_type.word(),
            self.price(wake.trigger),
            self.price(wake.price),
            wake.source.word(),
        )
    }

    fn verdict(&self, verdict: Verdict) -> String {
        match verdict {
            Verdict::Acted => "held and acted".to_owned(),
            Verdict::Outranked(by) => format!("held; {} ranks higher and acted", by.word()),
            Verdict::NotReached(gap) => format!("not reached, {} away", self.price(Price(gap))),
            Verdict::NotAsked => "its level was reached; this price may not fire it".to_owned(),
            Verdict::AtVenue(gap) => {
                format!("rested at the venue as a limit, {} away", self.price(Price(gap)))
            }
            Verdict::Done => "had closed its part".to_owned(),
            Verdict::NotActive => "was not active; the level is its activation".to_owned(),
            Verdict::Nothing => "had no level or no price".to_owned(),
        }
    }

    fn orders(&self, text: &mut String) {
        let columns = vec![
            Column::left("order"),
            Column::left("for"),
            Column::left("kind"),
            Column::right("qty"),
            Column::right("filled"),
            Column::left("what happened"),
        ];
        let rows = self.story.orders.iter().map(|order| {
            let name =
                if order.exit == 0 { "leg".to_owned() } else { format!("{}.{}", order.exit, order.attempt) };
            vec![
                Cell::plain(name),
                Cell::plain(rule_name(order.reason, order.leg)),
                Cell::plain(self.kind(order.kind)),
                Cell::plain(self.qty(order.qty)),
                Cell::plain(self.qty(order.filled)),
                Cell::plain(self.events(&order.events)),
            ]
        });
        self.table(text, "Orders", columns, rows.collect());
    }

    /// A slippage as a price and as a share of the trigger.
    fn slipped(&self, worse: i64, trigger: Price) -> String {
        let share = percent_of(worse, trigger);
        format!("{} ({})", self.price(Price(worse)), share.trim_start_matches('+'))
    }

    fn kind(&self, kind: OrderKind) -> String {
        match kind {
            OrderKind::Market => "market".to_owned(),
            OrderKind::MarketableLimit(limit) => format!("limit {} through the market", self.price(limit)),
            OrderKind::RestingLimit(limit) => format!("limit {}", self.price(limit)),
            OrderKind::Stop(trigger) => format!("stop {}", self.price(trigger)),
            OrderKind::MarkStop(trigger) => format!("stop {} on the mark price", self.price(trigger)),
            OrderKind::ImmediateLimit(limit) => format!("limit {} at once or not at all", self.price(limit)),
        }
    }

    /// Events with the time of the first, and how much later the others came.
    fn events(&self, events: &[(Timestamp, OrderEvent)]) -> String {
        let first = events.first().map_or(Timestamp(0), |&(at, _)| at);
        let words = events.iter().map(|&(at, event)| {
            let word = match event {
                OrderEvent::Intended => return format!("intended {}", utc(at)),
                OrderEvent::Blocked => "blocked by the gate",
                OrderEvent::Accepted => "accepted",
                OrderEvent::Filled(_) => "filled",
                OrderEvent::Refused => "refused",
                OrderEvent::Expired => "expired",
                OrderEvent::Cancelled => "cancelled",
                OrderEvent::Unknown => "no answer",
                OrderEvent::NotFound => "not known to the venue",
            };
            format!("{word} +{}", lasting(at.since(first)))
        });
        words.collect::<Vec<_>>().join(", ")
    }

    fn fills(&self, text: &mut String) {
        let columns = vec![
            Column::left("fill"),
            Column::right("record"),
            Column::left("reason"),
            Column::right("qty"),
            Column::right("trigger"),
            Column::right("price"),
            Column::right("slippage"),
            Column::right("fees"),
            Column::right("gross"),
            Column::right("net"),
        ];
        let rows = self.story.fills.iter().map(|fill| {
            let slippage = self.story.slippage(fill);
            vec![
                Cell::plain(utc(fill.exit_ts)),
                Cell::plain(fill.exit_index.to_string()),
                Cell::plain(rule_name(fill.reason, fill.leg)),
                Cell::plain(fill.qty_text()),
                Cell::plain(fill.trigger_text()),
                Cell::plain(fill.price_text()),
                Cell::plain(
                    slippage.map_or_else(|| "-".to_owned(), |worse| self.slipped(worse, fill.trigger)),
                ),
                Cell::plain(money(fill.fees)),
                Cell::plain(money(fill.gross)),
                tone_of(fill.net),
            ]
        });
        self.table(text, "Fills (slippage: how much worse than the trigger)", columns, rows.collect());
        for (at, change) in &self.story.changes {
            *text += &format!("{} at {}\n", self.change(*change), utc(*at));
        }
        for (at, paid) in &self.story.funding {
            *text += &format!("funding {} paid at {}\n", money(*paid), utc(*at));
        }
        if !self.story.fills.is_empty() {
            *text += &format!("remaining: {}\n", self.qty(self.story.end.remaining));
        }
    }
}

fn tone_of(value: Money) -> Cell {
    let tone = match value.0 {
        0 => Tone::Plain,
        1.. => Tone::Gain,
        i128::MIN..0 => Tone::Loss,
    };
    Cell { text: money(value), tone }
}

/// What a list of open orders said of a position's: missing, back, changed by others, stray.
fn listed(counts: [usize; 4]) -> String {
    let words = ["missing", "back", "changed by others", "stray"];
    let told = counts.into_iter().zip(words).filter(|(count, _)| *count > 0);
    let told: Vec<String> = told.map(|(count, what)| format!("{count} {what}")).collect();
    format!("its orders at the venue: {}", told.join(", "))
}
