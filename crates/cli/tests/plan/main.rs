//! The commands `plan` and `check`, and profiles in `replay`, with the real binary.

#[path = "../replay/support.rs"]
#[allow(dead_code, reason = "the tests of replay use the rest of it")]
mod support;

mod check;
mod json;
mod places;
mod plans;
mod profiles;
