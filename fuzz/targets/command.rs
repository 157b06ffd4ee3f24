//! Bodies of commands: what is understood names what is there, in whole steps.

use ripcord_core::instrument::Instrument;
use ripcord_core::num::{Price, Qty};
use ripcord_service::command::parse::wish;
use ripcord_service::command::{Kind, Wish};
use ripcord_service::names::Names;

pub(crate) fn run(data: &[u8]) {
    let Some((&kind, body)) = data.split_first() else { return };
    let kind = Kind::ALL[usize::from(kind) % Kind::ALL.len()];
    let mut btc = Instrument::from_decimals("BTCUSDT", 2, 4);
    (btc.tick_size, btc.lot_size) = (Price(10), Qty(10));
    let names =
        Names { instruments: vec![btc, Instrument::from_decimals("BTC-PERP", 1, 3)], plans: Vec::new() };
    match wish(kind, body, &names) {
        Ok(wish) => {
            assert_eq!(wish.kind(), kind);
            let target = match wish {
                Wish::Close { target, qty } => {
                    let lot = names.instruments[target.instrument.0 as usize].lot_size;
                    assert!(qty.is_none_or(|qty| qty.0 > 0 && qty.0 % lot.0 == 0), "{qty:?}");
                    target
                }
                Wish::MoveStop { target, to } => {
                    let tick = names.instruments[target.instrument.0 as usize].tick_size;
                    assert!(to.0 > 0 && to.0 % tick.0 == 0, "{to:?}");
                    target
                }
                Wish::Release { target, .. } | Wish::HandOver { target } => target,
                Wish::Panic { .. } | Wish::Kill { .. } => return,
            };
            assert!((target.instrument.0 as usize) < names.instruments.len());
        }
        Err(fault) => {
            assert!(!fault.code.is_empty() && !fault.text.contains('\u{1b}'), "{fault:?}");
            assert!(fault.text.len() < 1_000, "{} bytes of error", fault.text.len());
        }
    }
}
