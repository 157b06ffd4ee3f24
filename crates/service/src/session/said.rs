//! What a venue behind a wire says beside prices and answers.

use ripcord_core::event::Opening;
use ripcord_core::id::{AccountId, PositionKey};
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::time::Timestamp;
use ripcord_sim::desk::Venue as _;
use ripcord_venue::line::Opened;

use super::Session;
use crate::line::{Line, Tag, Tone};
use crate::source::{Said, instrument_id};
use crate::wire::link::BREAKS_MANY;

impl Session {
    /// Hears everything that was said until `now`. News come first: whoever hears that a conversation began
    /// can speak in it.
    pub(super) fn listen(&mut self, now: Timestamp) {
        self.source.listen(now);
        self.desk.venue.listen(now);
    }

    pub(super) fn hear(&mut self, at: Timestamp, said: Said) {
        match said {
            Said::Up => {
                self.link.up();
                let text = "the venue is there: what it holds is read, and lost orders are asked about";
                self.teller.lines.push(Line::new(Tag::Bootstrap, at, text.to_owned()).with("venue", "up"));
                self.manage(at);
            }
            Said::Down(why) => {
                let is_loose_now = self.link.down(at, &why);
                let text = format!("the venue is not there: {why}; what rests there still acts");
                let line = Line::new(Tag::Alarm, at, text).toned(Tone::Alarm).with("what", "venue_down");
                self.teller.lines.push(line.with("why", why));
                if is_loose_now {
                    let text = format!(
                        "the venue broke off {BREAKS_MANY} times within a minute: orders and answers get lost"
                    );
                    let line = Line::new(Tag::Alarm, at, text).toned(Tone::Alarm);
                    self.teller.lines.push(line.with("what", "venue_loose"));
                }
            }
            Said::Clock(behind) => {
                let ms = behind.0 / 1_000_000;
                let way = if ms > 0 { "behind" } else { "ahead of" };
                let text = format!(
                    "the venue's clock is {} ms {way} ours: its times are corrected; see to this machine's time",
                    ms.abs()
                );
                let line = Line::new(Tag::Bootstrap, at, text).with("venue_clock_behind_ms", ms);
                self.teller.lines.push(line);
            }
            Said::Opened(opened) => {
                if let Some(opening) = self.opening(&opened) {
                    self.open(at, opening);
                }
            }
        }
    }

    /// A position that somebody opened at the venue, under the plan of those that are found there. One that
    /// cannot be is left to the next read.
    fn opening(&self, opened: &Opened) -> Option<Opening> {
        let account = AccountId(opened.account);
        let known = self.names().instruments.iter().position(|of| of.symbol == opened.instrument)?;
        let (instrument, given) =
            (instrument_id(known), self.managed.iter().find(|given| given.account == account)?);
        let plan = given.instruments.iter().find(|managed| managed.instrument == instrument)?.plan;
        let (qty, entry) = (Qty(opened.qty), Price(opened.entry));
        let rules = self.names().instrument(instrument);
        let can_be = qty.0 > 0 && entry.is_sound() && !rules.is_too_large(entry, qty);
        let key = PositionKey { account, instrument, side: opened.side };
        can_be.then_some(Opening { key, plan, qty, entry, entry_fees: Money(opened.fee.max(0)) })
    }
}
