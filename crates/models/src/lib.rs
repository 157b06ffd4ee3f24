//! Models of exits against a venue that loses, repeats and reorders, explored to the end.
//!
//! `cargo xtask models` starts them; docs/models.md says what they mean. The rules are the core's own:
//! nothing here decides an exit. Start reading at [`setup`] (what is modelled), then [`world`] (a state),
//! [`model`] (what may happen next), [`faults`] and [`heal`] (what must hold).

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
