//! Files that people write: plans, instruments, positions.

mod configs;
mod instruments;
mod plans;
mod positions;
