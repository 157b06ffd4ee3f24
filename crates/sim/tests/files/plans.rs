//! Plan files: exact numbers, and faults that lead to their place.

use std::path::Path;

use ripcord_core::id::InstrumentId;
use ripcord_core::instrument::Instrument;
use ripcord_core::market::PriceSource;
use ripcord_core::num::Price;
use ripcord_core::plan::spec::{BasisSpec, ExitSpec, LegOfSpec, PlanSpec};
use ripcord_sim::plan_file::checked::{check_plan, sample_entry, sample_instrument};
use ripcord_sim::plan_file::parse_plan;

fn dec(text: &str) -> Option<ripcord_core::num::Decimal> {
    Some(text.parse().expect("a decimal"))
}

fn told(text: &str) -> String {
    parse_plan(text, "p.toml").expect_err("refused").to_string()
}

fn resolves(plan: &PlanSpec) {
    let instrument = Instrument::from_decimals("BTCUSDT", 2, 3);
    if let Err(faults) = plan.resolve(InstrumentId(0), &instrument) {
        panic!("{}: {faults:?}", plan.name);
    }
}

#[test]
fn every_example_parses_and_resolves() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/plans");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("a folder entry").path())
        .collect();
    names.sort();
    assert!(names.len() >= 3, "{names:?}");
    for path in names {
        let text = std::fs::read_to_string(&path).expect("an example");
        let plan = parse_plan(&text, &path.display().to_string()).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Some(plan.name.as_str()), path.file_stem().and_then(|stem| stem.to_str()));
        resolves(&plan);
        let findings = check_plan(&plan, &sample_instrument(), sample_entry()).findings;
        assert!(findings.is_empty(), "{}: {findings:?}", path.display());
    }
}

#[test]
fn every_example_in_the_document_is_a_whole_plan_and_finds_nothing_wrong_with_itself() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/plans.md"))
        .expect("docs/plans.md");
    let blocks: Vec<&str> =
        text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
    assert!(blocks.len() > 8, "{} blocks", blocks.len());
    let rules = sample_instrument();
    let entry =
        Price(dec("60000").and_then(|entry| entry.to_scale(rules.price_decimals).ok()).expect("fits"));
    for block in blocks.iter().filter(|block| !block.contains("[[instruments]]")) {
        let plan = parse_plan(block, "docs/plans.md").unwrap_or_else(|error| panic!("{error}\n{block}"));
        let findings = check_plan(&plan, &rules, entry).findings;
        assert!(findings.is_empty(), "{findings:?}\n{block}");
    }
}

#[test]
fn numbers_keep_the_digits_of_the_file() {
    let plan = parse_plan(
        r#"
        version = 1
        leverage = 2_0
        taker_fee = 0.000_5
        stop_loss.distance.fraction = 0.100000000000000005
        hard_stop = { fraction = "0.25", basis = "margin", net = true, source = "mark", exit = "market" }
        soft_stop = { fraction = 2e-2, exit = { limit = { through = 0.001, market_after_ms = 1_500 } } }
        [ladder]
        of = "initial"
        [[ladder.legs]]
        close = 0.5
        at_price = 60_000.10
        "#,
        "p.toml",
    )
    .expect("a plan");
    assert_eq!(plan.leverage, dec("20"));
    assert_eq!(plan.taker_fee, dec("0.0005"));
    let stop = plan.stop_loss.expect("a stop");
    assert_eq!(stop.distance.fraction, dec("0.100000000000000005"), "a double would have lost the 5");
    let hard = plan.hard_stop.expect("a hard stop");
    assert_eq!((Some(hard.fraction), hard.basis, hard.net), (dec("0.25"), BasisSpec::Margin, true));
    assert_eq!((hard.source, hard.exit), (Some(PriceSource::Mark), Some(ExitSpec::Market)));
    let soft = plan.soft_stop.expect("a soft stop");
    assert_eq!(Some(soft.fraction), dec("0.02"));
    let through = dec("0.001").expect("a number");
    assert_eq!(soft.exit, Some(ExitSpec::Limit { through, market_after_ms: 1_500 }));
    let ladder = plan.ladder.expect("a ladder");
    assert_eq!((ladder.of, ladder.legs[0].at_price), (LegOfSpec::Initial, dec("60000.1")));
}

#[test]
fn faults_name_file_place_path_value_and_remedy() {
    for (text, wanted) in [
        (
            "version = 1\n\n[trailing]\ndistanse = { fraction = 0.01 }",
            "p.toml:4:1: trailing.distanse is not known; known here are enabled, activation, activation_r, distance, distance_min, distance_max, step, curve, exit",
        ),
        (
            "version = 1\nstop_loss = { distance = { fraction = inf } }",
            "p.toml:2:39: stop_loss.distance.fraction is inf: `inf` is not a decimal number like 58800.10 or 1e-05",
        ),
        (
            "version = 1\ntaker_fee = nan",
            "p.toml:2:13: taker_fee is nan: `nan` is not a decimal number like 58800.10 or 1e-05",
        ),
        (
            "version = 1\n[[ladder.legs]]\nclose = 0.5\nat = 0.01\n[[ladder.legs]]\nclose = true\nat = 0.02",
            "p.toml:6:9: ladder.legs[1].close is true: must be a decimal number such as 0.025",
        ),
        (
            "version = 1\n[atr]\nbar_secs = 60.5\nperiod = 14",
            "p.toml:3:12: atr.bar_secs is 60.5: must be a whole number",
        ),
        (
            "version = 1\n[atr]\nbar_secs = 60\nperiod = 70000",
            "p.toml:4:10: atr.period is 70000: must be a whole number from 0 to 65535",
        ),
        (
            "version = 1\nsoft_stop = { fraction = 0.1, basis = \"magrin\" }",
            "p.toml:2:39: soft_stop.basis is \"magrin\": must be one of price, margin",
        ),
        (
            "version = 1\nsoft_stop = { fraction = 0.1, exit = \"limit\" }",
            "p.toml:2:38: soft_stop.exit is \"limit\": needs values: write { limit = { .. } }",
        ),
        (
            "version = 1\nsoft_stop = { fraction = 0.1, exit = { limit = { through = 0.1 } } }",
            "p.toml:2:48: soft_stop.exit.limit.market_after_ms is missing; it must be given",
        ),
        ("version = 1\nname = 1.5", "p.toml:2:8: name is 1.5: must be text in quotes"),
        ("version = 1\n[stop_loss]\n", "p.toml:2:1: stop_loss.distance is missing; it must be given"),
        ("name = \"x\"", "p.toml:1:1: version is missing; it must be given"),
        (
            "version = 1\nstop_loss = 0.02",
            "p.toml:2:13: stop_loss is 0.02: must be a table such as { distance = { fraction = 0.02 } }",
        ),
        (
            "version = 1\nleverage = 1234567890123456789.5",
            "p.toml:2:12: leverage is 1234567890123456789.5: `1234567890123456789.5` has more than 18 significant digits",
        ),
    ] {
        assert_eq!(told(text), wanted, "{text}");
    }
}

#[test]
fn text_that_is_not_toml_is_told_with_its_place() {
    assert!(told("version = 1\nname = \"x").starts_with("p.toml:2:"), "{}", told("version = 1\nname = \"x"));
    let twice = told("version = 1\nversion = 1");
    assert!(twice.starts_with("p.toml:2:1: not TOML: "), "{twice}");
}

#[test]
fn a_plan_is_read_alike_with_quotes_and_without() {
    let bare = "version = 1\nstop_loss = { distance = { fraction = 0.025 } }";
    let quoted = "version = 1\nstop_loss = { distance = { fraction = \"0.0250\" } }";
    assert_eq!(parse_plan(bare, "a"), parse_plan(quoted, "b"));
}

#[test]
fn every_fault_of_a_plan_is_told_at_once() {
    let plan = "version = 1\nfoo = 1\nbar = 2\nhard_stop = { fraction = 1.2, basis = \"magrin\" }\nsoft_stop = { fraction = 5 }\n[trailing]\ndistanse = 1\n[[ladder.legs]]\nclose = 0.5\nat = 0.01\nclosed = 1\n[[ladder.legs]]\nclose = true\nat = 0.02\n";
    let told = told(plan);
    let starts: Vec<&str> =
        told.lines().map(|line| line.split_once(" is ").map_or(line, |it| it.0)).collect();
    assert_eq!(
        starts,
        [
            "p.toml:2:1: foo",
            "p.toml:3:1: bar",
            "p.toml:4:26: hard_stop.fraction",
            "p.toml:4:39: hard_stop.basis",
            "p.toml:5:26: soft_stop.fraction",
            "p.toml:7:1: trailing.distanse",
            "p.toml:11:1: ladder.legs[0].closed",
            "p.toml:13:9: ladder.legs[1].close",
        ],
        "{told}"
    );
    assert!(told.contains("soft_stop.fraction is 5: must be above 0 and below 1"), "{told}");
    let many: String = (0..200).map(|n| format!("x{n} = 1\n")).collect();
    assert_eq!(self::told(&format!("version = 1\n{many}")).lines().count(), 100, "nobody mends more at once");
}
