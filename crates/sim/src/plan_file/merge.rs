//! Plans over plans, field by field, before they are read: a tree of tables whose values keep the text
//! they were written as.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::place::{Place, Places};

/// Tables that are one choice among several: an override replaces them whole.
const CHOICES: [&str; 4] = ["distance", "step", "exit", "only"];

/// A table of a plan, or of a part of one.
#[derive(Debug, Clone, Default)]
pub(super) struct Tree(BTreeMap<String, Node>);

#[derive(Debug, Clone)]
enum Node {
    /// A table, and where it is named.
    Table(Tree, Place),
    /// Anything else, as it may stand behind `key =`; the places of it and of what is in it, by the rest of
    /// their paths.
    Value(String, Vec<(String, Place)>),
}

/// The text that a tree is made from, and where it stands.
pub(super) struct Source<'a> {
    text: &'a str,
    file: Arc<str>,
    /// One place for everything: nobody can open the text at its own.
    fixed: Option<Place>,
}

impl<'a> Source<'a> {
    pub(super) fn file(text: &'a str, file: &str) -> Self {
        Self { text, file: file.into(), fixed: None }
    }

    /// A text that is built in and stands for what is written at `place`.
    pub(super) fn built_in(text: &'a str, place: Place) -> Self {
        Self { text, file: Arc::clone(&place.file), fixed: Some(place) }
    }

    pub(super) fn place(&self, offset: usize) -> Place {
        self.fixed.clone().unwrap_or_else(|| Place::of(&self.file, self.text, offset))
    }

    fn places(&self, value: &Spanned<DeValue<'_>>, path: String, found: &mut Vec<(String, Place)>) {
        match value.get_ref() {
            DeValue::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.places(item, format!("{path}[{index}]"), found);
                }
            }
            DeValue::Table(table) => {
                for (key, value) in table.iter() {
                    self.places(value, format!("{path}.{}", key.get_ref()), found);
                }
            }
            _ => {}
        }
        found.push((path, self.place(value.span().start)));
    }
}

impl Tree {
    pub(super) fn of(table: &DeTable<'_>, source: &Source<'_>) -> Self {
        let node = |key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>| match value.get_ref() {
            DeValue::Table(table) => Node::Table(Self::of(table, source), source.place(key.span().start)),
            _ => {
                let mut places = Vec::new();
                source.places(value, String::new(), &mut places);
                Node::Value(written(value, source), places)
            }
        };
        Self(table.iter().map(|(key, value)| (key.get_ref().to_string(), node(key, value))).collect())
    }

    /// Where everything in it is written. What has no place of its own has that of the whole.
    pub(super) fn places(&self, whole: Place) -> Places {
        let mut fields = BTreeMap::new();
        self.collect("", &mut fields);
        Places::new(fields, whole)
    }

    fn collect(&self, path: &str, found: &mut BTreeMap<String, Place>) {
        for (key, node) in &self.0 {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            match node {
                Node::Table(tree, place) => {
                    tree.collect(&path, found);
                    found.insert(path, place.clone());
                }
                Node::Value(_, places) => {
                    found.extend(places.iter().map(|(rest, place)| (format!("{path}{rest}"), place.clone())));
                }
            }
        }
    }

    /// This with everything that `over` says put over it.
    #[must_use]
    pub(super) fn under(mut self, over: &Self) -> Self {
        for (key, node) in &over.0 {
            let merged = match (self.0.remove(key), node) {
                (Some(Node::Table(mine, place)), Node::Table(theirs, _))
                    if !CHOICES.contains(&key.as_str()) =>
                {
                    Node::Table(mine.under(theirs), place)
                }
                (_, node) => node.clone(),
            };
            self.0.insert(key.clone(), merged);
        }
        self
    }

    /// Whether `key` is given.
    #[must_use]
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Gives `key` a value, written as TOML.
    #[must_use]
    pub(super) fn with(mut self, key: &str, value: &str) -> Self {
        self.0.insert(key.to_owned(), Node::Value(value.to_owned(), Vec::new()));
        self
    }

    /// The tree as TOML.
    #[must_use]
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (key, node) in &self.0 {
            let value = match node {
                Node::Value(value, _) => value.clone(),
                Node::Table(tree, _) => tree.inline(),
            };
            writeln!(text, "{} = {value}", quoted_key(key)).expect("text takes text");
        }
        text
    }

    fn inline(&self) -> String {
        let fields: Vec<String> = self
            .0
            .iter()
            .map(|(key, node)| {
                let value = match node {
                    Node::Value(value, _) => value.clone(),
                    Node::Table(tree, _) => tree.inline(),
                };
                format!("{} = {value}", quoted_key(key))
            })
            .collect();
        format!("{{ {} }}", fields.join(", "))
    }
}

/// A value as it stands in its source; arrays and the tables in them are put together again.
fn written(value: &Spanned<DeValue<'_>>, source: &Source<'_>) -> String {
    match value.get_ref() {
        DeValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| written(item, source)).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(table) => Tree::of(table, source).inline(),
        _ => source.text.get(value.span()).unwrap_or_default().to_owned(),
    }
}

fn quoted_key(key: &str) -> String {
    let bare =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if bare { key.to_owned() } else { quoted(key) }
}

/// A text as TOML.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => write!(out, "\\u{:04X}", u32::from(c)).expect("text takes text"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(text: &str) -> Tree {
        Tree::of(DeTable::parse(text).expect("TOML").get_ref(), &Source::file(text, "t.toml"))
    }

    #[test]
    fn fields_go_over_fields_and_choices_are_replaced_whole() {
        let base = "taker_fee = 0.00040\n[stop_loss]\ndistance = { atr = 1.8, fraction = 0.02 }\nfee = 1e-3\n[[ladder.legs]]\nclose = 0.5\nat = 0.02\n";
        let over = "stop_loss.distance.fraction = 0.03\nladder.sweep = true\n";
        assert_eq!(
            tree(base).under(&tree(over)).text(),
            "ladder = { legs = [{ at = 0.02, close = 0.5 }], sweep = true }\n\
             stop_loss = { distance = { fraction = 0.03 }, fee = 1e-3 }\n\
             taker_fee = 0.00040\n"
        );
    }

    #[test]
    fn a_tree_reads_back_as_itself() {
        let text = "name = \"a \\\"b\\\" \\\\ c\"\n\"odd key\" = 1_000.50\nlist = [1, [2, { x = true }]]\n";
        assert_eq!(tree(&tree(text).text()).text(), tree(text).text());
        assert_eq!(quoted("a\"\\\n\u{1}b"), "\"a\\\"\\\\\\u000A\\u0001b\"");
    }

    #[test]
    fn every_value_knows_its_place() {
        let text = "leverage = 5\n[stop_loss.distance]\nfraction = 0.02\n[[ladder.legs]]\nclose = 1\nat = 2\n[[ladder.legs]]\n  close = 1\n";
        let over = "ladder.of = \"initial\"\nleverage = 9\n";
        let merged = tree(text).under(&Tree::of(
            DeTable::parse(over).expect("TOML").get_ref(),
            &Source::file(over, "over.toml"),
        ));
        let places = merged.places(Place::start("whole.toml".as_ref()));
        for (field, place) in [
            ("leverage", "over.toml:2:12"),
            ("ladder.of", "over.toml:1:13"),
            ("stop_loss.distance.fraction", "t.toml:3:12"),
            ("stop_loss.distance.atr", "t.toml:2:12"),
            ("stop_loss", "t.toml:2:2"),
            ("ladder.legs[1].close", "t.toml:8:11"),
            ("ladder.legs[1].at", "t.toml:7:1"),
            ("ladder.legs[0].at", "t.toml:6:6"),
            ("hard_stop.fraction", "whole.toml:1:1"),
        ] {
            assert_eq!(places.of(field).to_string(), place, "{field}");
        }
    }
}
