//! The ledger at its door: facts in, rows out.

mod incidents;
mod money;
mod order_of_arrival;
mod tables;
