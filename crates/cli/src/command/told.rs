//! The answer to a command, for people.

use std::fmt::Write as _;

use serde_json::Value;

/// Whether everything that was asked for is done or under way.
pub(super) fn is_whole(answer: &Value) -> bool {
    let is_done = |of: &Value| of["why"].is_null();
    positions(answer).iter().all(is_done) && list(&answer["accounts"]).iter().all(is_done)
}

/// What followed.
pub(super) fn text(answer: &Value) -> String {
    let mut text = format!("{}\n", word(&answer["text"]));
    for position in positions(answer) {
        let outcome = word(&position["outcome"]).replace('_', " ");
        write!(text, "  {}: {outcome}, {}", word(&position["id"]), word(&position["qty"])).expect("text");
        let orders: Vec<String> = position["orders"].as_array().into_iter().flatten().map(word).collect();
        if !orders.is_empty() {
            write!(text, ", by {}", orders.join(", ")).expect("text");
        }
        if position["why"].is_string() {
            write!(text, ": {}", word(&position["why"])).expect("text");
        }
        text.push('\n');
    }
    let journal = &answer["journal"];
    if let (Some(from), Some(to)) = (journal["from"].as_u64(), journal["to"].as_u64()) {
        writeln!(text, "in the journal: records {from} to {to}").expect("text");
    }
    text
}

/// Why nothing was done.
pub(super) fn refusal(answer: &Value, code: u16) -> String {
    // What the engine says stands under text, what the service says under message.
    let said = [&answer["text"], &answer["message"]].into_iter().find(|said| said.is_string());
    match (code, said) {
        (409, Some(said)) => format!("refused: {}", word(said)),
        (_, Some(said)) => word(said),
        (_, None) => format!("the service answers with {code}"),
    }
}

fn positions(answer: &Value) -> &[Value] {
    list(&answer["positions"])
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// A text of the service, without what a terminal would obey.
fn word(value: &Value) -> String {
    let text = value.as_str().unwrap_or("?");
    text.chars().filter(|letter| !letter.is_control()).collect()
}
