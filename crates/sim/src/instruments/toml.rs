//! `[[instruments]]` in TOML, numbers as text or as they are written.

use toml::de::{DeTable, DeValue};

use super::Faults;
use super::cells::{Cell, Cells, KNOWN, VERSION, unknown};

pub(super) fn rows(text: &str, faults: &mut Faults<'_>) -> Vec<Cells> {
    let table = match DeTable::parse(text) {
        Ok(table) => table.into_inner(),
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            faults.add(at, format!("neither TOML nor JSON: {}", error.message()));
            return Vec::new();
        }
    };
    let mut rows = Vec::new();
    for (name, value) in &table {
        match (name.get_ref().as_ref(), value.get_ref()) {
            ("instruments", DeValue::Array(list)) => {
                for item in list {
                    match item.get_ref() {
                        DeValue::Table(fields) => rows.push(cells(item.span().start, fields, faults)),
                        other => {
                            let what = format!("an instrument is a table, not {}", other.type_str());
                            faults.add(item.span().start, what);
                        }
                    }
                }
            }
            ("version", DeValue::Integer(version)) if version.as_str() == VERSION => {}
            ("version", _) => faults.add(value.span().start, format!("version must be {VERSION}")),
            (name, _) => faults.add(
                value.span().start,
                format!("{name} is not known here; write one [[instruments]] table for each instrument"),
            ),
        }
    }
    rows
}

fn cells(at: usize, fields: &DeTable<'_>, faults: &mut Faults<'_>) -> Cells {
    let mut cells = Cells::new(at);
    for (name, value) in fields {
        let at = value.span().start;
        let (text, is_text) = match value.get_ref() {
            DeValue::String(text) => (text.to_string(), true),
            DeValue::Integer(number) => (number.to_string(), false),
            DeValue::Float(number) => (number.as_str().to_owned(), false),
            other => {
                faults.add(
                    at,
                    format!("{} is {}; it must be a number or text", name.get_ref(), other.type_str()),
                );
                continue;
            }
        };
        if KNOWN.contains(&name.get_ref().as_ref()) {
            cells.push(name.get_ref(), Cell { text, is_text, at });
        } else {
            faults.add(name.span().start, unknown(name.get_ref()));
        }
    }
    cells
}
