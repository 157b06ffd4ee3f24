//! `ripcord close`, `panic`, `kill`, `release`, `hand-over` and `move-stop`, said to a service that runs.

mod holds;
mod refused;
mod service;

use serde_json::Value;

use service::{Service, journal};

/// The exits that an answer tells, by position and reason.
fn exits(answer: &Value) -> Vec<(String, String)> {
    let followed = answer["followed"].as_array().expect("a list");
    let decided = followed.iter().filter(|fact| fact["what"] == "exit_decided");
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    decided.map(|fact| (text(&fact["position"]), text(&fact["reason"]))).collect()
}

/// The middle of two decimals of the same scale.
fn middle(one: &str, other: &str) -> String {
    let decimals = one.split_once('.').map_or(0, |(_, part)| part.len());
    let units = |text: &str| text.replace('.', "").parse::<i64>().expect("digits");
    let half = i64::midpoint(units(one), units(other)).to_string();
    let half = format!("{half:0>width$}", width = decimals + 1);
    let (whole, part) = half.split_at(half.len() - decimals);
    if decimals == 0 { half } else { format!("{whole}.{part}") }
}

#[test]
fn each_command_does_what_it_says_and_is_in_the_journal() {
    let mut service = Service::start(&["--speed", "20"]);
    let held = service.holding(3);
    let ids: Vec<String> = held.iter().map(|of| of["id"].as_str().expect("an id").to_owned()).collect();

    let (stop, price) = (held[0]["rule"]["level"].as_str(), held[0]["price"].as_str());
    let to = middle(stop.expect("a stop"), price.expect("a price"));
    let (code, answer) = service.json(&["move-stop", &ids[0], &to]);
    assert_eq!((code, &answer["followed"][0]["to"]), (Some(0), &to.as_str().into()), "{answer}");
    assert!(answer["journal"]["to"].as_u64() >= answer["journal"]["from"].as_u64());
    let (code, answer) = service.json(&["move-stop", &ids[0], stop.expect("a stop")]);
    assert_eq!((code, &answer["why"]), (Some(3), &"loosens_stop".into()), "{answer}");

    let half = middle(held[1]["held"].as_str().expect("a quantity"), "0");
    let (code, answer) = service.json(&["close", &ids[1], "--qty", &half]);
    assert_eq!((code, exits(&answer)), (Some(0), vec![(ids[1].clone(), "MANUAL".to_owned())]), "{answer}");
    let (code, answer) = service.json(&["close", &ids[1]]);
    assert_eq!((code, exits(&answer)), (Some(0), vec![(ids[1].clone(), "MANUAL".to_owned())]), "{answer}");
    assert_eq!(answer["positions"][0]["outcome"], "closing");

    let (code, answer) = service.json(&["hand-over", &ids[2]]);
    assert_eq!((code, &answer["followed"][0]["what"]), (Some(0), &"handed_over".into()), "{answer}");
    let (code, answer) = service.json(&["release", &ids[2], "--keep-stop"]);
    assert_eq!((code, &answer["followed"][0]["keeps_stop"]), (Some(0), &true.into()), "{answer}");

    let (code, answer) = service.json(&["kill", "K1"]);
    assert_eq!((code, &answer["accounts"][0]["level"]), (Some(0), &"K1".into()), "{answer}");
    let (code, answer) = service.json(&["kill", "K4", "--account", "1"]);
    assert_eq!((code, answer["accounts"].as_array().map(Vec::len)), (Some(0), Some(1)), "{answer}");
    let (code, _) = service.json(&["kill", "release"]);
    assert_eq!(code, Some(0));
    let (code, out, err) = service.say(&["panic", "--yes"]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{out}");
    assert!(out.contains("in the journal: records "), "{out}");

    service.kill();
    let store = service.store();
    let dump = journal(&["journal", "dump", &store, "--json"]);
    for command in ["move_stop", "close", "hand_over", "release", "kill", "panic"] {
        assert!(dump.contains(&format!("\"command\":{{\"{command}\"")), "no {command} in the journal");
    }
    for fact in ["stop_moved", "released", "handed_over", "kill_level", "command_refused"] {
        assert!(dump.contains(&format!("\"entry\":{{\"{fact}\"")), "no {fact} in the journal");
    }
    journal(&["journal", "verify", &store]);
    journal(&["journal", "replay", &store]);
    journal(&["ledger", "verify", &store]);
}

#[test]
fn a_second_panic_is_harmless_and_one_with_nothing_held_too() {
    // A slot of the demo rests a second of market time: long enough to look.
    let service = Service::start(&["--speed", "1", "--max-positions", "2"]);
    service.holding(2);
    let (code, first) = service.json(&["panic", "--yes"]);
    assert_eq!((code, first["positions"].as_array().map(Vec::len)), (Some(0), Some(2)), "{first}");
    assert!(exits(&first).iter().all(|(_, reason)| reason == "PANIC_CLOSE"), "{first}");
    let (code, second) = service.json(&["panic", "--yes"]);
    assert_eq!((code, &second["outcome"]), (Some(0), &"accepted".into()), "{second}");
    assert!(exits(&second).is_empty(), "{second}");
    let outcomes = second["positions"].as_array().expect("a list");
    assert!(outcomes.iter().all(|of| of["outcome"] == "already_closing"), "{second}");
    let mut third = second;
    // The venue is 50 ms away; until then the exits are under way.
    for _ in 0..50 {
        third = service.json(&["panic", "--yes"]).1;
        if third["positions"] == Value::Array(Vec::new()) {
            break;
        }
    }
    assert!(third["text"].as_str().is_some_and(|text| text.contains("nothing is held")), "{third}");
    assert_eq!((&third["journal"], &third["outcome"]), (&Value::Null, &"accepted".into()));
}

#[test]
fn people_are_asked_and_programs_say_yes() {
    let service = Service::start(&["--speed", "20"]);
    service.holding(1);
    for args in [&["panic"][..], &["kill", "K3"]] {
        let (code, out, err) = service.say(args);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{err}");
        assert!(err.contains("--yes says that it is meant"), "{err}");
    }
    let (code, _) = service.json(&["kill", "k3", "--yes", "--account", "0"]);
    assert_eq!(code, Some(0));
    // What was not sent is told as such, and not as done.
    let (code, answer) = service.json(&["panic", "--yes", "--account", "0"]);
    let held = answer["positions"].as_array().expect("a list");
    assert_eq!(code, Some(if held.is_empty() { 0 } else { 3 }), "{answer}");
}
