//! The worlds that are known to show a bug: a table of words, which a search writes.

use super::World;
use crate::config::VenueKind;

/// A line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The bug.
    pub number: u16,
    /// The world that shows it.
    pub world: World,
    /// The promise that is broken there.
    pub invariant: String,
}

/// All that are known, in the order of their numbers.
#[must_use]
pub fn known() -> Vec<Known> {
    read(include_str!("known.txt"))
}

/// The table of these.
#[must_use]
pub fn written(known: &[Known]) -> String {
    let mut text =
        String::from("# bug venue seed hours swarm invariant; `cargo xtask bugs --record` writes it\n");
    for Known { number, world, invariant } in known {
        let venue = world.venue.map_or("any", VenueKind::word);
        let swarm = if world.swarm { "swarm" } else { "all" };
        text.push_str(&format!("{number} {venue} {} {} {swarm} {invariant}\n", world.seed, world.hours));
    }
    text
}

pub(super) fn read(text: &str) -> Vec<Known> {
    text.lines().filter(|line| !line.starts_with('#')).filter_map(line).collect()
}

fn line(line: &str) -> Option<Known> {
    let mut words = line.split_whitespace();
    let number = words.next()?.parse().ok()?;
    let venue = words.next()?;
    let venue = VenueKind::ALL.into_iter().find(|kind| kind.word() == venue);
    let (seed, hours) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let swarm = words.next()? == "swarm";
    let world = World { venue, seed, hours, swarm };
    Some(Known { number, world, invariant: words.next()?.to_owned() })
}
