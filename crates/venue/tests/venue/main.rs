//! The words on the wire, and the books behind them.

mod books;
mod lines;
