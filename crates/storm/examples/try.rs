use ripcord_core::time::Span;
use ripcord_storm::{Config, run};
use rayon::prelude::*;
fn main() {
    let v: Vec<String> = std::env::args().collect();
    if v[1] == "shrink" { let seed: u64 = v[2].parse().unwrap(); let c = Config::of(seed, None, Span::from_secs(v[3].parse::<i64>().unwrap()*3600), seed % 2 == 1); let o = run(&c); let Some(f) = o.violation else { println!("fine"); return }; println!("{f:?}"); let small = ripcord_storm::shrink(&ripcord_storm::Scenario::drawn(&c), &f, std::time::Duration::from_secs(100)); println!("{} moves", small.moves.len()); std::fs::write(&v[4], small.text()).unwrap(); return; }
    let a: Vec<u64> = std::env::args().skip(1).map(|x| x.parse().unwrap()).collect();
    if a.len() == 2 { let c = Config::of(a[0], None, Span::from_secs(a[1] as i64*3600), a[0] % 2 == 1); let (o, lines) = ripcord_storm::tell(&c, 60000); println!("{c:?}"); for l in lines { println!("{l}"); } println!("{o:?}"); return; }
    let (from, to, hours) = (a[0], a[1], a[2]);
    let t = std::time::Instant::now();
    let mut all: Vec<_> = (from..to).into_par_iter().map(|seed| {
        let c = Config::of(seed, None, Span::from_secs(hours as i64 * 3600), seed % 2 == 1);
        let r = std::panic::catch_unwind(|| run(&c));
        (seed, c, r)
    }).collect();
    all.sort_by_key(|x| x.0);
    let mut steps = 0; let mut bad = 0; let mut days = 0.0;
    let mut seen = std::collections::BTreeMap::new(); let mut fired = std::collections::BTreeMap::new();
    for (seed, c, r) in &all {
        match r { Ok(o) => { steps += o.steps; days += o.lasted.0 as f64 / 86400e9;
            for (k,v) in &o.seen { *seen.entry(*k).or_insert(0) += v; }
            for (k,v) in &o.fired { *fired.entry(k.word()).or_insert(0) += v; }
            if let Some(v) = &o.violation { bad += 1; println!("{seed} {} at {:.3} {:?} {}: {}", c.venue.word(), (v.at.0 - 1760000000000000000) as f64/1e9, v.key.map(|k| (k.account.0, k.instrument.0, k.side.word())), v.invariant, v.what); } }
            Err(e) => { bad += 1; println!("{seed} {} PANIC {:?}", c.venue.word(), e.downcast_ref::<String>()); } }
    }
    let s = t.elapsed().as_secs_f64();
    if a.len() > 3 { println!("{seen:#?}\n{fired:#?}"); }
    println!("{bad} bad of {}, {steps} steps, {days:.2} days, {s:.2} s, {:.1} years/h", all.len(), days/365.0/s*3600.0);
}
