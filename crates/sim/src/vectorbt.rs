//! The price that vectorbt would report for an exit: a double-precision product, not on the tick grid.
//!
//! Only the reported price is a float, and only under the `vectorbt` candle policy; which candle
//! exits, and why, was decided in integers before.

use ripcord_core::event::ProbeFill;
use ripcord_core::num::{Decimal, Price};
use ripcord_core::plan::PlanSpec;
use ripcord_core::reason::Reason;

use crate::replay::ExitFill;

/// The float price of an exit, as its shortest exact text; `None` when it was filled at a price of the candle.
#[must_use]
pub fn exit_price(exit: &ExitFill, plan: &PlanSpec, entry: Price, decimals: u8) -> Option<String> {
    if exit.probe.fill != ProbeFill::Level {
        return None;
    }
    let sign = exit.filled.id.episode.key.side.sign() as f64;
    let double = |price: Price| price.0 as f64 / 10_f64.powi(i32::from(decimals));
    let (base, share, direction) = match exit.filled.reason {
        Reason::StopLoss => (entry, plan.stop_loss.as_ref()?.distance.fraction?, -sign),
        Reason::TrailingStop => {
            (exit.decided.as_ref()?.best?, plan.trailing.as_ref()?.distance.fraction?, -sign)
        }
        Reason::TakeProfit => (entry, plan.ladder.as_ref()?.legs.first()?.at?, sign),
        Reason::PanicClose
        | Reason::Manual
        | Reason::HardStop
        | Reason::LossGuard
        | Reason::SoftStop
        | Reason::SignalExit
        | Reason::TimeLimit
        | Reason::ProtectionFailed
        | Reason::Liquidation
        | Reason::Adl
        | Reason::Settlement
        | Reason::Unknown => return None,
    };
    Some(format!("{}", double(base) * (1.0 + direction * fraction(share))))
}

/// The double nearest to a decimal.
fn fraction(value: Decimal) -> f64 {
    value.to_string().parse().unwrap_or(f64::NAN)
}
