//! Real records, when they lie beside the project: found exits against one loop per position.

use std::path::{Path, PathBuf};

use ripcord_core::plan::Rounding;
use ripcord_sim::candles::CandlePolicy;
use ripcord_sim::import::{self, ImportOptions, Market};
use ripcord_sim::job::{self, Job, JobSpec};
use ripcord_sim::replay::Outcome;
use ripcord_sim::venue::FillModel;

use crate::world::PACES;

/// A row of the exits: position, row, reason, price in tape units.
type Line = (String, u64, &'static str, i64);

/// The file, or a line on standard error that it is not there.
#[allow(clippy::print_stderr, reason = "a skipped test says that it is skipped")]
fn data(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("SKIPPED: {name}: the shared market data is not beside the project");
    None
}

/// Columns of a CSV file as whole numbers of `10^-decimals`.
fn columns(path: &Path, names: &[&str], decimals: usize) -> Vec<Vec<i64>> {
    let text = std::fs::read_to_string(path).expect("the file can be read");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let at: Vec<usize> =
        names.iter().map(|name| header.iter().position(|h| h == name).expect("a known column")).collect();
    let mut columns = vec![Vec::new(); names.len()];
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        for (column, &at) in columns.iter_mut().zip(&at) {
            column.push(scaled(cells[at], decimals));
        }
    }
    columns
}

fn scaled(text: &str, decimals: usize) -> i64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    assert!(part.len() <= decimals, "{text} has more than {decimals} decimals");
    format!("{whole}{part:0<decimals$}").parse().expect("a number")
}

fn text_of(value: i64, decimals: usize) -> String {
    let one = 10_i64.pow(decimals as u32);
    format!("{}.{:0decimals$}", value / one, value % one)
}

/// The exits of a job, the same in every pace.
fn exits(spec: &JobSpec) -> Vec<Line> {
    let mut found: Option<Vec<Line>> = None;
    for pace in PACES {
        let mut job = prepared(spec);
        let mut outcome = Outcome::default();
        job.replay.run(pace, &mut outcome, &mut ()).expect("sound rows");
        let lines: Vec<Line> = outcome
            .exits
            .iter()
            .map(|exit| {
                let account = exit.filled.id.episode.key.account.0 as usize;
                (
                    job.positions[account].id.clone(),
                    exit.index,
                    exit.filled.reason.word(),
                    exit.filled.price.0,
                )
            })
            .collect();
        match &found {
            None => found = Some(lines),
            Some(first) => assert_eq!(*first, lines, "{pace:?}"),
        }
    }
    found.expect("three paces")
}

fn prepared(spec: &JobSpec) -> Job {
    job::prepare(spec, &|_| {}).unwrap_or_else(|error| panic!("{error}"))
}

fn spec(market: PathBuf, positions: PathBuf) -> JobSpec {
    JobSpec {
        market: vec![market],
        positions,
        instruments: None,
        symbol: Some("COIN".to_owned()),
        plan: None,
        config: None,
        venue: None,
        regime: None,
        fills: FillModel::TAPE,
        rounding: None,
        cells_rounding: Rounding::HalfUp,
        candles: CandlePolicy::Pessimistic,
    }
}

/// `price x bps`, half up.
fn part(price: i64, bps: i64) -> i64 {
    (price * bps + 5_000) / 10_000
}

const HEADER: &str =
    "id,symbol,side,entry_index,entry_price,qty,stop_pct,target_pct,trail_arm_pct,trail_pct\n";

/// Positions all along a file: alternating sides, one in three trails.
fn positions(prices: &[i64], decimals: usize, count: usize, bps: [i64; 4]) -> String {
    let mut text = HEADER.to_owned();
    for n in 0..count {
        let row = n * prices.len() / count;
        let side = if n % 2 == 0 { "long" } else { "short" };
        let [stop, target, arm, trail] = bps.map(|value| text_of(value, 4));
        let trails = if n % 3 == 0 { format!("{arm},{trail}") } else { ",".to_owned() };
        let entry = text_of(prices[row], decimals);
        text += &format!("{n},COIN,{side},{row},{entry},1,{stop},{target},{trails}\n");
    }
    text
}

/// What each position of [`positions`] comes to, one tick after the other.
fn by_hand(prices: &[i64], count: usize, [stop, target, arm, trail]: [i64; 4]) -> Vec<Line> {
    let mut lines = Vec::new();
    for n in 0..count {
        let first = n * prices.len() / count;
        let (s, e) = (if n % 2 == 0 { 1 } else { -1 }, prices[first]);
        let mut best: Option<i64> = None;
        for (row, &now) in prices.iter().enumerate().skip(first + 1) {
            let trails = best.map(|best| best - s * part(best, trail));
            let target = e + s * part(e, target);
            let why = if s * (now - (e - s * part(e, stop))) <= 0 {
                Some(("STOP_LOSS", now))
            } else if trails.is_some_and(|level| s * (now - level) <= 0) {
                Some(("TRAILING_STOP", now))
            } else if s * (now - target) >= 0 {
                Some(("TAKE_PROFIT", target))
            } else {
                None
            };
            if let Some((reason, price)) = why {
                lines.push((n.to_string(), row as u64, reason, price));
                break;
            }
            let armed = best.is_some() || s * (now - (e + s * part(e, arm))) >= 0;
            if n % 3 == 0 && armed {
                best = Some(best.map_or(now, |best| if s * (now - best) > 0 { now } else { best }));
            }
        }
    }
    lines.sort();
    lines
}

fn sorted(mut lines: Vec<Line>) -> Vec<Line> {
    lines.sort();
    lines
}

#[test]
fn btcusdt_trades_of_a_calm_hour() {
    let Some(market) = data("csv/binance-usdm-BTCUSDT-trades-20240808.csv") else { return };
    let prices = columns(&market, &["price"], 1).remove(0);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("positions.csv");
    // Six minutes within half a percent: levels of a few basis points are reached all the time.
    for bps in [[3, 5, 2, 1], [10, 4, 1, 2], [6, 20, 5, 3]] {
        std::fs::write(&file, positions(&prices, 1, 400, bps)).expect("the folder takes files");
        let wanted = by_hand(&prices, 400, bps);
        assert!(wanted.len() > 250, "only {} exits", wanted.len());
        let from_csv = exits(&spec(market.clone(), file.clone()));
        assert_eq!(sorted(from_csv.clone()), wanted, "{bps:?}");
        let parquet = data("binance-usdm-BTCUSDT-trades-20240808.parquet").expect("both forms are there");
        assert_eq!(exits(&spec(parquet, file.clone())), from_csv, "Parquet and CSV say the same");
    }
}

#[test]
fn apeusdt_trades_of_a_whole_day() {
    let Some(market) = data("binance-usdm-APEUSDT-aggtrades-20241018.parquet") else { return };
    let options = ImportOptions { symbol: Some("COIN"), ..ImportOptions::default() };
    let Market::Ticks(ticks) = import::read(&market, &options).expect("a sound file") else {
        panic!("trades")
    };
    let decimals = usize::from(ticks.meta.price_decimals);
    let prices = ticks.columns.price;
    assert!(prices.len() > 40_000, "a whole day has more than {} trades", prices.len());
    let bps = [60, 90, 30, 20];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("positions.csv");
    std::fs::write(&file, positions(&prices, decimals, 300, bps)).expect("the folder takes files");
    let wanted = by_hand(&prices, 300, bps);
    assert!(wanted.len() > 250, "only {} exits", wanted.len());
    assert_eq!(sorted(exits(&spec(market, file))), wanted);
}

/// Stops before targets: at the open at the market, in the candle at their level.
fn in_candles(candles: &[Vec<i64>], count: usize, [stop, target, ..]: [i64; 4]) -> Vec<Line> {
    let [open, high, low, close] = candles else { panic!("four columns") };
    let mut lines = Vec::new();
    for n in (0..count).filter(|n| n % 3 != 0) {
        let first = n * open.len() / count;
        let (s, e) = (if n % 2 == 0 { 1 } else { -1 }, close[first]);
        let (stop, target) = (e - s * part(e, stop), e + s * part(e, target));
        for row in first + 1..open.len() {
            let (good, bad) = if s > 0 { (high[row], low[row]) } else { (low[row], high[row]) };
            let why = if s * (open[row] - stop) <= 0 {
                Some(("STOP_LOSS", open[row]))
            } else if s * (open[row] - target) >= 0 {
                Some(("TAKE_PROFIT", target))
            } else if s * (bad - stop) <= 0 {
                Some(("STOP_LOSS", stop))
            } else if s * (good - target) >= 0 {
                Some(("TAKE_PROFIT", target))
            } else {
                None
            };
            if let Some((reason, price)) = why {
                lines.push((n.to_string(), row as u64, reason, price));
                break;
            }
        }
    }
    lines.sort();
    lines
}

#[test]
fn crashes_on_candles() {
    let files = [
        ("csv/binance-spot-BTCUSDT-candles-1m-20210420-excerpt-20210519.csv", 2),
        ("csv/binance-spot-BCHUSDT-candles-1m-20210420-excerpt-20210519.csv", 2),
        ("csv/binance-spot-ETHUSDT-candles-1m-20240726-excerpt-20240805.csv", 2),
        ("csv/binance-usdm-DOGEUSDT-candles-5m-20250407-excerpt-20251010-11.csv", 5),
    ];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("positions.csv");
    for (name, decimals) in files {
        let Some(market) = data(name) else { return };
        let candles = columns(&market, &["open", "high", "low", "close"], decimals);
        for bps in [[200, 400, 0, 0], [1_000, 300, 0, 0], [50, 50, 0, 0]] {
            let all = positions(&candles[3], decimals, 200, [bps[0], bps[1], 100, 100]);
            // Those that trail are asked elsewhere.
            let lines = all.lines().filter(|line| line.ends_with(",,") || line.starts_with("id"));
            std::fs::write(&file, lines.map(|line| format!("{line}\n")).collect::<String>())
                .expect("written");
            let wanted = in_candles(&candles, 200, bps);
            assert!(wanted.len() > 40, "{name}: only {} exits", wanted.len());
            assert_eq!(sorted(exits(&spec(market.clone(), file.clone()))), wanted, "{name} {bps:?}");
        }
    }
}

/// On 2025-10-10 the contract traded down to 0.08385 and the mark only to 0.08867.
#[test]
fn a_stop_on_the_mark_outlives_the_wick_that_takes_a_stop_on_the_last_price() {
    let Some(candles) = data("csv/binance-usdm-DOGEUSDT-candles-5m-20250407-excerpt-20251010-11.csv") else {
        return;
    };
    let Some(mark) = data("csv/binance-usdm-DOGEUSDT-mark-1h-20250501-excerpt-20251010-11.csv") else {
        return;
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stop = |name: &str, source: &str, price: &str| {
        let plan = format!(
            "version = 1\nname = \"{name}\"\n[stop_loss]\ndistance = {{ price = {price} }}\nsource = \"{source}\"\nexit = \"market\"\n"
        );
        std::fs::write(folder.path().join(format!("{name}.toml")), plan).expect("the folder takes files");
    };
    // From 0.24843 down to 0.086 is 0.16243; down to 0.09 is 0.15843.
    stop("last", "last", "0.16243");
    stop("mark", "mark", "0.16243");
    stop("both", "mark", "0.15843");
    let file = folder.path().join("positions.csv");
    let rows = ["last", "mark", "both"].map(|name| format!("{name},COIN,long,0,0.24843,100,{name}.toml\n"));
    let header = "id,symbol,side,entry_index,entry_price,qty,plan\n";
    std::fs::write(&file, format!("{header}{}", rows.concat())).expect("the folder takes files");
    let mut spec = spec(candles, file);
    spec.market.push(mark);
    let closed: Vec<(String, &str)> =
        exits(&spec).into_iter().map(|(id, _, reason, _)| (id, reason)).collect();
    assert_eq!(sorted_names(closed), [("both".to_owned(), "STOP_LOSS"), ("last".to_owned(), "STOP_LOSS")]);
}

fn sorted_names(mut closed: Vec<(String, &'static str)>) -> Vec<(String, &'static str)> {
    closed.sort();
    closed
}
