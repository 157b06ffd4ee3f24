//! Instruments: the venue's own rules for prices and quantities, versioned.

use crate::planted::planted;
use serde::{Deserialize, Serialize};

use crate::num::{MONEY_DECIMALS, Money, Price, Qty, Round, round_to_multiple};

/// Which way a position gains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// Gains when the price rises; closed by selling.
    Long,
    /// Gains when the price falls; closed by buying.
    Short,
}

impl Side {
    /// +1 for long, -1 for short: multiplies a price move into a gain.
    #[must_use]
    pub const fn sign(self) -> i64 {
        match self {
            Self::Long => 1,
            Self::Short => -1,
        }
    }

    /// The rounding that moves a level of this side to the earlier exit when it protects (a stop):
    /// up for longs, down for shorts.
    #[must_use]
    pub const fn toward_earlier_stop(self) -> Round {
        match self {
            Self::Long => Round::Up,
            Self::Short => Round::Down,
        }
    }

    /// The word used in files and texts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Long => "long",
            Self::Short => "short",
        }
    }
}

/// What keeps the orders of a market from selling more than is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarketKind {
    /// Orders are reduce-only: the venue caps what they close together.
    #[default]
    Futures,
    /// An order locks the coins that it would sell, and another for the same coins is refused.
    Spot,
}

/// The rules of a market, as its venue states them. A finer tick makes a new version: prices of
/// different versions are never compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instrument {
    /// The venue's own symbol.
    pub symbol: String,
    /// Counts changes of scale or filters, from 1.
    pub version: u16,
    /// Decimal places of a stored [`Price`]; covers tick, mark and index prices.
    pub price_decimals: u8,
    /// Decimal places of a stored [`Qty`]; covers the lot size.
    pub qty_decimals: u8,
    /// Smallest price step of an order, in price units; at least 1.
    pub tick_size: Price,
    /// Smallest quantity step of an order, in quantity units; at least 1.
    pub lot_size: Qty,
    /// Smallest quantity of an order; 0 when the venue has none.
    pub qty_min: Qty,
    /// Smallest value of an order that is not reduce-only; 0 when the venue has none.
    pub notional_min: Money,
    /// What keeps orders from selling more than is held.
    #[serde(default)]
    pub kind: MarketKind,
    /// Largest quantity of an order at the market; 0 when the venue has none.
    #[serde(default)]
    pub market_qty_max: Qty,
}

/// Why an instrument definition is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InstrumentError {
    /// Products of price and quantity would not be exact.
    #[error(
        "{symbol}: price_decimals {price} plus qty_decimals {qty} is more than {MONEY_DECIMALS}; give fewer decimals"
    )]
    TooManyDecimals {
        /// The instrument.
        symbol: String,
        /// Its price decimals.
        price: u8,
        /// Its quantity decimals.
        qty: u8,
    },
    /// A step that is not positive.
    #[error("{symbol}: {field} is {value}; it must be greater than 0")]
    NotPositive {
        /// The instrument.
        symbol: String,
        /// The field.
        field: &'static str,
        /// Its value, in scaled units.
        value: i64,
    },
    /// Nothing could be sold at the market.
    #[error(
        "{symbol}: market_qty_max is {value}, which is less than the smallest order; give at least one lot, or 0 for no limit"
    )]
    MarketQtyMax {
        /// The instrument.
        symbol: String,
        /// Its value, in scaled units.
        value: i64,
    },
}

/// 10^16 of the quote currency.
const VALUE_MAX: i128 = 10_i128.pow(16 + MONEY_DECIMALS as u32);

impl Instrument {
    /// An instrument whose tick and lot are one unit of the given decimals, without minimums.
    #[must_use]
    pub fn from_decimals(symbol: &str, price_decimals: u8, qty_decimals: u8) -> Self {
        Self {
            symbol: symbol.to_owned(),
            version: 1,
            price_decimals,
            qty_decimals,
            tick_size: Price(1),
            lot_size: Qty(1),
            qty_min: Qty(0),
            notional_min: Money::ZERO,
            kind: MarketKind::default(),
            market_qty_max: Qty(0),
        }
    }

    /// Refuses what cannot be computed with.
    pub fn validate(&self) -> Result<(), InstrumentError> {
        if u16::from(self.price_decimals) + u16::from(self.qty_decimals) > u16::from(MONEY_DECIMALS) {
            return Err(InstrumentError::TooManyDecimals {
                symbol: self.symbol.clone(),
                price: self.price_decimals,
                qty: self.qty_decimals,
            });
        }
        for (field, value) in [("tick_size", self.tick_size.0), ("lot_size", self.lot_size.0)] {
            if value <= 0 {
                return Err(InstrumentError::NotPositive { symbol: self.symbol.clone(), field, value });
            }
        }
        let max = self.market_qty_max;
        if max.0 != 0 && (max < self.lot_size || max < self.qty_min) {
            return Err(InstrumentError::MarketQtyMax { symbol: self.symbol.clone(), value: max.0 });
        }
        Ok(())
    }

    /// `price x qty` as money; exact.
    #[must_use]
    pub fn notional(&self, price: Price, qty: Qty) -> Money {
        Money(i128::from(price.0) * i128::from(qty.0) * self.money_per_unit())
    }

    /// Whether a position is too large to be computed with: its value may grow a thousandfold and
    /// still be exact. The bound is 10^16 of the quote currency.
    #[must_use]
    pub fn is_too_large(&self, price: Price, qty: Qty) -> bool {
        let value = i128::from(price.0) * i128::from(qty.0);
        !price.is_sound() || value.checked_mul(self.money_per_unit()).is_none_or(|value| value > VALUE_MAX)
    }

    /// Money in one unit of price times one unit of quantity.
    #[must_use]
    pub fn money_per_unit(&self) -> i128 {
        10_i128.pow(u32::from(MONEY_DECIMALS - self.price_decimals - self.qty_decimals))
    }

    /// `price` on the tick grid.
    #[must_use]
    pub fn round_to_tick(&self, price: Price, round: Round) -> Price {
        Price(round_to_multiple(price.0, self.tick_size.0, round))
    }

    /// `qty` cut down to the lot grid: exits are never made larger.
    #[must_use]
    pub fn floor_to_lot(&self, qty: Qty) -> Qty {
        let round = if planted(84) { Round::Up } else { Round::Down };
        Qty(round_to_multiple(qty.0, self.lot_size.0, round))
    }

    /// What one order at the market can close: no more than the venue's largest order.
    #[must_use]
    pub fn at_market(&self, qty: Qty) -> Qty {
        if self.market_qty_max.0 == 0 || planted(113) {
            qty
        } else {
            qty.min(self.floor_to_lot(self.market_qty_max))
        }
    }

    /// What an order can close of `qty`: whole lots, and nothing below the smallest order.
    #[must_use]
    pub fn closable(&self, qty: Qty) -> Qty {
        let lots = self.floor_to_lot(qty);
        if lots < self.qty_min { Qty(0) } else { lots }
    }
}
