//! Times of positions files: the same moment however it is written.

use ripcord_core::time::Timestamp;
use ripcord_service::names::rfc3339;
use ripcord_sim::positions::parse_time;

pub(crate) fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(nanos) = parse_time(text) else { return };
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        assert!(nanos >= 0, "{text}");
        return;
    }
    // The calendar that writes is not the one that reads.
    if nanos >= 0 {
        let told = rfc3339(Timestamp(nanos / 1_000_000_000 * 1_000_000_000));
        assert_eq!(parse_time(&told), Ok(nanos / 1_000_000_000 * 1_000_000_000), "{text} is told as {told}");
    }
}
