//! The journal from outside: its bytes, its chain, and what is rebuilt from it.

mod chain;
mod foreign;
mod formats;
mod lists;
mod orders;
mod rebuild;
mod samples;
mod world;
