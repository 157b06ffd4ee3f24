//! Exits files: those that are read are written as files that read the same.

use ripcord_report::exits::{self, read_csv};

pub(crate) fn run(data: &[u8]) {
    let Ok(rows) = read_csv("exits.csv", data) else { return };
    let mut written = Vec::new();
    exits::write_csv(&mut written, &rows).expect("memory");
    let again = read_csv("again.csv", &written[..]).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(again.len(), rows.len());
    for (one, other) in rows.iter().zip(&again) {
        assert_eq!(
            (&one.position_id, one.exit_index, one.reason),
            (&other.position_id, other.exit_index, other.reason)
        );
        assert_eq!(
            (one.price_text(), one.qty_text(), one.trigger_text()),
            (other.price_text(), other.qty_text(), other.trigger_text())
        );
    }
}
