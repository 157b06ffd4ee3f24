//! Configurations and presets: what they mean, and how they are refused.

use std::path::Path;

use ripcord_core::id::InstrumentId;
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::num::{Price, Qty, Ratio};
use ripcord_core::plan::{ExitStyle, OnlyWhen, Plan, PlanSpec, RatchetOffset, Severity, StackLevel};
use ripcord_core::time::Span;
use ripcord_sim::plan_file::checked::{check_plan, check_written, sample_entry, sample_instrument};
use ripcord_sim::plan_file::config::{Config, Keys, parse};
use ripcord_sim::plan_file::presets::{PRESETS, preset};
use ripcord_sim::plan_file::{parse_plan, parse_written_plan, plan_toml};
use ripcord_sim::sensible::sensible;

fn config(text: &str) -> Config {
    parse(text, "c.toml", Path::new(".")).unwrap_or_else(|faults| panic!("{faults}"))
}

fn faults(text: &str) -> String {
    parse(text, "c.toml", Path::new(".")).expect_err("refused").to_string()
}

fn resolved(plan: &PlanSpec) -> Plan {
    plan.resolve(InstrumentId(0), &sample_instrument()).unwrap_or_else(|faults| panic!("{faults:?}"))
}

fn of_preset(name: &str) -> PlanSpec {
    parse_plan(preset(name).expect("a preset").text, name).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_preset_is_sound_and_shows_as_itself() {
    for preset in PRESETS {
        let plan = of_preset(preset.name);
        assert_eq!(plan.name, preset.name);
        assert!(!check_plan(&plan, &sample_instrument(), sample_entry()).is_refused(), "{}", preset.name);
        for written in [plan.clone(), plan.filled()] {
            let shown = plan_toml(&written);
            let again = parse_plan(&shown, preset.name).unwrap_or_else(|error| panic!("{error}\n{shown}"));
            assert_eq!(again, written, "{shown}");
        }
    }
}

#[test]
fn targets_in_r_are_prices() {
    for (name, targets, fractions) in [
        ("trend", &[101_25, 102_50, 105_00][..], &[15, 20, 30][..]),
        ("volatile", &[101_00, 102_00, 103_75], &[25, 35, 40]),
        ("normal", &[101_25, 102_50, 105_00], &[25, 25, 50]),
        ("challenge-100", &[102_50], &[30]),
    ] {
        let plan = of_preset(name);
        let checked = check_plan(&plan, &sample_instrument(), sample_entry());
        for (leg, target) in (1..).zip(targets) {
            let row = checked.long.iter().find(|row| row.what == StackLevel::Leg(leg)).expect("a leg");
            assert_eq!(row.price, Price(target * 1_000_000), "{name} leg {leg}");
        }
        let legs = resolved(&plan).ladder.expect("a ladder").legs;
        let percent: Vec<i64> = legs.iter().map(|leg| leg.fraction.0 / 10_000_000).collect();
        assert_eq!(percent, fractions, "{name}");
    }
}

#[test]
fn a_target_of_r_is_mirrored_for_shorts() {
    let text = "version = 1\nstop_loss = { distance = { fraction = 0.02 } }\nladder = { legs = [{ close = 0.5, at_r = 1 }, { close = 0.5, at_r = 2 }] }";
    let checked = check_plan(
        &parse_plan(text, "p").expect("a plan"),
        &sample_instrument(),
        Price(50_000 * 100_000_000),
    );
    for (side, targets) in [(Side::Long, [51_000, 52_000]), (Side::Short, [49_000, 48_000])] {
        for (leg, target) in (1..).zip(targets) {
            let row =
                checked.levels(side).iter().find(|row| row.what == StackLevel::Leg(leg)).expect("a leg");
            assert_eq!(row.price, Price(target * 100_000_000), "{side:?} leg {leg}");
        }
    }
}

#[test]
fn a_curve_is_sorted_and_activation_may_be_in_r() {
    let text = "version = 1\nstop_loss = { distance = { fraction = 0.025 } }\n[trailing]\nactivation_r = 1.5\ndistance = { fraction = 0.02 }\ncurve = [{ r = 3, fraction = 0.015 }, { r = 5, fraction = 0.01 }, { r = 2, fraction = 0.018 }]";
    let trailing = resolved(&parse_plan(text, "p").expect("a plan")).trailing.expect("a trailing stop");
    let sorted: Vec<i64> = trailing.curve.iter().map(|point| point.r.0 / 1_000_000_000).collect();
    assert_eq!(sorted, [2, 3, 5]);
    assert_eq!(trailing.activation, Some(Ratio(37_500_000)));
}

#[test]
fn the_late_rules_are_read() {
    let text = r#"
version = 1
rebase = true
tolerance = 0.004
stop_loss = { distance = { fraction = 0.02 }, minimum = 0.03, risk_floor = 0.1, distance_min = 0.002 }
signal_exit = { ttl_secs = 60, profit_min = -0.01, while_trailing = false, worst = 0.005, expires_secs = 30 }
time_limit = { after_secs = 7200, only = { below = 0 }, exit = "market" }
liquidation = { maintenance = 0.005, buffer = 0.01 }
ratchet = { offset = "fees" }
ladder = { legs = [{ close = 1, at = 0.02 }], gap_policy = "one", single_lot = "close", sweep = true, worst = 0.001, expires_secs = 5 }
"#;
    let plan = resolved(&parse_plan(text, "p").expect("a plan"));
    let signal = plan.signal_exit.expect("a signal exit");
    assert_eq!((signal.ttl, signal.profit_min), (Span::from_secs(60), Ratio(-10_000_000)));
    assert_eq!((signal.while_trailing, signal.exit), (false, ExitStyle::PATIENT));
    assert_eq!((signal.worst, signal.expires_after), (Some(Ratio::from_bps(50)), Some(Span::from_secs(30))));
    let limit = plan.time_limit.expect("a time limit");
    assert_eq!((limit.only, limit.exit), (Some(OnlyWhen::Below(Ratio::ZERO)), ExitStyle::Market));
    assert_eq!(plan.ratchet.expect("a ratchet").offset, RatchetOffset::Fees);
    assert_eq!((plan.rebase, plan.tolerance), (true, Ratio::from_bps(40)));
    assert_eq!(plan.liquidation.expect("a table").buffer, Ratio::from_bps(100));
}

#[test]
fn a_rule_that_is_off_is_as_if_absent_but_still_sound() {
    let text = |fraction: &str| {
        format!(
            "version = 1\nsoft_stop = {{ enabled = false, fraction = {fraction} }}\nstop_loss = {{ distance = {{ fraction = 0.02 }} }}"
        )
    };
    assert_eq!(resolved(&parse_plan(&text("0.045"), "p").expect("a plan")).soft_stop, None);
    let bad = parse_plan(&text("1.5"), "p").expect("a plan");
    assert!(bad.resolve(InstrumentId(0), &sample_instrument()).is_err());
    let off = parse_plan("version = 1\nstop_loss = { enabled = false, distance = { fraction = 0.02 } }", "p");
    assert!(!off.expect("a plan").has_rules());
}

/// Each text is refused when its plan is resolved, with this among what is told.
fn refused(cases: &[(String, &str)]) {
    for (text, told) in cases {
        let plan = parse_plan(&format!("version = 1\n{text}"), "p").unwrap_or_else(|error| panic!("{error}"));
        let faults = plan.resolve(InstrumentId(0), &sample_instrument()).expect_err("refused");
        assert!(faults.iter().any(|fault| fault.to_string().contains(told)), "{told}: {faults:?}");
    }
}

#[test]
fn bad_values_of_the_new_fields_are_told_with_their_place() {
    let stop = "stop_loss = { distance = { fraction = 0.02 } }";
    refused(&[
        (format!("{stop}\ntolerance = 1"), "tolerance is 1"),
        ("signal_exit = { ttl_secs = 0 }".to_owned(), "signal_exit.ttl_secs is 0"),
        ("signal_exit = { ttl_secs = 1, profit_min = -1 }".to_owned(), "signal_exit.profit_min is -1"),
        ("signal_exit = { ttl_secs = 1, worst = 1 }".to_owned(), "signal_exit.worst is 1"),
        ("signal_exit = { ttl_secs = 1, expires_secs = 0 }".to_owned(), "signal_exit.expires_secs is 0"),
        ("time_limit = { after_secs = 0 }".to_owned(), "time_limit.after_secs is 0"),
        ("time_limit = { after_secs = 1, only = { below = -1 } }".to_owned(), "time_limit.only.below is -1"),
        (
            "time_limit = { after_secs = 1, only = { above = 1001 } }".to_owned(),
            "time_limit.only.above is 1001",
        ),
        ("time_limit = { after_secs = 1, worst = 0 }".to_owned(), "time_limit.worst is 0"),
        (format!("{stop}\nliquidation = {{ maintenance = 0 }}"), "liquidation.maintenance is 0"),
        (format!("{stop}\nliquidation = {{ maintenance = 0.005, buffer = 1 }}"), "liquidation.buffer is 1"),
        ("stop_loss = { distance = { fraction = 40 } }".to_owned(), "stop_loss.distance.fraction is 40"),
        ("stop_loss = { distance = { fraction = 0.02 }, minimum = 1 }".to_owned(), "stop_loss.minimum is 1"),
        (
            "stop_loss = { distance = { fraction = 0.02 }, cushion = -0.1 }".to_owned(),
            "stop_loss.cushion is -0.1",
        ),
        (
            "stop_loss = { distance = { fraction = 0.5 }, fee = 0.5 }".to_owned(),
            "stop_loss.distance is 1 with",
        ),
        (
            "stop_loss = { distance = { fraction = 0.5 }, risk_floor = 0 }".to_owned(),
            "stop_loss.risk_floor is 0",
        ),
        (
            "stop_loss = { distance = { fraction = 0.5 }, distance_min = 0.002 }".to_owned(),
            "stop_loss.distance_min is 0.002: needs a risk_floor",
        ),
    ]);
}

#[test]
fn bad_values_of_ladder_and_trailing_stop_are_told_with_their_place() {
    let stop = "stop_loss = { distance = { fraction = 0.02 } }";
    let leg = "{ close = 1, at = 0.02 }";
    refused(&[
        (format!("ladder = {{ legs = [{leg}], levels_max = 0 }}"), "ladder.levels_max is 0"),
        (format!("ladder = {{ legs = [{leg}], worst = 1 }}"), "ladder.worst is 1"),
        (format!("ladder = {{ legs = [{leg}], fee = 1 }}"), "ladder.fee is 1"),
        (format!("ladder = {{ legs = [{leg}], dynamic = {{}} }}"), "ladder.dynamic is on a ladder of 1 legs"),
        (
            format!("ladder = {{ legs = [{leg}], dynamic = {{ confidence = 2 }} }}"),
            "ladder.dynamic.confidence is 2",
        ),
        (
            format!("ladder = {{ legs = [{leg}], dynamic = {{ target_min = 0.2 }} }}"),
            "ladder.dynamic.target_min is 0.2",
        ),
        (format!("ladder = {{ legs = [{leg}] }}\nratchet = {{ offset = 1 }}"), "ratchet.offset is 1"),
        (
            "trailing = { distance = { fraction = 0.02 }, activation_r = 1 }".to_owned(),
            "trailing.activation_r is 1: needs a stop_loss",
        ),
        (
            format!(
                "{stop}\ntrailing = {{ distance = {{ fraction = 0.02 }}, activation_r = 1, activation = 0.1 }}"
            ),
            "give one of activation and activation_r",
        ),
    ]);
}

#[test]
fn fields_that_cannot_be_read_are_told_with_their_place() {
    for (text, told) in [
        ("rebase = 1", "rebase is 1: must be true or false"),
        ("ratchet = { offset = \"cost\" }", "ratchet.offset is \"cost\""),
        (
            "ladder = { legs = [], gap_policy = \"two\" }",
            "ladder.gap_policy is \"two\": must be one of all, one",
        ),
        ("ladder = { legs = [], single_lot = 1 }", "ladder.single_lot is 1: must be one of hold, close"),
        (
            "hard_stop = { fraction = 0.1, enabled = \"no\" }",
            "hard_stop.enabled is \"no\": must be true or false",
        ),
        ("time_limit = { after_secs = 1, only = { near = 1 } }", "must be one of below, above"),
        ("signal_exit = { profit_min = 1 }", "signal_exit.ttl_secs is missing"),
        ("liquidation = { buffer = 0.01 }", "liquidation.maintenance is missing"),
        (
            "ladder = { legs = [], dynamic = { regime = \"odd\" } }",
            "must be one of normal, trending, volatile, range",
        ),
    ] {
        let error = parse_plan(&format!("version = 1\n{text}"), "p").expect_err("refused").to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
}

#[test]
fn the_most_specific_profile_wins() {
    let profile =
        |name: &str, keys: &str| format!("[[profile]]\nname = \"{name}\"\n{keys}\nplan = \"preset:trend\"\n");
    let text = [
        "version = 1\n".to_owned(),
        profile("all", "venue = \"*\""),
        profile("venue", "venue = \"binance\""),
        profile("regime", "regime = \"trending\""),
        profile("strategy", "strategy = \"m\""),
        profile("both", "strategy = \"m\"\nregime = \"trending\""),
        profile("instrument", "instrument = \"BTC\""),
        profile("instrument here", "instrument = \"BTC\"\nvenue = \"binance\""),
    ];
    let config = config(&text.concat());
    let word = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    for (venue, instrument, strategy, regime, wins) in [
        ("", "ETH", "", "", "all"),
        ("binance", "ETH", "", "", "venue"),
        ("binance", "ETH", "", "trending", "regime"),
        ("binance", "ETH", "m", "", "strategy"),
        ("", "ETH", "m", "trending", "both"),
        ("", "BTC", "m", "trending", "instrument"),
        ("binance", "BTC", "m", "trending", "instrument here"),
        ("coinbase", "BTC", "", "", "instrument"),
    ] {
        let keys = Keys {
            venue: word(venue),
            instrument: word(instrument),
            strategy: word(strategy),
            regime: word(regime),
        };
        assert_eq!(config.profile(&keys).expect("a profile").name, wins, "{keys:?}");
    }
    let both = config.profiles.iter().find(|profile| profile.name == "both").expect("a profile");
    assert_eq!(both.matches.specificity().score, 11);
}

#[test]
fn defaults_lie_under_a_plan_and_overrides_over_it() {
    let text = "version = 1\n[defaults]\ntaker_fee = 0.0007\nhard_stop = { fraction = 0.2 }\n[[profile]]\nname = \"a\"\nplan = \"preset:exit-monitor\"\n[profile.overrides]\ntrailing.enabled = false\nstop_loss.distance = { price = 5 }\n";
    let plan = &config(text).profiles[0].plan;
    assert_eq!(plan.name, "a");
    assert_eq!(plan.taker_fee.map(|fee| fee.to_string()).as_deref(), Some("0.0004"), "the plan's own");
    let plan = resolved(plan);
    assert!(plan.hard_stop.is_some() && plan.trailing.is_none() && plan.ladder.is_some());
    assert_eq!(
        plan.stop_loss.and_then(|stop| stop.share(Ratio::ONE)),
        None,
        "an override replaces a distance whole"
    );
}

#[test]
fn every_fault_of_a_configuration_is_told() {
    let told = faults(
        "version = 2\nodd = 1\n[[profile]]\nplan = \"preset:no\"\n[[profile]]\nname = \"b\"\nplan = \"nofile.toml\"\n[[profile]]\nname = \"c\"\ncolour = \"red\"\nplan = { soft_stop = { fracton = 1 } }\n[[profile]]\nname = \"d\"\nplan = 5\n",
    );
    for part in [
        "c.toml:1: version must be 1",
        "c.toml:2: odd is not known; known here are version, defaults, profile",
        "c.toml:3: profile[0].name is missing",
        "c.toml:7: profile[1].plan is nofile.toml",
        "c.toml:10: profile[2].colour is not known",
        "c.toml:11: profile[2].plan.soft_stop.fracton is not known",
        "c.toml:14: profile[3].plan must be a table, a file in quotes, or \"preset:NAME\"",
    ] {
        assert!(told.contains(part), "{part}:\n{told}");
    }
    assert!(faults("version = 1").contains("profile is missing"));
    assert!(faults("version = ").contains("not TOML"));
}

#[test]
fn a_tie_names_both_profiles() {
    let twin =
        |name: &str| format!("[[profile]]\nname = \"{name}\"\nstrategy = \"m\"\nplan = \"preset:trend\"\n");
    let told = faults(&format!("version = 1\n{}{}", twin("one"), twin("two")));
    assert!(told.contains("two and one (line 2) are equally specific: both are for strategy m"), "{told}");
    let told = faults(&format!("version = 1\n{}{}", twin("one"), twin("one")));
    assert!(told.contains("give each profile a name of its own"), "{told}");
}

#[test]
fn faults_of_plans_are_told_beside_those_of_the_file() {
    let text = "version = 1\n[[profile]]\nname = \"a\"\n[profile.plan]\nfoo = 1\nsoft_stop = { fraction = 5 }\n[[profile]]\nname = \"b\"\ninstrument = \"Y\"\n[profile.plan]\nsoft_stop = { fraction = 0.05 }\nhard_stop = { fraction = 0.05 }\n";
    let told = faults(text);
    for part in [
        "c.toml:5: profile[0].plan.foo is not known",
        "c.toml:6: profile[0].plan.soft_stop.fraction is 5: must be above 0 and below 1",
        "c.toml:12: hard_stop.fraction is 0.05 (limit: soft_stop.fraction 0.05)",
        "(HARD_NOT_WIDER, profile b)",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

#[test]
fn a_price_of_a_plan_is_no_fault_before_there_is_an_entry_of_its_market() {
    let text = "version = 1\nleverage = 5\nstop_loss = { distance = { price = 1200 } }\ntrailing = { activation = 0.01, distance = { price = 900 } }\n";
    let written = parse_written_plan(text, "p.toml").expect("a plan");
    assert_eq!(check_written(&written.plan, &written.places, "plan p"), []);
    let severities = |entry: Price| -> Vec<(&str, Severity)> {
        let found = check_plan(&written.plan, &sample_instrument(), entry).findings;
        found.iter().map(|finding| (finding.code, finding.severity)).collect()
    };
    let warned = severities(sample_entry());
    assert!(warned.contains(&("BELOW_ZERO", Severity::Warning)), "{warned:?}");
    assert!(warned.iter().all(|(_, severity)| *severity == Severity::Warning), "{warned:?}");
    let of = |entry: i64| Price(entry * 100_000_000);
    assert_eq!(severities(of(60_000)), []);
    assert!(severities(of(101)).contains(&("BELOW_ZERO", Severity::Fault)), "somebody asked for this entry");
    // The entry of a position says what the start could not.
    let rules = Instrument::from_decimals("BTCUSDT", 2, 3);
    let plan = written.plan.resolve(InstrumentId(0), &rules).expect("a plan");
    let asked = |entry: i64| sensible(&plan, &rules, Side::Long, (Price(entry * 100), Qty(1_000)));
    assert_eq!(asked(60_000), Ok(()));
    let refused = asked(5_000).expect_err("the venue liquidates first");
    assert!(refused.must.contains("BEYOND_LIQUIDATION: stop_loss.distance is 1200"), "{}", refused.must);
}
