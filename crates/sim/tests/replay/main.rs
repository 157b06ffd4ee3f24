//! Replay as a whole: paces, jobs with known answers, candle policies, honest fills, real records.
//!
//! Expected exits come from loops written here for the purpose, or from tables worked out by hand;
//! nothing of the engine is asked what it ought to have done.

mod audit;
mod candles;
mod cases;
mod edges;
mod fills;
mod jobs;
mod paces;
mod positions;
mod random;
mod reads;
mod real_data;
mod resume;
mod shadow;
mod triggers;
mod trust;
mod vectorbt;
mod world;
