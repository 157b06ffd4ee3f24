//! The store from outside: what it keeps, what it refuses, what it says.

mod basics;
mod support;
