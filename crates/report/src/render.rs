//! Rows, summaries and stories for people and for programs.

pub mod json;
pub mod picture;
pub mod story;
pub mod story_json;
pub mod table;
mod words;

pub(crate) use words::utc;
