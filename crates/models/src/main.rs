#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a terminal program talks on the terminal")]
//! x
use ripcord_models::{
    model::Exits,
    run::{Way, explore},
    setup,
    story::tell,
};

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let only = args.get(1).cloned();
    for mut setup in setup::small().into_iter().chain(setup::broken()) {
        if only.as_deref().is_some_and(|only| only != setup.name) {
            continue;
        }
        if let Some(b) = args.get(2).filter(|a| !a.is_empty()) {
            setup.budget = Default::default();
            for part in b.split(',') {
                let (n, v) = part.split_once('=').unwrap();
                if n == "again" {
                    setup.takes_ids_again = true;
                    continue;
                }
                if n == "prices" {
                    setup.prices = &setup.prices[..v.parse::<usize>().unwrap()];
                    continue;
                }
                *setup.budget.named(n).unwrap() = v.parse().unwrap();
            }
        }
        let shortest = args.get(3).is_some_and(|w| w == "bfs");
        let out = explore(setup, Way { threads: if shortest {1} else {2}, shortest, states_max: std::env::var("MAX").map_or(3_000_000, |m| m.parse().unwrap()) }, |o| {
            eprintln!("{} {} {} {}", o.unique, o.generated, o.depth, o.healed)
        });
        println!(
            "{:<14} {:>12} unique {:>12} generated {:>4} deep {:>9} healed {:>8.1} s {:?} {}",
            setup.name,
            out.unique,
            out.generated,
            out.depth,
            out.healed,
            out.took.as_secs_f64(),
            out.violated.as_ref().map(|v| v.0),
            out.is_whole
        );
        if let Some((_, acts)) = out.violated {
            for line in tell(&Exits::new(setup), &acts) {
                println!("  {line}");
            }
        }
    }
}
