//! `replay --db`: the store of a replay is as good as that of a run.

use serde_json::Value;

use crate::support::{Folder, HEADER, market};

fn folder() -> Folder {
    let folder = Folder::new();
    let rows = "ladder,TEST,long,0,100.00,2.000,0.05,0.08,,\ntrail,TEST,long,5,100.50,1.000,0.05,,0.02,0.01\n\
                short,TEST,short,9,100.90,1.500,0.03,0.05,,\n";
    folder.write("market.csv", &market()).write("positions.csv", &format!("{HEADER}{rows}"));
    folder
}

const REPLAY: [&str; 7] =
    ["replay", "--market", "market.csv", "--symbol", "TEST", "--positions", "positions.csv"];

fn replayed(more: &[&str]) -> Folder {
    let folder = folder();
    let ran = folder.run(&[&REPLAY[..], &["--db", "r.db"], more].concat());
    assert_eq!((ran.code, ran.out.is_empty()), (0, false), "{}", ran.err);
    folder
}

fn json(folder: &Folder, args: &[&str]) -> Value {
    let ran = folder.run(args);
    assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.out, ran.err);
    serde_json::from_str(&ran.out).unwrap_or_else(|why| panic!("{args:?}: {why}: {}", ran.out))
}

#[test]
fn what_asks_a_store_answers_for_a_replay() {
    for pace in ["--leap", "--scan", "--row-by-row"] {
        let folder = replayed(&[pace]);
        for args in
            [["journal", "verify", "r.db"], ["journal", "replay", "r.db"], ["ledger", "verify", "r.db"]]
        {
            let ran = folder.run(&args);
            assert_eq!(ran.code, 0, "{pace} {args:?}: {}{}", ran.out, ran.err);
        }
        let shown = folder.run(&["ledger", "show", "r.db"]);
        assert!(shown.code == 0 && shown.out.contains("trade records"), "{}{}", shown.out, shown.err);
        for position in ["ladder", "trail", "short"] {
            let story = folder.run(&["explain", position, "--records", "r.db"]);
            assert_eq!(story.code, 0, "{pace} {position}: {}{}", story.out, story.err);
        }
    }
}

/// The same run by both ways: the records file and the store tell the same profit.
#[test]
fn a_report_of_the_store_is_the_report_of_the_records() {
    let folder = replayed(&[]);
    let ran = folder.run(&[&REPLAY[..], &["--records", "r.jsonl"]].concat());
    assert_eq!(ran.code, 0, "{}", ran.err);
    let (store, records) =
        (json(&folder, &["report", "r.db", "--json"]), json(&folder, &["report", "r.jsonl", "--json"]));
    assert!(store["fills"].as_i64() > Some(0), "{store}");
    assert_eq!((&store["fills"], &store["summaries"]), (&records["fills"], &records["summaries"]));
}

#[test]
fn a_store_in_which_something_happened_is_not_written_into() {
    let folder = replayed(&[]);
    let before = std::fs::read(folder.path("r.db")).expect("a store");
    let ran = folder.run(&[&REPLAY[..], &["--db", "r.db"]].concat());
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(
        ran.err.contains("r.db: this store holds ") && ran.err.contains("name another --db"),
        "{}",
        ran.err
    );
    assert_eq!(std::fs::read(folder.path("r.db")).expect("a store"), before, "it is not touched");

    let ran = folder.run(&["run", "--db", "r.db", "--listen", "127.0.0.1:0", "--for", "1s"]);
    assert_eq!(ran.code, 2, "{}", ran.out);
    assert!(ran.err.contains("other settings"), "{}", ran.err);

    for (name, text) in [("notes.txt", "not a store"), ("empty.db", "")] {
        folder.write(name, text);
        let ran = folder.run(&[&REPLAY[..], &["--db", name]].concat());
        assert_eq!(ran.code, 2, "{}", ran.out);
        assert!(ran.err.contains(name), "{}", ran.err);
        assert_eq!(folder.read(name), text);
    }
    let ran = folder.run(&[&REPLAY[..], &["--db", "market.csv"]].concat());
    assert!(ran.code == 2 && ran.err.contains("market.csv"), "{}", ran.err);
}

#[test]
fn a_replay_that_cannot_be_kept_leaves_nothing_behind() {
    let folder = folder();
    let ran = folder.run(&[&REPLAY[..], &["--db", "no/such/folder/r.db"]].concat());
    assert!(ran.code != 0 && ran.err.contains("no/such/folder"), "{}", ran.err);
    assert_eq!(folder.names(), ["market.csv", "positions.csv"]);
}
