//! The core from outside: scenarios that read like a trader's notes, and properties against an
//! independent oracle. Everything goes through the public door.

mod adverse;
mod cases;
mod death;
mod documents;
mod garbage;
mod oracle;
mod plan_words;
mod properties;
mod protection;
mod random;
mod reconcile;
mod scenario;
mod trust;
mod venue;
mod world;
