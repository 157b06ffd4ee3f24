//! What reads of the venue brought, in lines.

use ripcord_core::event::{Adopted, Found, LeftOutside, OrdersListed, Reconciled, Record, Verdict};
use ripcord_core::id::{AccountId, EpisodeId, OrderId, PositionKey};
use ripcord_core::num::{Money, Qty, fixed};
use ripcord_core::pacing::Pace;
use ripcord_core::time::Timestamp;

use super::{Line, Narrator, Tag, Tone, money_exact, side_text};
use crate::names::money_text;
use crate::tally::outside_net_of;

impl Narrator {
    /// What others had a hand in.
    pub(super) fn past_us(&mut self, at: Timestamp, record: &Record, per_unit: i128, lines: &mut Vec<Line>) {
        match record {
            Record::ReadFailed { account, in_a_row } => {
                lines.push(self.read_failed(at, *account, *in_a_row));
            }
            Record::Reconciled(read) => self.reconciled(at, read, lines),
            Record::Adopted(adopted) => lines.push(self.adopted(at, adopted)),
            Record::LeftOutside(left) => {
                self.left_outside(at, left, outside_net_of(left, per_unit), lines);
            }
            Record::Released { episode, qty, keeps_stop } => {
                lines.push(self.released(at, *episode, *qty, *keeps_stop));
                self.episodes.remove(episode);
            }
            Record::HandedOver(key) => lines.push(self.handed_over(at, *key)),
            Record::OrdersListed(listed) => self.orders_listed(at, listed, lines),
            Record::Returned(returned) => {
                let qty = self.names.qty(returned.episode, returned.qty);
                let text = format!("{qty} that had left unseen is told after all: its trade follows");
                let line = self.line(Tag::Reconcile, at, returned.episode, &text).toned(Tone::Notice);
                lines.push(line.with("what", "returned").with("qty", qty));
            }
            Record::OrdersPaced { account, pace, until } => {
                lines.push(orders_paced(at, *account, *pace, *until));
            }
            Record::OrdersStale { account, since } => lines.push(orders_stale(at, *account, *since)),
            _ => {}
        }
    }

    fn read_failed(&self, at: Timestamp, account: AccountId, in_a_row: u32) -> Line {
        let text = format!(
            "account {} could not be read, {in_a_row} in a row: nothing is taken for gone",
            account.0
        );
        Line::new(Tag::Reconcile, at, text)
            .toned(Tone::Alarm)
            .with("account", account.0)
            .with("what", "read_failed")
            .with("in_a_row", in_a_row)
    }

    /// The first read is told as a whole, unless it and we know of nothing; each later one by what it
    /// changes.
    fn reconciled(&self, at: Timestamp, read: &Reconciled, lines: &mut Vec<Line>) {
        if read.is_first && (read.same > 0 || !read.found.is_empty()) {
            lines.push(self.first_read(at, read));
        }
        for found in read.found.iter().filter(|found| read.is_first || found.verdict.is_news()) {
            lines.push(self.found(at, found));
        }
    }

    fn first_read(&self, at: Timestamp, read: &Reconciled) -> Line {
        let count = |verdicts: &[Verdict]| {
            read.found.iter().filter(|found| verdicts.contains(&found.verdict)).count()
        };
        let new = count(&[Verdict::New]);
        let gone = count(&[Verdict::Gone]);
        let differing = count(&[Verdict::Smaller, Verdict::Larger, Verdict::Unconfirmed, Verdict::Waits]);
        let left = count(&[Verdict::NotManaged, Verdict::Released, Verdict::Dust]);
        let (account, merged, ms) = (read.account.0, read.same, at.since(read.taken_at).0 / 1_000_000);
        let took = self.began.map(|began| at.since(began).0 / 1_000_000);
        let since = took.map_or_else(String::new, |took| format!(" | {took} ms after the start"));
        let text = format!(
            "account {account} is read: MERGE {merged} / NEW {new} / GONE {gone} / differing {differing} / left alone {left} | {ms} ms old{since}"
        );
        Line::new(Tag::Bootstrap, at, text)
            .with("took_ms", took)
            .with("account", account)
            .with("merge", merged)
            .with("new", new)
            .with("gone", gone)
            .with("differing", differing)
            .with("left_alone", left)
            .with("age_ms", ms)
    }

    fn found(&self, at: Timestamp, found: &Found) -> Line {
        let Found { key, ours, theirs, verdict } = *found;
        let [ours, theirs] = [ours, theirs].map(|qty| self.qty_of(key, qty));
        let text = match verdict {
            Verdict::New => format!("NEW: {theirs} found, taken over"),
            Verdict::Gone => format!("GONE: {ours} held, the venue has none, twice"),
            Verdict::Smaller | Verdict::Larger => {
                format!("{}: {ours} held, the venue says {theirs}, twice", verdict.word().to_uppercase())
            }
            Verdict::Unconfirmed => format!("{ours} held, the venue says {theirs}: a second read must agree"),
            Verdict::Waits => format!("{ours} held, the venue says {theirs}: waits for the second read"),
            Verdict::Agrees => format!("MERGE: {theirs}, the difference is gone"),
            Verdict::Stale => format!("the venue says {theirs}, but knows less than we do: ignored"),
            Verdict::NotManaged => format!("{theirs} is not managed: never touched"),
            Verdict::Released => format!("{theirs} was let go: not touched"),
            Verdict::Dust => format!("{theirs} is less than the venue can close"),
            Verdict::NoPrice => format!("{theirs} found, but no price to measure a stop from"),
        };
        self.key_line(Tag::Reconcile, at, key, &text)
            .with("what", verdict.word())
            .with("held", ours)
            .with("venue", theirs)
    }

    fn adopted(&self, at: Timestamp, adopted: &Adopted) -> Line {
        let (episode, names) = (adopted.episode, &self.names);
        let seen = names.price(episode, adopted.seen);
        let held: Vec<&str> = adopted.held.iter().map(|held| held.reason.word()).collect();
        let mut text = format!("taken over @ {seen}: stop, clock and extremes begin here");
        if !adopted.entry_known {
            text += " | entry unknown";
        }
        if !held.is_empty() {
            text += &format!(" | holds already, waits for the hand-over: {}", held.join(", "));
        }
        text += &format!(" | id={}", names.episode(episode));
        let tone = if held.is_empty() { Tone::Notice } else { Tone::Alarm };
        self.line(Tag::Reconcile, at, episode, &text)
            .toned(tone)
            .with("what", "adopted")
            .with("price", seen)
            .with("entry_known", adopted.entry_known)
            .with("held_back", held)
    }

    /// A quantity that left past us: what, why and who, like every closed quantity.
    fn left_outside(&self, at: Timestamp, left: &LeftOutside, net: Option<Money>, lines: &mut Vec<Line>) {
        let (episode, names) = (left.episode, &self.names);
        let [qty, remaining] = [left.qty, left.remaining].map(|qty| names.qty(episode, qty));
        let price = left.price.map(|price| names.price(episode, price));
        let (reason, source) = (left.reason.word(), left.source.word());
        let shown = price.as_deref().unwrap_or("an unknown price");
        let worth = net.map_or_else(|| "unknown".to_owned(), money_text);
        let id = names.episode(episode);
        let text =
            format!("{qty} left past us @ {shown} | net={worth} | remaining_size={remaining} | id={id}");
        let line = self
            .line(Tag::ExitOutside, at, episode, &text)
            .toned(Tone::Notice)
            .with("qty", qty)
            .with("price", price)
            .with("net", net.map(money_exact))
            .with("remaining_size", remaining);
        lines.push(line.with("reason", reason).with("source", source));
        let symbol = names.symbol(episode);
        let text = format!("{symbol} | Reason: {reason} | Source: {source}");
        let line = self.line(Tag::ExitSource, at, episode, "").with("reason", reason).with("source", source);
        lines.push(Line { text, ..line });
    }

    /// What a list of open orders brought, a line for each kind of news.
    fn orders_listed(&self, at: Timestamp, listed: &OrdersListed, lines: &mut Vec<Line>) {
        let edited: Vec<OrderId> = listed.edited.iter().map(|edited| edited.id).collect();
        let told = [
            ("missing", &listed.missing, "should rest at the venue and is not there: it is asked about"),
            ("back", &listed.back, "rests at the venue after all"),
            ("edited", &edited, "was changed by somebody else"),
            ("stray", &listed.strays, "rests at the venue and serves nobody any more: it is cancelled"),
        ];
        for (what, ids, text) in told {
            for id in ids {
                let order = self.names.order(*id);
                let tone = if what == "back" { Tone::Notice } else { Tone::Alarm };
                let line =
                    self.key_line(Tag::Reconcile, at, id.episode.key, &format!("order {order} {text}"));
                lines.push(line.toned(tone).with("what", what).with("order", order));
            }
        }
        if let Some(foreign) = &listed.foreign {
            let (account, count) = (listed.account.0, foreign.len());
            let text = format!(
                "account {account}: {count} orders of others rest at the venue; only panic touches them"
            );
            let line = Line::new(Tag::Reconcile, at, text).toned(Tone::Notice);
            lines.push(line.with("account", account).with("what", "foreign_orders").with("count", count));
        }
    }

    fn released(&self, at: Timestamp, episode: EpisodeId, qty: Qty, keeps_stop: bool) -> Line {
        let qty = self.names.qty(episode, qty);
        let stop = if keeps_stop { "its stop stays at the venue" } else { "nothing of ours is left there" };
        let text = format!("{qty} let go, {stop} | id={}", self.names.episode(episode));
        self.line(Tag::Reconcile, at, episode, &text)
            .toned(Tone::Notice)
            .with("what", "released")
            .with("qty", qty)
            .with("keeps_stop", keeps_stop)
    }

    fn handed_over(&self, at: Timestamp, key: PositionKey) -> Line {
        self.key_line(Tag::Reconcile, at, key, "handed over: all rules act").with("what", "handed_over")
    }

    fn key_line(&self, tag: Tag, at: Timestamp, key: PositionKey, text: &str) -> Line {
        let symbol = self.symbol_of(key.instrument.0 as usize);
        let text = format!("{symbol} {} of account {}: {text}", side_text(key.side), key.account.0);
        Line::new(tag, at, text)
            .with("symbol", symbol)
            .with("side", key.side.word())
            .with("account", key.account.0)
    }

    fn symbol_of(&self, instrument: usize) -> &str {
        self.names.instruments.get(instrument).map_or("?", |rules| rules.symbol.as_str())
    }

    fn qty_of(&self, key: PositionKey, qty: Qty) -> String {
        let rules = self.names.instruments.get(key.instrument.0 as usize);
        fixed(i128::from(qty.0), rules.map_or(0, |rules| rules.qty_decimals)).to_string()
    }
}

fn orders_paced(at: Timestamp, account: AccountId, pace: Pace, until: Option<Timestamp>) -> Line {
    let wait = until.map_or_else(String::new, |until| format!(" for {} ms", until.since(at).0 / 1_000_000));
    let (word, text, tone) = match pace {
        Pace::Free => ("free", "orders go as they are decided".to_owned(), Tone::Notice),
        Pace::ChoiceWaits => (
            "choice_waits",
            format!("targets, signals and time limits wait{wait} for room in its order budget"),
            Tone::Notice,
        ),
        Pace::Spent => (
            "spent",
            format!(
                "its order budget is used up{wait}, the reserve too; exits of risk go on, the venue decides"
            ),
            Tone::Alarm,
        ),
    };
    Line::new(Tag::Reconcile, at, format!("account {}: {text}", account.0))
        .toned(tone)
        .with("account", account.0)
        .with("what", "orders_paced")
        .with("pace", word)
}

fn orders_stale(at: Timestamp, account: AccountId, since: Option<Timestamp>) -> Line {
    let last = since
        .map_or_else(|| "never".to_owned(), |since| format!("{} s ago", at.since(since).0 / 1_000_000_000));
    let text = format!(
        "account {}: open orders were last listed {last}: until they are, no rule relies on a stop at the venue",
        account.0
    );
    Line::new(Tag::Reconcile, at, text)
        .toned(Tone::Alarm)
        .with("account", account.0)
        .with("what", "orders_stale")
}
