//! Instrument files: tables that people write, and what a venue says of its markets.

use ripcord_core::instrument::Instrument;
use ripcord_core::num::{Price, Qty, Round};
use ripcord_sim::instruments;

pub(crate) fn run(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        look(text);
    }
}

/// The same behind the words that a venue's answer begins with, which chance would not find.
pub(crate) fn exchange_info(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        look(&format!(r#"{{"timezone":"UTC","symbols":[{text}]}}"#));
        look(&format!(r#"{{"symbols":[{{"symbol":"BTCUSDT","filters":[{text}]}}]}}"#));
    }
}

fn look(text: &str) {
    let Ok(read) = instruments::parse(text, "instruments.toml") else { return };
    assert!(!read.is_empty());
    for instrument in &read {
        instrument.validate().unwrap_or_else(|why| panic!("{why}: {instrument:?}"));
        rounds(instrument);
        for (price, qty) in [(0, 0), (8, 8), (18, 0), (19, 255)] {
            let Some(wide) = instruments::widen(instrument, price, qty) else { continue };
            wide.validate().unwrap_or_else(|why| panic!("{why}: {wide:?}"));
            assert!(wide.price_decimals >= instrument.price_decimals && wide.qty_decimals >= qty);
        }
    }
}

/// Numbers are cut to its steps, and never made larger.
fn rounds(instrument: &Instrument) {
    for number in [1, 12_345, 1 << 40] {
        let price = instrument.round_to_tick(Price(number), Round::Down);
        assert!(price.0 <= number && price.0 % instrument.tick_size.0 == 0, "{instrument:?}");
        for cut in [
            instrument.floor_to_lot(Qty(number)),
            instrument.at_market(Qty(number)),
            instrument.closable(Qty(number)),
        ] {
            assert!(0 <= cut.0 && cut.0 <= number, "{instrument:?}");
        }
        assert!(instrument.closable(Qty(number)).0 % instrument.lot_size.0 == 0, "{instrument:?}");
    }
}
