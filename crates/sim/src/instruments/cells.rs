//! Named values of one instrument, with the place of each: what the three forms have in common.

/// Fields of the project's own form.
pub(super) const KNOWN: [&str; 9] = [
    "symbol",
    "tick_size",
    "lot_size",
    "qty_min",
    "notional_min",
    "price_decimals",
    "qty_decimals",
    "kind",
    "market_qty_max",
];

/// The version of the project's own form.
pub(super) const VERSION: &str = "1";

/// One value as it is written.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    /// Its text; without quotes when it is text.
    pub(super) text: String,
    /// Whether it was text rather than a number.
    pub(super) is_text: bool,
    /// Byte in the file.
    pub(super) at: usize,
}

/// The values of one instrument.
#[derive(Debug)]
pub(super) struct Cells {
    /// Byte in the file.
    pub(super) at: usize,
    list: Vec<(String, Cell)>,
}

impl Cells {
    pub(super) const fn new(at: usize) -> Self {
        Self { at, list: Vec::new() }
    }

    pub(super) fn push(&mut self, name: &str, cell: Cell) {
        self.list.push((name.to_owned(), cell));
    }

    pub(super) fn get(&self, name: &str) -> Option<&Cell> {
        self.list.iter().find(|(known, _)| known == name).map(|(_, cell)| cell)
    }

    pub(super) fn at_of(&self, name: &str) -> usize {
        self.get(name).map_or(self.at, |cell| cell.at)
    }
}

/// The text of a fault about a field that does not exist.
pub(super) fn unknown(name: &str) -> String {
    format!("{name} is not known; known here are {}", KNOWN.join(", "))
}
