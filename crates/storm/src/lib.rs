//! The storm: coordinator, journal and a simulated exchange under faults, all from one seed, with a judge
//! who shares no rule with the engine.
//!
//! A seed makes a [`Config`] and a script of what happens from outside; the world plays it. The same seed
//! gives the same trace on every machine. Start reading at `world`, then `oracle`.

#[cfg(feature = "planted")]
pub mod bugs;
mod chance;
mod config;
mod exchange;
mod fault;
mod host;
mod oracle;
mod run;
mod scenario;
mod script;
mod shrink;
mod sometimes;
mod table;
mod tale;
mod trace;
mod weather;
mod wire;
mod world;

pub use config::{Config, Market, Means, PlanOf, VenueKind};
pub use fault::{Fault, FaultKind};
pub use oracle::Violation;
pub use run::{Outcome, Totals, run, tell};
pub use scenario::{SCENARIO_VERSION, Scenario, ScenarioError};
pub use script::{Ask, Move, What};
pub use shrink::shrink;
pub use sometimes::SOMETIMES;

/// A moment of a world in seconds since it began, with milliseconds.
#[must_use]
pub fn seconds(at: ripcord_core::time::Timestamp) -> String {
    oracle::shown(at)
}
