//! A path as a story.

use stateright::Model;

use crate::model::{Act, Exits};
use crate::world::{Told, World};

/// Tells what happened step by step, and what the core made of it.
#[must_use]
pub fn tell(model: &Exits, acts: &[Act]) -> Vec<String> {
    let mut world = World::new(&model.setup);
    let mut lines = Vec::new();
    for act in acts {
        lines.push(format!("{act:?}"));
        world.told = Some(Vec::new());
        let Some(mut next) = model.next_state(&world, *act) else { continue };
        for told in next.told.take().unwrap_or_default() {
            match told {
                Told::Record(entry) => lines.push(format!("    {:?}", entry.record)),
                Told::Action(action) => lines.push(format!("    -> {action:?}")),
            }
        }
        world = next;
    }
    lines.push(format!("fault: {:?}", world.fault));
    lines
}
