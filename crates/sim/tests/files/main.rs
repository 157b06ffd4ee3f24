//! Files that people write: plans, instruments, positions.

mod instruments;
mod plans;
mod positions;
