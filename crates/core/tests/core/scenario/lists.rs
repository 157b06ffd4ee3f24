//! Lists of open orders in stories: `list`, `list failed`, `list 5s ago`; and what somebody does at the
//! venue without a word: `someone moves the stop to 95`, `someone cuts the stop to 1`,
//! `someone has the mark trigger the stop`, `someone makes a limit of the stop`, `someone takes the stop`, `someone rests 1`, `someone rests nothing`,
//! `someone revives what went`.

use std::fmt::Write as _;

use ripcord_core::event::{Event, OrdersListed, VenueEvent};
use ripcord_core::id::AccountId;
use ripcord_core::listing::Listed;
use ripcord_core::order::TriggerSource;
use ripcord_core::time::Timestamp;

use super::{Story, order_name, told};

impl Story {
    pub(super) fn lists(&mut self, word: &str, rest: &[&str]) -> Result<(), String> {
        if word == "list" {
            return self.list(rest);
        }
        let key = self.key(None)?;
        match rest {
            ["moves", "the", "stop", "to", price] => {
                let to = self.price(key.instrument, price)?;
                self.world.venue.edit_stop(key, Some(to), None).then_some(()).ok_or("no stop rests")?;
            }
            ["has", "the", on @ ("mark" | "last"), "trigger", "the", "stop"] => {
                let on = if *on == "mark" { TriggerSource::Mark } else { TriggerSource::Last };
                self.world.venue.retrigger(key, on).then_some(()).ok_or("no stop rests")?;
            }
            ["cuts", "the", "stop", "to", qty] => {
                let qty = self.qty(key.instrument, qty)?;
                self.world.venue.edit_stop(key, None, Some(qty)).then_some(()).ok_or("no stop rests")?;
            }
            ["makes", "a", "limit", "of", "the", "stop"] => {
                self.world.venue.unstop(key).then_some(()).ok_or("no stop rests")?;
            }
            ["takes", "the", "stop"] => {
                self.world.venue.take_stop(key).ok_or("no stop rests")?;
            }
            ["revives", "what", "went"] => {
                self.world.venue.revive().then_some(()).ok_or("nothing went")?;
            }
            ["rests", "nothing"] => self.world.venue.rest_foreign(key, 1, 0),
            ["rests", qty] => {
                let qty = self.qty(key.instrument, qty)?;
                self.world.venue.rest_foreign(key, 1, qty.0);
            }
            other => return Err(format!("nobody does `{}`", other.join(" "))),
        }
        Ok(())
    }

    fn list(&mut self, words: &[&str]) -> Result<(), String> {
        let account = self.at.map_or(AccountId(0), |key| key.account);
        let mut listing = self.world.venue.listing(account, self.world.now);
        match words {
            [] => {}
            ["failed"] => listing.orders = Listed::Failed,
            ["nothing"] => listing.orders = Listed::All(Vec::new()),
            [age, "ago"] => {
                let secs: i64 = age.trim_end_matches('s').parse().map_err(told)?;
                listing.taken_at = Timestamp(self.world.now.0 - secs * 1_000_000_000);
            }
            other => return Err(format!("no list `{}`", other.join(" "))),
        }
        self.world.handle(Event::Venue(VenueEvent::Listed(Box::new(listing))));
        Ok(())
    }

    pub(super) fn listed(&self, listed: &OrdersListed) -> String {
        let mut text = "list:".to_owned();
        let mut say = |what: &str, names: Vec<String>| {
            if !names.is_empty() {
                let comma = if text.ends_with(':') { "" } else { "," };
                write!(text, "{comma} {what} {}", names.join(" and ")).expect("text");
            }
        };
        let names = |ids: &[ripcord_core::id::OrderId]| ids.iter().copied().map(order_name).collect();
        say("missing", names(&listed.missing));
        say("back", names(&listed.back));
        say("stray", names(&listed.strays));
        let edited = listed.edited.iter();
        say("changed", edited.map(|edited| order_name(edited.id)).collect());
        if let Some(foreign) = &listed.foreign {
            say("others", vec![foreign.len().to_string()]);
        }
        if text.ends_with(':') {
            text += " answers";
        }
        text
    }
}
