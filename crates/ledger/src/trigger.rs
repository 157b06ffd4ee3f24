//! Why an order was sent, as one JSON shape: `{"trigger": TEXT, "trigger_note": TEXT or null}`.
//!
//! What others wrote comes in many shapes: that object with more or other members, a bare word, a
//! JSON string, broken JSON. All of them end as the one shape, or as an error that says what to do.

use serde_json::{Value, json};

/// The longest trigger text that is taken, in bytes.
pub const TRIGGER_BYTES_MAX: usize = 64 * 1024;

/// Why a trigger text is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TriggerError {
    /// Nobody writes as much on purpose.
    #[error("trigger is {bytes} bytes; give at most {TRIGGER_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
}

/// The one shape.
#[must_use]
pub fn shape(trigger: &str, note: Option<&str>) -> String {
    json!({ "trigger": trigger, "trigger_note": note }).to_string()
}

/// The one shape of whatever stood there. A word stays a word; of an object the two members are
/// taken, and others are kept in the note, so that nothing is lost; what is no JSON is a word.
///
/// # Errors
/// A text that is too long.
pub fn from_foreign(text: &str) -> Result<String, TriggerError> {
    if text.len() > TRIGGER_BYTES_MAX {
        return Err(TriggerError::TooLong { bytes: text.len() });
    }
    let shaped = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(mut members)) => {
            let trigger = members.remove("trigger").map_or_else(String::new, plain);
            let note = members.remove("trigger_note").filter(|note| !note.is_null()).map(plain);
            let rest = (!members.is_empty()).then(|| Value::Object(members).to_string());
            let notes: Vec<String> = note.into_iter().chain(rest).collect();
            shape(&trigger, (!notes.is_empty()).then(|| notes.join(" ")).as_deref())
        }
        Ok(Value::String(word)) => shape(&word, None),
        // A number, a list, or no JSON at all: the text is what was meant.
        Ok(Value::Null) => shape("", None),
        Ok(Value::Bool(_) | Value::Number(_) | Value::Array(_)) | Err(_) => shape(text, None),
    };
    Ok(shaped)
}

/// The text of a member; what is no string, as JSON.
fn plain(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> (String, Option<String>) {
        let shaped = from_foreign(text).expect("short enough");
        let value: Value = serde_json::from_str(&shaped).expect("always JSON");
        assert_eq!(value.as_object().map(serde_json::Map::len), Some(2), "{shaped}");
        let word = |name: &str| value[name].as_str().map(str::to_owned);
        (word("trigger").expect("always a text"), word("trigger_note"))
    }

    #[test]
    fn every_shape_becomes_the_one_shape() {
        for (text, trigger, note) in [
            ("limit", "limit", None),
            ("\"TP\"", "TP", None),
            ("", "", None),
            ("null", "", None),
            ("42", "42", None),
            ("{\"trigger\":\"roc_buy\"}", "roc_buy", None),
            ("{\"trigger\":\"roc\",\"trigger_note\":\"5 %\"}", "roc", Some("5 %")),
            ("{\"trigger\":\"x\",\"trigger_note\":null,\"z\":1}", "x", Some("{\"z\":1}")),
            ("{\"order\":\"market\"}", "", Some("{\"order\":\"market\"}")),
            ("{\"trigger\":", "{\"trigger\":", None),
            (
                "it's \"quoted\"\n'); DROP TABLE trade_records;--",
                "it's \"quoted\"\n'); DROP TABLE trade_records;--",
                None,
            ),
            ("\u{0}\u{1f}", "\u{0}\u{1f}", None),
        ] {
            assert_eq!(parts(text), (trigger.to_owned(), note.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn a_shape_stays_as_it_is() {
        let once = from_foreign("say \"x\"\n").expect("short");
        assert_eq!(from_foreign(&once), Ok(once));
    }

    #[test]
    fn ten_megabytes_are_refused_in_words() {
        let error = from_foreign(&"x".repeat(10 << 20)).expect_err("too long");
        assert_eq!(error.to_string(), "trigger is 10485760 bytes; give at most 65536");
    }

    #[test]
    fn deep_nesting_is_a_word_and_no_overflow() {
        let deep = "[".repeat(60_000);
        assert_eq!(parts(&deep).0, deep);
    }
}
