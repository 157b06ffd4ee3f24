//! Journals that are whole as chains and were written by nobody's core: an answer with a place, never a panic.

use std::sync::OnceLock;

use ripcord_core::event::{Entry, Event, Record, VenueEvent};
use ripcord_core::id::InstrumentId;
use ripcord_core::num::{Money, Price, Qty};
use ripcord_core::time::Timestamp;
use ripcord_journal::{JournalEntry, Rebuilder};

use crate::bytes::Bytes;
use crate::payload;

#[path = "../../crates/journal/tests/journal/lists.rs"]
mod lists;
#[path = "../../crates/journal/tests/journal/orders.rs"]
mod orders;
#[path = "../../crates/journal/tests/journal/samples.rs"]
mod samples;
#[path = "../../crates/journal/tests/journal/world.rs"]
mod world;

/// Some journals of a core, and every word that there is.
fn sound() -> &'static (Vec<Vec<JournalEntry>>, Vec<JournalEntry>) {
    static PLAYED: OnceLock<(Vec<Vec<JournalEntry>>, Vec<JournalEntry>)> = OnceLock::new();
    PLAYED.get_or_init(|| {
        let journals = (0..8).map(|seed| {
            let mut world = world::World::new(seed);
            world.play(80);
            world.checkpoint();
            assert!(world::count(&world.journal, |record| matches!(record, Record::Input(_))) > 0);
            world.journal
        });
        (journals.collect(), samples::samples())
    })
}

pub(crate) fn run(data: &[u8]) {
    let (journals, words) = sound();
    let mut bytes = Bytes(data);
    let mut journal = journals[usize::from(bytes.byte()) % journals.len()].clone();
    let mut bends = 0;
    while !bytes.is_empty() && bends < 16 && !journal.is_empty() {
        bend(&mut bytes, &mut journal, words);
        bends += 1;
    }
    let mut rebuilder = Rebuilder::new();
    for (seq, entry) in (1..).zip(journal) {
        if let Err(error) = rebuilder.next(seq, entry) {
            assert!(bends > 0 && error.to_string().starts_with("record "), "{error}");
            return;
        }
    }
    let end = rebuilder.finish();
    assert!(bends > 0 || end.is_ok(), "{end:?}");
}

fn bend(bytes: &mut Bytes<'_>, journal: &mut Vec<JournalEntry>, words: &[JournalEntry]) {
    let (how, place) = (bytes.byte(), usize::from(bytes.u16()) % journal.len());
    match how % 7 {
        0 => journal.insert(place, words[usize::from(bytes.byte()) % words.len()].clone()),
        1 => drop(journal.remove(place)),
        2 => {
            let other = usize::from(bytes.u16()) % journal.len();
            journal.swap(place, other);
        }
        3 => journal[place] = journal[usize::from(bytes.u16()) % journal.len()].clone(),
        4 => {
            let length = usize::from(bytes.byte());
            if let Some(entry) = payload::decode(bytes, length) {
                journal.insert(place, entry);
            }
        }
        5 => {
            if let JournalEntry::Fact(fact) = &mut journal[place] {
                fact.at = Timestamp(bytes.number());
            }
        }
        _ => change(bytes, &mut journal[place]),
    }
}

/// Changes a number inside.
fn change(bytes: &mut Bytes<'_>, entry: &mut JournalEntry) {
    let JournalEntry::Fact(Entry { record, .. }) = entry else { return };
    let (which, number) = (bytes.byte(), bytes.number());
    match record {
        Record::Input(Event::Tick(tick)) => match which % 3 {
            0 => tick.price = Price(number),
            1 => tick.cell.0 = number as u32,
            _ => tick.at = Timestamp(number),
        },
        Record::Input(Event::Venue(VenueEvent::Filled(fill))) => match which % 3 {
            0 => fill.filled_total = Qty(number),
            1 => fill.price = Price(number),
            _ => fill.fee = Money(i128::from(number) << 60),
        },
        Record::Input(Event::Command(ripcord_core::event::Command::Open(opening))) => match which % 4 {
            0 => opening.qty = Qty(number),
            1 => opening.entry = Price(number),
            2 => opening.entry_fees = Money(i128::from(number) << 60),
            _ => opening.key.instrument = InstrumentId(number as u32),
        },
        Record::Observed(observed) => match which % 5 {
            0 => observed.count = number as u32,
            1 => observed.last = Price(number),
            2 => observed.min = Price(number),
            3 => observed.max = Price(number),
            _ => observed.at = Timestamp(number),
        },
        _ => {}
    }
}
