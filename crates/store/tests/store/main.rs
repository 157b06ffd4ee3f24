//! The store from outside: what it keeps, what it refuses, what it says.

mod basics;
mod crash;
mod damage;
mod faults;
mod gone;
mod maintain;
mod processes;
mod snapshots;
mod support;
mod vfs;
