//! What a replay says of its positions before the first price.

use std::path::{Path, PathBuf};

use ripcord_core::plan::Rounding;
use ripcord_sim::candles::CandlePolicy;
use ripcord_sim::job::{Job, JobSpec, prepare};
use ripcord_sim::venue::FillModel;

/// 2026-01-01T00:00:00Z, in milliseconds.
const FIRST_MS: u64 = 1_767_225_600_000;

fn job(folder: &Path, positions: &str, config: Option<&str>) -> Result<Job, String> {
    let write = |name: &str, text: &str| -> PathBuf {
        let path = folder.join(name);
        std::fs::write(&path, text).expect("the folder takes a file");
        path
    };
    let rows: String = (0..60).map(|row| format!("{},60000.0,1.000\n", FIRST_MS + row * 1_000)).collect();
    let spec = JobSpec {
        market: vec![write("m.csv", &format!("ts_ms,price,qty\n{rows}"))],
        positions: write("p.csv", positions),
        instruments: None,
        symbol: Some("X".to_owned()),
        plan: None,
        config: config.map(|text| write("c.toml", text)),
        venue: None,
        regime: None,
        fills: FillModel::default(),
        rounding: None,
        cells_rounding: Rounding::default(),
        candles: CandlePolicy::default(),
    };
    prepare(&spec, &|_| ()).map_err(|error| error.to_string())
}

#[test]
fn a_stop_of_cells_beyond_liquidation_is_refused_as_one_of_a_plan_is() {
    let folder = tempfile::tempdir().expect("a folder");
    for (leverage, is_refused) in [("5", false), ("125", true), ("1000", true)] {
        let row = format!(
            "id,symbol,side,entry_index,entry_price,qty,leverage,stop_pct\na,X,long,0,60000.0,1,{leverage},0.02\n"
        );
        match job(folder.path(), &row, None) {
            Ok(job) => {
                assert!(!is_refused && job.notes.iter().all(|note| !note.contains("LIQ")), "{leverage}")
            }
            Err(told) => {
                let place = "p.csv:2: BEYOND_LIQUIDATION: stop_loss.distance is 0.02 (limit: liquidation at ";
                assert!(is_refused && told.contains(place), "{leverage}: {told}");
            }
        }
    }
}

#[test]
fn a_price_of_a_profile_is_judged_at_the_entry_of_each_position() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = "version = 1\n[[profile]]\nname = \"p\"\n[profile.plan]\nstop_loss = { distance = { price = 1200 } }\n";
    let head = "id,symbol,side,entry_index,entry_price,qty\na,X,long,0,60000.0,1\n";
    assert!(job(folder.path(), head, Some(config)).is_ok());
    let told = job(folder.path(), &format!("{head}b,X,long,0,1000.0,1\n"), Some(config));
    let told = told.expect_err("the second has no stop");
    assert!(told.contains("c.toml:5:15: BELOW_ZERO: stop_loss.distance is 1200"), "{told}");
    assert!(told.contains("position b"), "{told}");
}

#[test]
fn a_position_that_opens_long_before_the_first_price_is_noted() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |times: &[&str]| {
        let rows = times.iter().enumerate().map(|(id, ts)| format!("{id},X,long,{ts},60000.0,1,0.02\n"));
        let rows: String = rows.collect();
        let text = format!("id,symbol,side,entry_ts,entry_price,qty,stop_pct\n{rows}");
        let notes = job(folder.path(), &text, None).expect("it is replayed").notes;
        notes.into_iter().filter(|note| note.contains("first price")).collect::<Vec<_>>()
    };
    assert_eq!(at(&["2026-01-01T00:00:00Z", "2025-12-31T23:59:30Z"]), [""; 0]);
    let told = at(&["2025-12-31T23:58:30Z", "2024-06-01T00:00:00Z"]);
    assert_eq!(told.len(), 1, "{told:?}");
    let wanted = "p.csv:3: position 1: entry_ts is 579 d before the first price of X: ";
    assert!(told[0].contains(wanted), "{told:?}");
    assert!(told[0].ends_with("(1 more position opens before the prices begin)"), "{told:?}");
}
