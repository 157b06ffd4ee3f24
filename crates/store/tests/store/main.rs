//! The store from outside: what it keeps, what it refuses, what it says.

mod basics;
mod crash;
mod faults;
mod support;
mod vfs;
