//! The runners, grouped: each turns a case into a plan and prices, drives the core, and reads.

pub(crate) mod atr;
pub(crate) mod exits;
pub(crate) mod foreign;
pub(crate) mod formulas;
pub(crate) mod guards;
pub(crate) mod ladder;
pub(crate) mod levels;
pub(crate) mod money;
pub(crate) mod monitor;
pub(crate) mod profiles;
pub(crate) mod waiting;
