//! `ripcord plan`: list, show, resolve.

use super::support::Folder;

const CONFIG: &str = r#"
version = 1

[defaults]
taker_fee = 0.0004

[[profile]]
name = "rest"
plan = "preset:exit-monitor"

[[profile]]
name = "btc"
instrument = "BTCUSDT"
plan = "preset:exit-brain"
overrides = { leverage = 20, loss_guard = { basis = "margin", fraction = 0.5 } }

[[profile]]
name = "momentum"
strategy = "momentum"
plan = { stop_loss = { distance = { fraction = 0.01 } } }
"#;

fn folder() -> Folder {
    let folder = Folder::new();
    folder.write("c.toml", CONFIG);
    folder
}

#[test]
fn the_list_has_profiles_and_presets() {
    let ran = folder().run(&["plan", "list", "--config", "c.toml"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let names: Vec<&str> = ran.out.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(names[..3], ["rest", "btc", "momentum"]);
    for preset in ["preset:bottrader", "preset:exit-brain", "preset:exit-monitor"] {
        assert!(names.contains(&preset), "{names:?}");
    }
    let ran = folder().run(&["plan", "list", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(value["presets"][0]["name"], "bottrader");
}

#[test]
fn what_is_shown_is_a_plan_file_that_shows_as_itself() {
    let folder = folder();
    for name in ["bottrader", "preset:exit-brain", "btc", "momentum"] {
        let ran = folder.run(&["plan", "show", name, "--config", "c.toml"]);
        assert_eq!(ran.code, 0, "{ran:?}");
        folder.write("shown.toml", &ran.out);
        assert_eq!(folder.run(&["plan", "show", "shown.toml"]).out, ran.out, "{name}");
    }
    let ran = folder.run(&["plan", "show", "btc", "--config", "c.toml"]);
    for line in
        ["name = \"btc\"", "leverage = 20", "taker_fee = 0.0004", "tolerance = 0.005", "risk_floor = 0.1"]
    {
        assert!(ran.out.lines().any(|shown| shown == line), "{line}: {}", ran.out);
    }
}

#[test]
fn a_name_that_is_nothing_is_told() {
    for (name, told) in
        [("nosuch", "no profile, no preset and no file"), ("preset:x", "no preset x; known are")]
    {
        let ran = folder().run(&["plan", "show", name]);
        assert_eq!(ran.code, 2);
        assert!(ran.err.contains(told), "{}", ran.err);
    }
}

#[test]
fn the_most_specific_profile_holds_and_says_why() {
    let ran = folder().run(&[
        "plan",
        "resolve",
        "--symbol",
        "BTCUSDT",
        "--strategy",
        "momentum",
        "--config",
        "c.toml",
        "--entry",
        "50000",
    ]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.starts_with("plan btc: the most specific for instrument BTCUSDT, strategy momentum"),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("less specific: rest, momentum"), "{}", ran.out);
    // 10 % of the margin at 20x is 0.5 % of the price. At 20x targets are multiplied by 0.7.
    assert!(ran.out.contains("stop_loss (risk floor)   49750.0000  -0.50 %"), "{}", ran.out);
    assert!(ran.out.contains("ladder leg 1             50525.0000  +1.05 %"), "{}", ran.out);
    assert!(ran.out.contains("the ladder leaves 0.28125 of the position"), "{}", ran.out);
}

#[test]
fn shorts_are_mirrored_and_json_is_exact() {
    let ran = folder().run(&[
        "plan",
        "resolve",
        "--instrument",
        "ETHUSDT",
        "--config",
        "c.toml",
        "--side",
        "short",
        "--entry",
        "2500",
        "--json",
    ]);
    let value: serde_json::Value = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!((ran.code, &value["plan"], &value["side"]), (0, &"rest".into(), &"short".into()));
    let levels = value["levels"].as_array().expect("levels");
    let level =
        |what: &str| levels.iter().find(|level| level["what"] == what).expect("the level")["price"].clone();
    assert_eq!((level("stop_loss"), level("ladder leg 1")), ("2537.5".into(), "2437.5".into()));
}

#[test]
fn without_a_profile_for_it_nothing_holds() {
    let folder = Folder::new();
    folder.write(
        "c.toml",
        "version = 1\n[[profile]]\nname = \"x\"\nvenue = \"binance\"\nplan = \"preset:trend\"\n",
    );
    let ran = folder.run(&["plan", "resolve", "--symbol", "BTC", "--config", "c.toml"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("no profile is for instrument BTC"), "{}", ran.err);
    let ran = folder.run(&["plan", "resolve", "--symbol", "BTC", "--config", "c.toml", "--venue", "binance"]);
    assert_eq!(ran.code, 0, "{ran:?}");
}
