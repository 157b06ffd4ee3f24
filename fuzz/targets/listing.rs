//! Lists of what rests at a venue, true and false ones, around positions with stops.

use ripcord_core::time::Span;

use crate::bytes::Bytes;
use crate::world::World;

const EVENTS_MAX: usize = 120;

pub(crate) fn run(data: &[u8]) {
    let (mut bytes, mut world) = (Bytes(data), World::new());
    world.manage(&mut Bytes(&[0, 0, 1]));
    world.manage(&mut Bytes(&[1, 1]));
    // A position of each kind, so that something rests.
    for which in [0, 2, 5] {
        world.open(&mut Bytes(&[which, 0, 200, 20, 100]));
    }
    let mut events = 0;
    while !bytes.is_empty() && events < EVENTS_MAX {
        events += 1;
        match bytes.byte() % 16 {
            0..6 => world.list(&mut bytes),
            6..10 => world.answer(&mut bytes),
            10 | 11 => world.walk(&mut bytes),
            12 => world.command(&mut bytes),
            13 => world.restart(),
            _ => world.advance(Span::from_millis(bytes.pick(&[1, 250, 1_000, 5_000, 10_000, 15_000]))),
        }
    }
    world.end();
}
