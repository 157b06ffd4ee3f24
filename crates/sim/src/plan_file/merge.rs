//! Plans over plans, field by field, before they are read: a tree of tables whose values keep the text
//! they were written as.

use std::collections::BTreeMap;
use std::fmt::Write;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Tables that are one choice among several: an override replaces them whole.
const CHOICES: [&str; 4] = ["distance", "step", "exit", "only"];

/// A table of a plan, or of a part of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Tree(BTreeMap<String, Node>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Node {
    Table(Tree),
    /// Anything else, as it may stand behind `key =`.
    Value(String),
}

impl Tree {
    pub(super) fn of(table: &DeTable<'_>, source: &str) -> Self {
        let node = |value: &Spanned<DeValue<'_>>| match value.get_ref() {
            DeValue::Table(table) => Node::Table(Self::of(table, source)),
            _ => Node::Value(written(value, source)),
        };
        Self(table.iter().map(|(key, value)| (key.get_ref().to_string(), node(value))).collect())
    }

    /// This with everything that `over` says put over it.
    #[must_use]
    pub(super) fn under(mut self, over: &Self) -> Self {
        for (key, node) in &over.0 {
            let merged = match (self.0.remove(key), node) {
                (Some(Node::Table(mine)), Node::Table(theirs)) if !CHOICES.contains(&key.as_str()) => {
                    Node::Table(mine.under(theirs))
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
        self.0.insert(key.to_owned(), Node::Value(value.to_owned()));
        self
    }

    /// The tree as TOML.
    #[must_use]
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for (key, node) in &self.0 {
            let value = match node {
                Node::Value(value) => value.clone(),
                Node::Table(tree) => tree.inline(),
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
                    Node::Value(value) => value.clone(),
                    Node::Table(tree) => tree.inline(),
                };
                format!("{} = {value}", quoted_key(key))
            })
            .collect();
        format!("{{ {} }}", fields.join(", "))
    }
}

/// A value as it stands in its source; arrays and the tables in them are put together again.
fn written(value: &Spanned<DeValue<'_>>, source: &str) -> String {
    match value.get_ref() {
        DeValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| written(item, source)).collect();
            format!("[{}]", items.join(", "))
        }
        DeValue::Table(table) => Tree::of(table, source).inline(),
        _ => source.get(value.span()).unwrap_or_default().to_owned(),
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
        Tree::of(DeTable::parse(text).expect("TOML").get_ref(), text)
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
        assert_eq!(tree(&tree(text).text()), tree(text));
        assert_eq!(
            tree(&format!("t = {}", quoted("a\"\\\n\u{1}b"))),
            tree("t = \"a\\\"\\\\\\u000A\\u0001b\"")
        );
    }
}
