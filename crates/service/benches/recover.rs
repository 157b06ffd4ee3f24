//! How soon a start manages its positions again: `cargo xtask bench recover [--positions N] [--minutes M]`.
//!
//! A paper run with N positions, each with a stop at the venue, ends without a word: nothing is concluded, the
//! last records are behind the last snapshot. Then its store is opened again. Round trips of a venue are not
//! in it.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::time::{Duration, Instant};

use ripcord_core::time::{Span, Timestamp};
use ripcord_service::keeper::{Keeper, KeptAt};
use ripcord_service::plans::RunPlans;
use ripcord_service::session::{Advance, Session, SessionSpec};
use ripcord_service::source::Market;
use ripcord_sim::generator::Script;

const START: Timestamp = Timestamp(1_767_225_600_000_000_000);
/// Wide enough that positions live long.
const PLAN: &str = r#"
version = 1
name = "bench"
[stop_loss]
distance = { fraction = "0.30" }
[trailing]
activation = "0.25"
distance = { fraction = "0.04" }
[bracket]
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number = |name: &str, otherwise: u32| {
        let text = std::env::args().skip_while(|argument| argument != name).nth(1);
        text.map_or(otherwise, |text| text.parse().expect("a number follows the option"))
    };
    let (positions, minutes) = (number("--positions", 500), number("--minutes", 10));
    let folder = tempfile::tempdir()?;
    let plan = folder.path().join("bench.toml");
    std::fs::write(&plan, PLAN)?;
    let plans = RunPlans::given(&plan)?;
    let at = KeptAt { path: folder.path().join("paper.db"), vfs: None };
    let held = live(&at, &plans, positions, minutes)?;
    let records = ripcord_store::Reader::open(&at.path)?.head()?.1.seq;
    println!("a run of {minutes} min: {held} positions held, {records} records, killed");
    for attempt in ["first", "again"] {
        let start = Instant::now();
        let (keeper, past) = Keeper::open(&at, START)?;
        let opened = start.elapsed();
        let coordinator = past.as_ref().map(|past| &past.coordinator).ok_or("nothing was kept")?;
        let covered = coordinator.view().protections().filter(|one| one.covered == one.closable).count();
        let known = coordinator.view().positions().count();
        print(attempt, opened, known, covered);
        drop((keeper, past));
    }
    let start = Instant::now();
    let session = begin(&at, &plans, positions)?;
    println!("with the generated market walked to where it was: {:.3} s", start.elapsed().as_secs_f64());
    drop(session);
    Ok(())
}

fn print(attempt: &str, opened: Duration, known: usize, covered: usize) {
    println!(
        "{attempt}: store to positions that are managed {:.3} s: {known} known, {covered} covered at the venue",
        opened.as_secs_f64()
    );
}

fn begin(at: &KeptAt, plans: &RunPlans, positions_max: u32) -> Result<Session, Box<dyn std::error::Error>> {
    let market = Market::Generated { seed: 7, script: Script::Calm };
    let kept = Some(Keeper::open(at, START)?);
    Ok(Session::new(SessionSpec { market, seed: 7, positions_max, start: START, plans, kept, budget: None })?)
}

/// Lets a run hold its positions, and leaves it as a kill does. How many it held.
fn live(
    at: &KeptAt,
    plans: &RunPlans,
    positions: u32,
    minutes: u32,
) -> Result<usize, Box<dyn std::error::Error>> {
    let mut session = begin(at, plans, positions)?;
    let until = START.after(Span::from_secs(i64::from(minutes) * 60));
    while session.now() < until || session.positions().len() < positions as usize {
        let to = session.now().after(Span::from_secs(1));
        while session.advance(to, 10_000)? == Advance::More {}
        session.checkpoint();
        drop(session.take_lines());
        if session.now() > until.after(Span::from_secs(3_600)) {
            break;
        }
    }
    Ok(session.positions().len())
}
