//! A serde reader over parsed TOML that hands numbers on as they are written, and knows the place
//! and the path of what is refused.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeArray, DeString, DeTable, DeValue};

/// A value and where it stands.
#[derive(Clone)]
pub(super) struct Exact<'a> {
    node: Node<'a>,
    span: Range<usize>,
    /// Its field, from the top.
    path: String,
    text: Text<'a>,
}

/// What a reader reads.
#[derive(Clone, Copy)]
struct Text<'a> {
    source: &'a str,
    /// Fields that are read as if they were not there.
    skipped: &'a BTreeSet<String>,
}

#[derive(Clone, Copy)]
enum Node<'a> {
    Value(&'a DeValue<'a>),
    Table(&'a DeTable<'a>),
}

/// Why a value is refused; its path grows on the way out.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) field: String,
    pub(super) span: Option<Range<usize>>,
    pub(super) what: String,
    pub(super) kind: Refused,
}

/// What is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refused {
    /// A field that nobody knows.
    Unknown,
    /// That a field is not there.
    Missing,
    /// The value of a field.
    Value,
}

impl<'a> Exact<'a> {
    /// A table without the fields `skipped`, which are paths from its top.
    pub(super) fn table(
        table: &'a Spanned<DeTable<'a>>,
        source: &'a str,
        skipped: &'a BTreeSet<String>,
    ) -> Self {
        let text = Text { source, skipped };
        Self { node: Node::Table(table.get_ref()), span: table.span(), path: String::new(), text }
    }

    fn value(value: &'a Spanned<DeValue<'a>>, path: String, text: Text<'a>) -> Self {
        let node = match value.get_ref() {
            DeValue::Table(table) => Node::Table(table),
            other => Node::Value(other),
        };
        Self { node, span: value.span(), path, text }
    }

    /// The value as it is written, cut when long.
    fn written(&self) -> String {
        const CHARS_MAX: usize = 48;
        let text = self.text.source.get(self.span.clone()).unwrap_or_default();
        let line = text.lines().next().unwrap_or_default();
        let cut: String = line.chars().take(CHARS_MAX).collect();
        if cut.len() < text.trim_end().len() { format!("{cut}...") } else { cut }
    }

    fn is_float(&self) -> bool {
        matches!(self.node, Node::Value(DeValue::Float(_)))
    }

    /// Adds value and place to a refusal that has none yet.
    fn placed(&self, mut refusal: Refusal) -> Refusal {
        if refusal.span.is_none() {
            refusal.span = Some(self.span.clone());
            if refusal.field.is_empty() {
                refusal.what = format!("is {}: {}", self.written(), refusal.what);
            }
        }
        refusal
    }

    fn not_whole(&self) -> Refusal {
        self.placed(Refusal::because("must be a whole number"))
    }
}

impl Refusal {
    fn because(what: impl fmt::Display) -> Self {
        Self { field: String::new(), span: None, what: what.to_string(), kind: Refused::Value }
    }

    fn under(mut self, key: &str) -> Self {
        self.field = joined(key, &self.field);
        self
    }
}

/// A path and what comes behind it.
fn joined(path: &str, rest: &str) -> String {
    let link = if path.is_empty() || rest.is_empty() || rest.starts_with('[') { "" } else { "." };
    format!("{path}{link}{rest}")
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.field, self.what)
    }
}

impl std::error::Error for Refusal {}

impl de::Error for Refusal {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self::because(what)
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::because(format_args!("must be {}", wanted(expected)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::because(format_args!("must be {}", wanted(expected)))
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::because(format_args!("must be one of {}", known.join(", ")))
    }

    fn unknown_field(_: &str, known: &'static [&'static str]) -> Self {
        let what = format_args!("is not known; known here are {}", known.join(", "));
        Self { kind: Refused::Unknown, ..Self::because(what) }
    }

    fn missing_field(field: &'static str) -> Self {
        let what = "is missing; it must be given";
        Self { field: field.to_owned(), kind: Refused::Missing, ..Self::because(what) }
    }
}

/// What serde expects, in the words of the person who writes the file.
fn wanted(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u8" => "a whole number from 0 to 255".to_owned(),
        "u16" => "a whole number from 0 to 65535".to_owned(),
        "u32" => "a whole number from 0 to 4294967295".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list, [ .. ]".to_owned(),
        "a string" => "text in quotes".to_owned(),
        "struct DistanceSpec" => {
            "a table: { fraction = 0.02 }, { price = 150 } or { atr = 1.8, fraction = 0.02 }".to_owned()
        }
        "struct LossLimitSpec" => "a table such as { fraction = 0.05 }".to_owned(),
        "struct StopLossSpec" | "struct TrailingSpec" => {
            "a table such as { distance = { fraction = 0.02 } }".to_owned()
        }
        _ if text.starts_with("struct ") => "a table, { .. }".to_owned(),
        _ if text.starts_with("a decimal number") => "a decimal number such as 0.025".to_owned(),
        _ => text,
    }
}

impl<'de> Deserializer<'de> for Exact<'_> {
    type Error = Refusal;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        let (path, text) = (&self.path, self.text);
        let value = match self.node {
            Node::Table(table) => {
                visitor.visit_map(Fields { entries: table.iter(), value: None, path, text })
            }
            Node::Value(DeValue::String(string)) => visitor.visit_str(string),
            Node::Value(DeValue::Float(float)) => visitor.visit_str(float.as_str()),
            Node::Value(DeValue::Integer(integer)) => {
                match i64::from_str_radix(integer.as_str(), integer.radix()) {
                    Ok(value) => visitor.visit_i64(value),
                    Err(_) => Err(Refusal::because("is a whole number beyond 9223372036854775807")),
                }
            }
            Node::Value(DeValue::Boolean(value)) => visitor.visit_bool(*value),
            Node::Value(DeValue::Array(array)) => visitor.visit_seq(Items::new(array, path, text)),
            Node::Value(DeValue::Datetime(_)) => Err(Refusal::because("nothing here is a date")),
            Node::Value(DeValue::Table(_)) => unreachable!("a table is its own kind of node"),
        };
        value.map_err(|refusal| self.placed(refusal))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if self.is_float() {
            return Err(self.placed(Refusal::because("must be text in quotes")));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if self.is_float() { Err(self.not_whole()) } else { self.deserialize_any(visitor) }
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if self.is_float() { Err(self.not_whole()) } else { self.deserialize_any(visitor) }
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Refusal> {
        if self.is_float() { Err(self.not_whole()) } else { self.deserialize_any(visitor) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        known: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let chosen = match self.node {
            Node::Value(DeValue::String(name)) => visitor.visit_enum(Choice { name, inner: None }),
            Node::Table(table) if table.len() == 1 => {
                let (key, value) = table.iter().next().expect("one entry");
                let inner = Some(Exact::value(value, joined(&self.path, key.get_ref()), self.text));
                visitor.visit_enum(Choice { name: key.get_ref(), inner })
            }
            Node::Value(_) | Node::Table(_) => {
                Err(Refusal::because(format_args!("must be one of {}", known.join(", "))))
            }
        };
        chosen.map_err(|refusal| self.placed(refusal))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u64 u128 f32 f64 char str bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

/// The entries of a table.
struct Fields<'a, 'p, I> {
    entries: I,
    value: Option<(&'a str, Exact<'a>)>,
    path: &'p str,
    text: Text<'a>,
}

impl<'a, 'de, I> MapAccess<'de> for Fields<'a, '_, I>
where
    I: Iterator<Item = (&'a Spanned<DeString<'a>>, &'a Spanned<DeValue<'a>>)>,
{
    type Error = Refusal;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Refusal> {
        let (key, value, path) = loop {
            let Some((key, value)) = self.entries.next() else { return Ok(None) };
            let path = joined(self.path, key.get_ref());
            if !self.text.skipped.contains(&path) {
                break (key, value, path);
            }
        };
        let name = key.get_ref().as_ref();
        self.value = Some((name, Exact::value(value, path, self.text)));
        let reader: StrDeserializer<'_, Refusal> = name.into_deserializer();
        seed.deserialize(reader).map(Some).map_err(|refusal| {
            let span = Some(key.span());
            Refusal { span, ..refusal }.under(name)
        })
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Refusal> {
        let (name, value) = self.value.take().expect("serde asks for a key first");
        seed.deserialize(value.clone()).map_err(|refusal| value.placed(refusal).under(name))
    }
}

/// The items of a list.
struct Items<'a, 'p> {
    items: std::iter::Enumerate<std::slice::Iter<'a, Spanned<DeValue<'a>>>>,
    path: &'p str,
    text: Text<'a>,
}

impl<'a, 'p> Items<'a, 'p> {
    fn new(array: &'a DeArray<'a>, path: &'p str, text: Text<'a>) -> Self {
        Self { items: array.iter().enumerate(), path, text }
    }
}

impl<'de> SeqAccess<'de> for Items<'_, '_> {
    type Error = Refusal;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Refusal> {
        let Some((index, item)) = self.items.next() else { return Ok(None) };
        let value = Exact::value(item, joined(self.path, &format!("[{index}]")), self.text);
        seed.deserialize(value.clone())
            .map(Some)
            .map_err(|refusal| value.placed(refusal).under(&format!("[{index}]")))
    }
}

/// One variant of an enum, with what belongs to it.
struct Choice<'a> {
    name: &'a str,
    inner: Option<Exact<'a>>,
}

impl<'de> EnumAccess<'de> for Choice<'_> {
    type Error = Refusal;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Refusal> {
        let reader: StrDeserializer<'_, Refusal> = self.name.into_deserializer();
        Ok((seed.deserialize(reader)?, self))
    }
}

impl<'de> VariantAccess<'de> for Choice<'_> {
    type Error = Refusal;

    fn unit_variant(self) -> Result<(), Refusal> {
        match self.inner {
            None => Ok(()),
            Some(inner) => Err(inner
                .placed(Refusal::because(format_args!("write \"{}\" alone, it takes no values", self.name)))
                .under(self.name)),
        }
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Refusal> {
        let (name, inner) = self.with_values()?;
        seed.deserialize(inner.clone()).map_err(|refusal| inner.placed(refusal).under(name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Refusal> {
        let (name, inner) = self.with_values()?;
        inner.deserialize_any(visitor).map_err(|refusal| refusal.under(name))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Refusal> {
        let (name, inner) = self.with_values()?;
        inner.deserialize_any(visitor).map_err(|refusal| refusal.under(name))
    }
}

impl<'a> Choice<'a> {
    fn with_values(self) -> Result<(&'a str, Exact<'a>), Refusal> {
        let name = self.name;
        self.inner
            .map(|inner| (name, inner))
            .ok_or_else(|| Refusal::because(format_args!("needs values: write {{ {name} = {{ .. }} }}")))
    }
}
