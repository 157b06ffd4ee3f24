//! What the words of a venue are to the core.

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Instant;

use ripcord_core::event::ProbeFill;
use ripcord_core::event::{Action, VenueEvent};
use ripcord_core::id::{AccountId, EpisodeId, InstrumentId, OrderId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::listing::{ForeignId, Listed, Whose};
use ripcord_core::time::{Span, Timestamp};
use ripcord_journal::entry::InstallationId;
use ripcord_service::wire::clock::VenueClock;
use ripcord_service::wire::connection::Word;
use ripcord_service::wire::ids::ClientIds;
use ripcord_service::wire::port::LineVenue;
use ripcord_sim::desk::Venue as _;
use ripcord_venue::line::{
    Answer, Ended, Filled, Found, Kind, Lines, Listing, Request, Resting, State, Total, Triggered,
};

const NOW: Timestamp = Timestamp(1_000_000_000_000_000);
const KEY: PositionKey = PositionKey { account: AccountId(0), instrument: InstrumentId(0), side: Side::Long };
const ORDER: OrderId =
    OrderId { episode: EpisodeId { key: KEY, generation: 1 }, exit: 1, leg: 0, slice: 0, attempt: 0 };

struct Spoken {
    port: LineVenue,
    words: SyncSender<Word>,
    id: String,
    asked: Lines<std::io::BufReader<TcpStream>>,
}

impl Spoken {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let ours = TcpStream::connect(listener.local_addr().expect("an address")).expect("a connection");
        let (theirs, _) = listener.accept().expect("a connection");
        let ids = ClientIds::of(InstallationId([7; 16]));
        let (words, heard) = sync_channel(64);
        let mut port = LineVenue::new(ids.clone(), heard, Span::from_secs(1), VenueClock::default());
        port.add_instrument(InstrumentId(0), Instrument::from_decimals("BTCUSDT", 1, 3), &[]);
        let between = (Instant::now(), Instant::now());
        words.send(Word::Up { stream: ours, theirs: NOW, between }).expect("heard");
        let asked = Lines::new(std::io::BufReader::new(theirs));
        let mut spoken = Self { port, words, id: ids.text(&ORDER), asked };
        assert_eq!(spoken.hear(NOW), []);
        spoken
    }

    fn say(&mut self, answer: Answer) -> Vec<VenueEvent> {
        self.words.send(Word::Answer(Box::new(answer))).expect("heard");
        self.hear(NOW)
    }

    fn hear(&mut self, now: Timestamp) -> Vec<VenueEvent> {
        let mut out = Vec::new();
        self.port.listen(now);
        self.port.advance(now, &mut out);
        out.into_iter().map(|(_, event)| event).collect()
    }

    fn filled(&self, total: i64, qty: i64) -> Filled {
        Filled { id: self.id.clone(), total, qty: Some(qty), price: 600_000, fee: 0 }
    }

    fn ended(&self, total: Option<i64>) -> Ended {
        Ended { id: self.id.clone(), total }
    }

    /// Whose an order is that a list tells.
    fn listed(&mut self, id: &str) -> Whose {
        let mut out = Vec::new();
        self.port.act(NOW, &[Action::ListOrders(AccountId(0))], ProbeFill::Market, &mut out);
        let asked = loop {
            if let Request::List(asked) = self.request() {
                break asked;
            }
        };
        let resting = Resting {
            id: id.to_owned(),
            instrument: "BTCUSDT".to_owned(),
            side: Side::Long,
            qty: 5,
            filled: 0,
            kind: Kind::RestingLimit(700_000),
        };
        let listing = Listing { n: asked.n, taken_at: NOW.0, orders: Some(vec![resting]) };
        let heard = self.say(Answer::Listed(listing));
        let [VenueEvent::Listed(listed)] = &heard[..] else { panic!("{heard:?}") };
        let Listed::All(orders) = &listed.orders else { panic!("{listed:?}") };
        orders[0].whose
    }

    fn request(&mut self) -> Request {
        self.asked.read::<Request>().expect("a line").expect("a request")
    }
}

#[test]
fn an_end_is_believed_when_every_trade_was_heard() {
    let mut spoken = Spoken::new();
    let filled = spoken.filled(499, 499);
    assert!(matches!(spoken.say(Answer::Filled(filled))[..], [VenueEvent::Filled(_)]));
    let ended = spoken.ended(Some(499));
    assert_eq!(spoken.say(Answer::Expired(ended)), [VenueEvent::Expired(ORDER)]);
    let ended = spoken.ended(Some(0));
    assert_eq!(spoken.say(Answer::Cancelled(ended)), [VenueEvent::Cancelled(ORDER)]);
}

#[test]
fn an_end_with_a_trade_that_was_not_heard_is_asked_about() {
    for total in [Some(499), None] {
        let mut spoken = Spoken::new();
        let ended = spoken.ended(total);
        assert_eq!(spoken.say(Answer::Expired(ended)), [], "{total:?}");
        assert!(matches!(spoken.request(), Request::Query(_)), "{total:?}");
        let traded = Some(Total { total: 499, price: 600_000, fee: 0 });
        let (id, placed_at) = (spoken.id.clone(), NOW.0);
        let found = Found { id, qty: 500, placed_at, state: State::Expired, traded, became: None };
        assert!(matches!(&spoken.say(Answer::Found(found))[..], [VenueEvent::Found(found)]
            if found.fill.is_some_and(|fill| fill.filled_total.0 == 499)));
    }
}

#[test]
fn a_trade_behind_one_that_was_not_heard_is_asked_about() {
    let mut spoken = Spoken::new();
    let later = spoken.filled(500, 200);
    assert_eq!(
        spoken.say(Answer::Filled(later.clone())),
        [],
        "300 traded before it, and nobody said at which price"
    );
    assert!(matches!(spoken.request(), Request::Query(_)));
    let first = spoken.filled(300, 300);
    assert!(matches!(spoken.say(Answer::Filled(first))[..], [VenueEvent::Filled(_)]), "it was only late");
    assert!(matches!(spoken.say(Answer::Filled(later))[..], [VenueEvent::Filled(_)]));
    let unsaid = Filled { qty: None, ..spoken.filled(600, 0) };
    assert!(matches!(spoken.say(Answer::Filled(unsaid))[..], [VenueEvent::Filled(_)]));
}

#[test]
fn a_trade_that_is_told_again_is_no_other_trade() {
    let mut spoken = Spoken::new();
    let filled = spoken.filled(500, 500);
    assert!(matches!(spoken.say(Answer::Filled(filled.clone()))[..], [VenueEvent::Filled(_)]));
    assert_eq!(spoken.say(Answer::Filled(filled)), [], "also when its order is gone");
}

#[test]
fn a_question_about_an_end_that_nobody_answers_is_silence() {
    let mut spoken = Spoken::new();
    let ended = spoken.ended(Some(499));
    assert_eq!(spoken.say(Answer::Cancelled(ended)), []);
    assert_eq!(spoken.hear(NOW.after(Span::from_secs(1))), [VenueEvent::Silence(ORDER)]);
}

#[test]
fn an_order_of_others_is_cancelled_by_the_id_that_the_venue_has_for_it() {
    let mut spoken = Spoken::new();
    let mut out = Vec::new();
    let Whose::Foreign(number) = spoken.listed("by-hand-1") else { panic!("it is not ours") };
    spoken.port.act(NOW, &[Action::CancelForeign(AccountId(0), number)], ProbeFill::Market, &mut out);
    assert!(matches!(spoken.request(), Request::Cancel(named) if named.id == "by-hand-1"));
    // Of one that no list told nobody knows the id.
    let other = ForeignId { number: number.number ^ 1, ..number };
    spoken.port.act(NOW, &[Action::CancelForeign(AccountId(0), other)], ProbeFill::Market, &mut out);
    assert_eq!(out, []);
}

#[test]
fn what_a_stop_became_is_the_stop() {
    let mut spoken = Spoken::new();
    let child = "venue-7".to_owned();
    let triggered = Triggered { id: spoken.id.clone(), became: Some(child.clone()) };
    assert_eq!(spoken.say(Answer::Triggered(triggered)), [VenueEvent::Triggered(ORDER)]);
    let filled = Filled { id: child.clone(), ..spoken.filled(300, 300) };
    assert!(
        matches!(&spoken.say(Answer::Filled(filled))[..], [VenueEvent::Filled(fill)] if fill.id == ORDER)
    );
    assert_eq!(spoken.listed(&child), Whose::Ours(ORDER), "no order of others");
    let ended = Ended { id: child.clone(), total: Some(300) };
    assert_eq!(spoken.say(Answer::Expired(ended.clone())), [VenueEvent::Expired(ORDER)]);
    assert_eq!(spoken.say(Answer::Expired(ended)), [], "told twice, and over");
}

#[test]
fn a_trade_of_what_a_stop_became_may_come_before_the_word_that_it_did() {
    let mut spoken = Spoken::new();
    let child = "venue-7".to_owned();
    let filled = Filled { id: child.clone(), ..spoken.filled(300, 300) };
    assert_eq!(spoken.say(Answer::Filled(filled)), [], "nobody knows whose it is");
    let triggered = Triggered { id: spoken.id.clone(), became: Some(child) };
    assert_eq!(spoken.say(Answer::Triggered(triggered)), [VenueEvent::Triggered(ORDER)]);
    assert!(matches!(spoken.request(), Request::Query(asked) if asked.id == spoken.id), "what did it trade?");
    assert_eq!(spoken.hear(NOW.after(Span::from_secs(1))), [VenueEvent::Silence(ORDER)], "nobody answers");
}

#[test]
fn a_stop_that_is_found_says_what_it_became() {
    let mut spoken = Spoken::new();
    let (id, placed_at, became) = (spoken.id.clone(), NOW.0, Some("venue-7".to_owned()));
    assert!(matches!(spoken.listed("venue-7"), Whose::Foreign(_)));
    let found = Found { id, qty: 500, placed_at, state: State::Working, traded: None, became };
    assert!(matches!(spoken.say(Answer::Found(found))[..], [VenueEvent::Found(_)]));
    assert_eq!(spoken.listed("venue-7"), Whose::Ours(ORDER));
}
