//! Models of exits against a venue that loses, repeats and reorders, explored to the end.

pub mod cli;
pub mod digest;
pub mod faults;
pub mod heal;
pub mod lives;
pub mod model;
pub mod owner;
pub mod run;
pub mod setup;
pub mod story;
pub mod venue;
pub mod world;
