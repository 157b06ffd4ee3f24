//! The same fields in JSON: a list of objects, or an object with `instruments` or (what Binance
//! answers to `exchangeInfo`) `symbols`. Numbers keep their digits: values stay raw text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Faults;
use super::cells::{Cell, Cells, KNOWN, VERSION, unknown};
use super::exchange_info;

/// Whether text that begins with `[` is a JSON list rather than TOML.
pub(super) fn is_list(text: &str) -> bool {
    serde_json::from_str::<Vec<&RawValue>>(text).is_ok()
}

pub(super) fn rows(text: &str, faults: &mut Faults<'_>) -> Vec<Cells> {
    if let Ok(list) = serde_json::from_str::<Vec<&RawValue>>(text) {
        return own(&list, text, faults);
    }
    let root: Object<'_> = match serde_json::from_str(text) {
        Ok(root) => root,
        Err(error) => {
            let at = byte_at(text, error.line(), error.column());
            faults.add(at, format!("not JSON: {error}"));
            return Vec::new();
        }
    };
    if let Some(symbols) = root.get("symbols") {
        return list(symbols, text, faults)
            .map_or_else(Vec::new, |list| exchange_info::rows(&list, text, faults));
    }
    let mut rows = Vec::new();
    for (name, value) in &root.0 {
        match name.as_str() {
            "instruments" => {
                if let Some(list) = list(value, text, faults) {
                    rows = own(&list, text, faults);
                }
            }
            "version" if value.get() == VERSION => {}
            "version" => faults.add(place(value, text), format!("version must be {VERSION}")),
            name => faults.add(place(value, text), format!("{name} is not known here; known are version, instruments, and symbols of Binance's exchangeInfo")),
        }
    }
    rows
}

fn list<'a>(value: &'a RawValue, text: &str, faults: &mut Faults<'_>) -> Option<Vec<&'a RawValue>> {
    let list = serde_json::from_str(value.get());
    list.map_err(|_| faults.add(place(value, text), "must be a list, [ .. ]".to_owned())).ok()
}

fn own(list: &[&RawValue], text: &str, faults: &mut Faults<'_>) -> Vec<Cells> {
    let mut rows = Vec::with_capacity(list.len());
    for value in list {
        let at = place(value, text);
        let Ok(object) = serde_json::from_str::<Object<'_>>(value.get()) else {
            faults.add(at, "an instrument is an object, { .. }".to_owned());
            continue;
        };
        let mut cells = Cells::new(at);
        for (name, value) in &object.0 {
            match cell(value, text) {
                _ if !KNOWN.contains(&name.as_str()) => faults.add(place(value, text), unknown(name)),
                _ if cells.get(name).is_some() => {
                    faults.add(place(value, text), format!("{name} is given twice"))
                }
                Some(cell) => cells.push(name, cell),
                None => faults.add(
                    place(value, text),
                    format!("{name} is {}; it must be a number or text", value.get()),
                ),
            }
        }
        rows.push(cells);
    }
    rows
}

/// A number or text with its place; `None` for anything else.
pub(super) fn cell(value: &RawValue, text: &str) -> Option<Cell> {
    let at = place(value, text);
    match value.get().as_bytes().first()? {
        b'"' => {
            let inner: String = serde_json::from_str(value.get()).ok()?;
            Some(Cell { text: inner, is_text: true, at })
        }
        b'-' | b'0'..=b'9' => Some(Cell { text: value.get().to_owned(), is_text: false, at }),
        _ => None,
    }
}

/// Where a raw value, which is a part of `text`, begins.
pub(super) fn place(value: &RawValue, text: &str) -> usize {
    (value.get().as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// An object with its fields in file order, values raw.
pub(super) struct Object<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Object<'a> {
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| *value)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Object<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object, { .. }")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Object<'de>, M::Error> {
                let mut fields = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, &'de RawValue>()? {
                    fields.push((name, value));
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

fn byte_at(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    (before + column.saturating_sub(1)).min(text.len())
}
