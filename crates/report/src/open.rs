//! A position that is still open where the prices end, and what it is worth there.

use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Money, Price, Qty, fixed};
use ripcord_core::view::PositionView;

/// A position that is still open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRow {
    /// Its name.
    pub position_id: String,
    /// The venue's symbol.
    pub symbol: String,
    /// The strategy that opened it.
    pub strategy: Option<String>,
    /// Long or short.
    pub side: Side,
    /// Quantity held.
    pub qty: Qty,
    /// Average entry.
    pub entry: Price,
    /// The last price of the side that it would trade against; none when none came.
    pub price: Option<Price>,
    /// The tightest stop.
    pub stop: Option<Price>,
    /// Gross profit of what is held, at the last price. No fee, no funding and no realised leg is in it.
    pub unrealised: Option<Money>,
    price_decimals: u8,
    qty_decimals: u8,
}

impl OpenRow {
    /// The row of a position.
    #[must_use]
    pub fn of(view: &PositionView, instrument: &Instrument, id: &str, strategy: Option<&str>) -> Self {
        Self {
            position_id: id.to_owned(),
            symbol: instrument.symbol.clone(),
            strategy: strategy.map(str::to_owned),
            side: view.side,
            qty: view.qty,
            entry: view.entry,
            price: view.price,
            stop: view.effective_stop,
            unrealised: view.unrealised,
            price_decimals: instrument.price_decimals,
            qty_decimals: instrument.qty_decimals,
        }
    }

    /// A price with the decimals of the instrument.
    #[must_use]
    pub fn price_text(&self, price: Price) -> String {
        fixed(i128::from(price.0), self.price_decimals).to_string()
    }

    /// The quantity with the decimals of the instrument.
    #[must_use]
    pub fn qty_text(&self) -> String {
        fixed(i128::from(self.qty.0), self.qty_decimals).to_string()
    }
}

/// The sum of what open positions are worth; positions without a price count nothing.
#[must_use]
pub fn unrealised(rows: &[OpenRow]) -> Money {
    rows.iter().filter_map(|row| row.unrealised).fold(Money::ZERO, |sum, money| sum + money)
}
