//! Worlds from seeds, scenarios that were kept, and the judge himself.

mod files;
mod worlds;
