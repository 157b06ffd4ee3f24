//! The whole coordinator: any events in any order.

use ripcord_core::event::{Event, VenueEvent};
use ripcord_core::time::Span;

use crate::bytes::Bytes;
use crate::world::World;

/// Events of one input.
const EVENTS_MAX: usize = 200;

pub(crate) fn run(data: &[u8]) {
    let (mut bytes, mut world) = (Bytes(data), World::new());
    let mut events = 0;
    while !bytes.is_empty() && events < EVENTS_MAX {
        step(&mut bytes, &mut world);
        events += 1;
    }
    world.end();
}

fn step(bytes: &mut Bytes<'_>, world: &mut World) {
    match bytes.byte() % 32 {
        0..7 => world.walk(bytes),
        7..10 => world.open(bytes),
        10..19 => world.answer(bytes),
        19..22 => world.command(bytes),
        22 | 23 => world.list(bytes),
        24 | 25 => {
            let reading = world.read(bytes);
            world.handle(Event::Venue(VenueEvent::Read(Box::new(reading))));
        }
        26 => world.news(bytes),
        27 => world.restart(),
        28 => world.oddity(bytes),
        _ => {
            let span = Span::from_millis(bytes.pick(&[1, 100, 300, 1_000, 1_500, 5_000, 10_000, 20_000]));
            world.advance(span);
        }
    }
}
