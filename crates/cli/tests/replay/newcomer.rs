//! What somebody meets who writes a first plan and brings prices of his own.

use crate::support::{Folder, Ran};

const POSITIONS: &str =
    "id,symbol,side,entry_ts,entry_price,qty\na,ETHUSDT,long,2026-01-01T00:00:10Z,100.00,2\n";

fn folder(plan: &str) -> Folder {
    let folder = Folder::new();
    let rows = (0..100_u64).map(|n| format!("{},{}.00,1\n", 1_767_225_600_000 + n * 1_000, 100 + n % 9));
    folder
        .write("trades.csv", &format!("ts_ms,price,qty\n{}", rows.collect::<String>()))
        .write("p.csv", POSITIONS)
        .write("swing.toml", plan);
    folder
}

fn replay(folder: &Folder, more: &[&str]) -> Ran {
    let base = ["replay", "--market", "trades.csv", "--positions", "p.csv", "--plan", "swing.toml"];
    folder.run(&[&base[..], more].concat())
}

#[test]
fn a_first_plan_is_checked_replayed_and_explained_under_the_name_of_its_file() {
    let folder = folder(
        "version = 1\n[stop_loss]\ndistance = { fraction = 0.05 }\n[[ladder.legs]]\nclose = 1\nat = 0.03\n",
    );
    let ran = folder.run(&["check", "swing.toml"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.out.starts_with("profile swing (line 1), for any position\n"), "{}", ran.out);
    let ran = replay(&folder, &["--symbol", "ETHUSDT", "--records", "r.jsonl"]);
    assert_eq!(ran.code, 0, "milliseconds are read: {}", ran.err);
    assert!(ran.out.contains("TAKE_PROFIT"), "{}", ran.out);
    let story = folder.run(&["explain", "a", "--records", "r.jsonl"]).out;
    assert!(story.contains("\nplan swing\n"), "{story}");
}

#[test]
fn a_market_without_a_symbol_says_how_to_give_one() {
    let ran = replay(&folder("version = 1\n[soft_stop]\nfraction = 0.05\n"), &[]);
    assert_eq!(ran.code, 2);
    let told = "they have trades. If a file does not say its symbol, give it with --symbol ETHUSDT";
    assert!(ran.err.contains(told), "{}", ran.err);
}

#[test]
fn first_mistakes_are_answered_with_what_to_write() {
    for (plan, told) in [
        ("version = 1\n[stop_loss]\ndistance = 2%\n", "swing.toml:3:12: not TOML"),
        ("version = 1\n[stop_loss]\ndistance = 2%\n", "2 % is 0.02"),
        ("version = 1\n[stop_loss]\ndistance = 0.02\n", "is 0.02: must be a table: { fraction = 0.02 }"),
        ("version = 1\nstop_loss = 0.02\n", "must be a table such as { distance = { fraction = 0.02 } }"),
        ("version = 1\nhard_stop = 0.02\n", "must be a table such as { fraction = 0.05 }"),
    ] {
        let folder = folder(plan);
        for ran in [replay(&folder, &["--symbol", "ETHUSDT"]), folder.run(&["plan", "show", "swing.toml"])] {
            assert_eq!(ran.code, 2, "{plan}");
            assert!(ran.err.contains(told), "{plan}: {}", ran.err);
        }
    }
    let folder = folder("[soft_stop]\nfraction = 0.05\n");
    let ran = folder.run(&["check", "swing.toml"]);
    assert!(
        ran.err.contains("swing.toml:1: version is missing") && !ran.err.contains("profile"),
        "{}",
        ran.err
    );
    let ran = folder.run(&["run", "--config", "swing.toml", "--for", "1"]);
    assert_eq!(ran.code, 2);
    assert!(ran.err.contains("A plan by itself is given with --plan"), "{}", ran.err);
}

#[test]
fn the_first_plan_of_the_readme_works_as_it_stands() {
    let readme = include_str!("../../../../README.md");
    let block = |start: &str| {
        let blocks =
            readme.split("```").skip(1).step_by(2).map(|block| block.trim_start_matches("toml").trim_start());
        let mut found = blocks.filter(|block| block.starts_with(start));
        found.next().unwrap_or_else(|| panic!("the README has no block that starts with {start}"))
    };
    let folder = Folder::new();
    folder
        .write("trades.csv", block("ts_ms,price,qty"))
        .write("positions.csv", block("id,side,entry_ts"))
        .write("swing.toml", block("version = 1"));
    let commands = block("target/release/ripcord check swing.toml");
    let mut told = String::new();
    for command in commands.lines() {
        let ran = folder.run(&command.split_whitespace().skip(1).collect::<Vec<_>>());
        assert_eq!(ran.code, 0, "{command}: {}", ran.err);
        told += &ran.out;
    }
    for word in ["all systems aligned", "STOP_LOSS      1          1", "1 closed, 0 still open"] {
        assert!(told.contains(word), "no {word} in\n{told}");
    }
}
