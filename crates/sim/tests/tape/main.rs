//! Records in, tapes out: every known schema, every refusal, and the tape file itself.

mod faults;
mod file;
mod questions;
mod real;
mod schemas;
mod support;
