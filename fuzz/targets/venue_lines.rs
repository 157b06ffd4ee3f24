//! What a venue, an engine and a venue's account say in lines: what is read is written as the same, and what is heard
//! ends nobody.

use std::sync::mpsc::sync_channel;

use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::time::{Span, Timestamp};
use ripcord_journal::entry::InstallationId;
use ripcord_service::wire::clock::VenueClock;
use ripcord_service::wire::connection::Word;
use ripcord_service::wire::ids::ClientIds;
use ripcord_service::wire::port::LineVenue;
use ripcord_sim::desk::Venue as _;
use ripcord_venue::account::{self, Entry};
use ripcord_venue::line::{self, Answer, Request, parse};

/// So many lines are heard.
const HEARD_MAX: usize = 64;
/// Stands for the id of this order of ours, which is too long to be guessed.
const OURS: &str = "OURS";
const ORDER: OrderId = OrderId {
    episode: EpisodeId {
        key: PositionKey { account: AccountId(0), instrument: InstrumentId(0), side: Side::Long },
        generation: 1,
    },
    exit: 0,
    leg: 0,
    slice: 0,
    attempt: 0,
};
const NOW: Timestamp = Timestamp(1_760_000_000_000_000_000);

pub(crate) fn run(data: &[u8]) {
    if let Err(why) = account::read_from(data) {
        assert!(!why.to_string().is_empty());
    }
    let Ok(text) = std::str::from_utf8(data) else { return };
    let ids = ClientIds::of(InstallationId([7; 16]));
    let text = text.replace(OURS, &ids.text(&ORDER));
    let mut answers = Vec::new();
    for bytes in text.lines().map(str::as_bytes).take(HEARD_MAX) {
        if let Ok(request) = parse::<Request>(bytes, 1) {
            assert_eq!(parse::<Request>(line::text(&request).trim_end().as_bytes(), 1).ok(), Some(request));
        }
        if let Ok(entry) = parse::<Entry>(bytes, 1) {
            assert_eq!(parse::<Entry>(line::text(&entry).trim_end().as_bytes(), 1).ok(), Some(entry));
        }
        if let Ok(answer) = parse::<Answer>(bytes, 1) {
            let again = parse::<Answer>(line::text(&answer).trim_end().as_bytes(), 1).ok();
            assert_eq!(again.as_ref(), Some(&answer));
            answers.push(answer);
        }
    }
    hear(ids, answers);
}

/// The engine's side takes whatever a venue says.
fn hear(ids: ClientIds, answers: Vec<Answer>) {
    let (words, heard) = sync_channel(HEARD_MAX);
    let mut port = LineVenue::new(ids, heard, Span::from_secs(1), VenueClock::default());
    port.add_instrument(InstrumentId(0), Instrument::from_decimals("BTCUSDT", 1, 3), &[]);
    let count = answers.len();
    for answer in answers {
        words.send(Word::Answer(Box::new(answer))).expect("it is heard");
    }
    let mut out = Vec::new();
    port.listen(NOW);
    port.advance(NOW, &mut out);
    port.advance(NOW.after(Span::from_secs(2)), &mut out);
    assert!(out.len() <= 2 * count, "an answer is one event, and at most a silence later");
}
