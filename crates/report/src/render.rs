//! Rows and summaries for people and for programs.

pub mod json;
pub mod table;
