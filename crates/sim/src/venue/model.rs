//! How the simulated venue fills: latency, fees, slippage.

use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Money, Price, Ratio, Round, round_to_multiple};
use ripcord_core::time::Span;

/// When a resting limit order is filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RestingFill {
    /// When the price trades beyond its limit: everybody before us in the queue was filled.
    #[default]
    TradedThrough,
    /// When the price touches its limit.
    Touched,
}

/// How orders are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FillModel {
    /// From us to the venue, and the same back.
    pub latency: Span,
    /// How much worse than the market a market order is filled, as a share of the price.
    pub slippage: Ratio,
    /// Fee of orders that take liquidity.
    pub taker_fee: Ratio,
    /// Fee of orders that rested.
    pub maker_fee: Ratio,
    /// When a resting limit order is filled.
    pub resting: RestingFill,
}

impl FillModel {
    /// The default: 50 ms each way, 1 bp slippage, 5 bp taker and 2 bp maker fee (Binance USD-M,
    /// lowest tier), and limits filled only when traded through.
    pub const HONEST: Self = Self {
        latency: Span::from_millis(50),
        slippage: Ratio::from_bps(1),
        taker_fee: Ratio::from_bps(5),
        maker_fee: Ratio::from_bps(2),
        resting: RestingFill::TradedThrough,
    };

    /// No latency, no costs: a market exit fills at the price that fired it, a resting target at
    /// its level when it is touched. For comparing rules, not for believing results.
    pub const TAPE: Self = Self {
        latency: Span::ZERO,
        slippage: Ratio::ZERO,
        taker_fee: Ratio::ZERO,
        maker_fee: Ratio::ZERO,
        resting: RestingFill::Touched,
    };

    /// The price at which an exit of `side` takes liquidity when the market is at `market`: worse
    /// by the slippage, on the tick grid, at least one tick.
    #[must_use]
    pub fn taken_at(&self, side: Side, market: Price, instrument: &Instrument) -> Price {
        if self.slippage.0 == 0 {
            return market;
        }
        let worse = market.0 - side.sign() * self.slippage.of(market.0, Round::Up);
        let round = match side {
            Side::Long => Round::Down,
            Side::Short => Round::Up,
        };
        Price(round_to_multiple(worse, instrument.tick_size.0, round).max(instrument.tick_size.0))
    }

    /// A fee, rounded up: against us.
    #[must_use]
    pub fn fee(notional: Money, rate: Ratio) -> Money {
        notional.times(rate, Round::Up)
    }
}
