//! The last lines of a run: what it was worth, by reason, and what is left open.

use ripcord_core::num::Money;
use ripcord_core::reason::Reason;
use ripcord_core::view::PositionView;

use crate::line::{Line, Tag};
use crate::names::{Names, money_exact, money_text, side_text};
use crate::session::Session;
use crate::tally::{ByReason, plus};

/// Positions left open are listed up to this many.
const LISTED_MAX: usize = 10;

pub(super) fn lines(session: &Session) -> Vec<Line> {
    let (tally, at) = (session.tally(), session.now());
    let head = ["exits", "trades", "wins", "losses", "break-even", "unknown", "net"].map(str::to_owned);
    let head = row("reason", head);
    let mut lines = vec![Line::new(Tag::Summary, at, head)];
    lines.extend(tally.reasons().map(|(reason, by_reason)| reason_line(session, Some(reason), by_reason)));
    lines.push(reason_line(session, None, &tally.total()));
    let positions = session.positions();
    let unrealised = positions.iter().filter_map(|position| position.unrealised).fold(Money::ZERO, plus);
    let (opened, left) = (tally.opened(), positions.len());
    let text =
        format!("{opened} positions taken over, {left} left open (unrealised {})", money_text(unrealised));
    let line = Line::new(Tag::Summary, at, text).with("opened", opened).with("left_open", left);
    lines.push(line.with("unrealised", money_exact(unrealised)).with("alarms", tally.alarms()));
    for position in positions.iter().take(LISTED_MAX) {
        lines.push(Line::new(Tag::Summary, at, left_text(session.names(), position)));
    }
    if left > LISTED_MAX {
        lines.push(Line::new(Tag::Summary, at, format!("  and {} more", left - LISTED_MAX)));
    }
    lines
}

fn reason_line(session: &Session, reason: Option<Reason>, of: &ByReason) -> Line {
    let word = reason.map_or("all", Reason::word);
    let trades = of.trades;
    let numbers = [of.exits, trades.all(), trades.wins, trades.losses, trades.break_even, trades.unknown];
    let [exits, all, wins, losses, even, unknown] = numbers.map(|number| number.to_string());
    let text = row(word, [exits, all, wins, losses, even, unknown, net_text(of)]);
    Line::new(Tag::Summary, session.now(), text)
        .with("reason", word)
        .with("exits", of.exits)
        .with("trades", trades.all())
        .with("wins", trades.wins)
        .with("losses", trades.losses)
        .with("break_even", trades.break_even)
        .with("unknown", trades.unknown)
        .with("net", (of.unpriced == 0).then(|| money_exact(of.net)))
        .with("net_known", money_exact(of.net))
}

/// A net is never 0 because nobody told a price: what is known is told beside that something is not.
fn net_text(of: &ByReason) -> String {
    match (of.unpriced, of.exits) {
        (0, _) => money_text(of.net),
        (unpriced, exits) if unpriced == exits => "unknown".to_owned(),
        _ => format!("unknown (known: {})", money_text(of.net)),
    }
}

fn row(name: &str, cells: [String; 7]) -> String {
    let [exits, trades, wins, losses, even, unknown, net] = cells;
    format!("{name:16} {exits:>7} {trades:>7} {wins:>7} {losses:>7} {even:>10} {unknown:>7} {net:>14}")
}

fn left_text(names: &Names, position: &PositionView) -> String {
    let episode = position.episode;
    let price =
        |price: Option<_>| price.map_or_else(|| "none".to_owned(), |price| names.price(episode, price));
    format!(
        "  left open: {} {} {} @ {} | price={} | stop={} | hard_stop={} | plan={}",
        names.symbol(episode),
        side_text(position.side),
        names.qty(episode, position.qty),
        names.price(episode, position.entry),
        price(position.price),
        price(position.effective_stop),
        price(position.hard_stop),
        names.plan(position.plan),
    )
}
