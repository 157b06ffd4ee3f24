//! Binance's `exchangeInfo`, spot and USD-M: filters of each symbol as instrument fields. Fields
//! that it does not need are ignored; the venue adds some every year.

use serde_json::value::RawValue;

use super::Faults;
use super::cells::{Cell, Cells};
use super::json::{Object, cell, place};

pub(super) fn rows(list: &[&RawValue], text: &str, faults: &mut Faults<'_>) -> Vec<Cells> {
    let mut rows = Vec::with_capacity(list.len());
    for value in list {
        let at = place(value, text);
        let Ok(symbol) = serde_json::from_str::<Object<'_>>(value.get()) else {
            faults.add(at, "a symbol is an object, { .. }".to_owned());
            continue;
        };
        let mut cells = Cells::new(at);
        if let Some(name) = symbol.get("symbol").and_then(|name| cell(name, text)) {
            cells.push("symbol", name);
        }
        // Only spot says whether spot trading is allowed.
        if let Some(allowed) = symbol.get("isSpotTradingAllowed") {
            let at = place(allowed, text);
            cells.push("kind", Cell { text: "spot".to_owned(), is_text: true, at });
        }
        let filters =
            symbol.get("filters").map(|filters| serde_json::from_str::<Vec<&RawValue>>(filters.get()));
        match filters {
            Some(Ok(filters)) => {
                for filter in filters {
                    if !read(filter, text, &mut cells) {
                        faults.add(place(filter, text), "a filter is an object with filterType".to_owned());
                    }
                }
            }
            Some(Err(_)) | None => {
                faults.add(at, "no list of filters; keep `filters` of each symbol".to_owned())
            }
        }
        rows.push(cells);
    }
    rows
}

/// Takes what one filter says; `false` when it is no filter.
fn read(filter: &RawValue, text: &str, cells: &mut Cells) -> bool {
    let Ok(filter) = serde_json::from_str::<Object<'_>>(filter.get()) else { return false };
    let value = |name: &str| filter.get(name).and_then(|value| cell(value, text));
    let Some(Cell { text: kind, .. }) = value("filterType") else { return false };
    let fields: &[(&str, &str)] = match kind.as_str() {
        "PRICE_FILTER" => &[("tickSize", "tick_size")],
        "LOT_SIZE" => &[("stepSize", "lot_size"), ("minQty", "qty_min")],
        "MARKET_LOT_SIZE" => {
            &[("stepSize", "market_lot_size"), ("minQty", "market_qty_min"), ("maxQty", "market_qty_max")]
        }
        // Futures say `notional`, spot says `minNotional`.
        "MIN_NOTIONAL" | "NOTIONAL" => &[("notional", "notional_min"), ("minNotional", "notional_min")],
        _ => &[],
    };
    for (theirs, ours) in fields {
        if let Some(cell) = value(theirs) {
            cells.push(ours, cell);
        }
    }
    true
}
