//! Scan, leap, span and gaps give the answer that a plain loop over the rows gives.

use proptest::prelude::*;
use ripcord_core::market::PriceSource;
use ripcord_sim::tape::{Bands, Columns, SourceSpan, Tape};

use crate::support::{Scratch, tape_of, walk};

fn naive_scan(columns: &Columns, from: usize, to: usize, bands: &Bands) -> usize {
    let outside = |&row: &usize| {
        let code = usize::from(columns.source[row]);
        columns.price[row] <= bands.lo[code] || columns.price[row] >= bands.hi[code]
    };
    (from..to.min(columns.ts.len())).find(outside).unwrap_or(to)
}

fn naive_span(columns: &Columns, from: usize, to: usize, source: PriceSource) -> Option<SourceSpan> {
    let rows: Vec<usize> = (from..to).filter(|&row| columns.source[row] == source as u8).collect();
    let prices = || rows.iter().map(|&row| columns.price[row]);
    let last = *rows.last()?;
    Some(SourceSpan {
        min: prices().min()?,
        max: prices().max()?,
        last: columns.price[last],
        last_at: columns.ts[last],
        count: rows.len(),
    })
}

fn naive_gap(columns: &Columns, from: usize, to: usize, source: PriceSource) -> Option<i64> {
    let of_source = |row: &usize| columns.source[*row] == source as u8;
    let pause = |row: usize| {
        let before = (0..row).rev().find(of_source);
        before.map_or(0, |before| columns.ts[row] - columns.ts[before])
    };
    (from..to).filter(of_source).map(pause).max()
}

/// Held against the plain loops, in memory and from a file.
fn check(columns: Columns, from: usize, to: usize, bands: &Bands) -> Result<(), TestCaseError> {
    let scratch = Scratch::new();
    let in_memory = tape_of(columns.clone());
    in_memory.write(&scratch.path("walk.tape")).expect("the tape is written");
    let mapped = Tape::open(&scratch.path("walk.tape")).expect("the tape is whole");
    mapped.verify().expect("the tape is true");
    let expected = naive_scan(&columns, from, to, bands);
    for tape in [&in_memory, &mapped] {
        prop_assert_eq!(tape.scan(from, to, bands), expected, "scan");
        prop_assert_eq!(tape.leap(from, to, bands), expected, "leap");
        for source in PriceSource::ALL {
            prop_assert_eq!(tape.span(from, to, source), naive_span(&columns, from, to, source));
            prop_assert_eq!(tape.longest_gap(from, to, source), naive_gap(&columns, from, to, source));
        }
        let wanted = columns.ts[to.saturating_sub(1)] + 1;
        let naive = (from..columns.ts.len()).find(|&row| columns.ts[row] >= wanted);
        prop_assert_eq!(tape.first_at_or_after(from, wanted), naive.unwrap_or(columns.ts.len()));
    }
    Ok(())
}

fn codes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(vec![0]),
        Just(vec![3]),
        Just(vec![1, 2]),
        Just(vec![0, 1, 2, 3, 4]),
        // One source is rare: many nodes have no row of it.
        Just([[1].repeat(300), vec![4]].concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn leap_and_scan_and_span_are_the_plain_loop(
        seed in any::<u64>(),
        rows in prop_oneof![1_usize..300, 4_000_usize..9_000],
        codes in codes(),
        from in 0.0..1.0,
        length in 0.0..1.0,
        reach in prop_oneof![0_i64..60, 60_i64..3_000],
        is_lopsided in any::<bool>(),
    ) {
        let columns = walk(seed, rows, &codes);
        let from = (from * rows as f64) as usize;
        let to = from + (length * (rows - from) as f64) as usize + 1;
        let middle = columns.price[from];
        let mut bands = Bands { lo: [middle - reach; 5], hi: [middle + reach; 5] };
        if is_lopsided {
            bands = Bands { lo: [i64::MIN; 5], ..bands }.with(PriceSource::Ask, middle - reach, i64::MAX);
        }
        check(columns, from, to.min(rows), &bands)?;
    }
}

#[test]
fn tapes_that_end_at_node_borders_answer_to_the_last_row() {
    for rows in [1, 2, 63, 64, 65, 127, 128, 4_095, 4_096, 4_097, 4_160] {
        for codes in [&[0_u8][..], &[1, 2]] {
            let mut columns = walk(rows as u64, rows, codes);
            columns.price.fill(50);
            columns.price[rows - 1] = 99;
            let tape = tape_of(columns.clone());
            let bands = Bands { lo: [10; 5], hi: [99; 5] };
            assert_eq!(tape.leap(0, rows, &bands), rows - 1, "{rows} rows");
            assert_eq!(tape.scan(0, rows, &bands), rows - 1, "{rows} rows");
            assert_eq!(tape.leap(0, rows - 1, &bands), rows - 1, "the last row is not asked");
            assert_eq!(tape.leap(0, rows + 7, &bands), rows - 1, "to may be beyond the end");
            assert_eq!(
                tape.leap(0, rows + 7, &Bands::OPEN),
                rows + 7,
                "and is the answer when nothing is outside"
            );
            assert_eq!(tape.scan(0, rows + 7, &Bands::OPEN), rows + 7);
            assert_eq!(tape.leap(rows + 3, rows + 7, &bands), rows + 7);
        }
    }
}

#[test]
fn band_edges_at_the_ends_of_64_bits_hold() {
    let mut columns = walk(1, 3, &[0]);
    columns.price = vec![1, 500, i64::MAX];
    let tape = tape_of(columns.clone());
    for edge in [i64::MIN, i64::MIN + 1, -2, -1, 0, 1, 2, 499, 500, 501, i64::MAX - 1, i64::MAX] {
        for bands in [
            Bands::OPEN.with(PriceSource::Last, edge, i64::MAX),
            Bands::OPEN.with(PriceSource::Last, i64::MIN, edge),
            Bands::OPEN.with(PriceSource::Last, edge, edge),
        ] {
            for from in 0..3 {
                let expected = naive_scan(&columns, from, 3, &bands);
                assert_eq!(tape.scan(from, 3, &bands), expected, "scan from {from} with {bands:?}");
                assert_eq!(tape.leap(from, 3, &bands), expected, "leap from {from} with {bands:?}");
            }
        }
    }
}

#[test]
fn an_empty_tape_has_no_answers_and_no_panics() {
    let tape = tape_of(Columns::default());
    assert_eq!((tape.rows(), tape.scan(0, 0, &Bands::OPEN), tape.leap(0, 5, &Bands::OPEN)), (0, 0, 5));
    assert_eq!((tape.span(0, 9, PriceSource::Last), tape.first_at_or_after(3, 0)), (None, 0));
    assert!(tape.sources().is_empty());
}
