//! Reads of a venue that say anything: an error is never "flat", nothing is believed on one word, and of coins no
//! more is sold than was granted.

use std::collections::BTreeMap;

use ripcord_core::event::{Event, VenueEvent};
use ripcord_core::id::{AccountId, InstrumentId, PositionKey};
use ripcord_core::instrument::Side;
use ripcord_core::num::Qty;
use ripcord_core::time::Span;

use crate::bytes::Bytes;
use crate::world::{GRANT, World};

const EVENTS_MAX: usize = 120;

/// What positions there are, by bucket.
fn held(world: &World) -> BTreeMap<PositionKey, Qty> {
    world.core.view().positions().map(|position| (position.episode.key, position.qty)).collect()
}

pub(crate) fn run(data: &[u8]) {
    let (mut bytes, mut world) = (Bytes(data), World::new());
    world.manage(&mut Bytes(&[0, 0, 1]));
    world.manage(&mut Bytes(&[1, 1]));
    let mut events = 0;
    while !bytes.is_empty() && events < EVENTS_MAX {
        events += 1;
        match bytes.byte() % 16 {
            0..5 => {
                let reading = world.read(&mut bytes);
                let (before, failed) = (held(&world), reading.held.is_none());
                let (account, says) = (reading.account, reading.held.clone().unwrap_or_default());
                world.handle(Event::Venue(VenueEvent::Read(Box::new(reading))));
                let after = held(&world);
                assert!(
                    !failed || before == after,
                    "a read failed, and something changed: {before:?} {after:?}"
                );
                for (key, qty) in &after {
                    let of = says.iter().find(|one| (one.instrument, one.side) == (key.instrument, key.side));
                    let is_new = !before.contains_key(key);
                    let theirs = of.map_or(Qty(0), |one| one.qty);
                    assert!(
                        !is_new || (key.account == account && *qty <= theirs),
                        "{key:?}: {qty:?} of {theirs:?}"
                    );
                }
            }
            5..8 => world.answer(&mut bytes),
            8 | 9 => world.walk(&mut bytes),
            10 => world.news(&mut bytes),
            11 => world.command_for_reads(&mut bytes),
            12 => world.restart(),
            _ => world.advance(Span::from_millis(bytes.pick(&[1, 500, 2_000, 3_000, 10_000]))),
        }
        let coin = PositionKey { account: AccountId(1), instrument: InstrumentId(1), side: Side::Long };
        let sold = world.sold(coin);
        assert!(sold <= GRANT, "{sold} sold of a grant of {GRANT}");
    }
    world.end();
}
