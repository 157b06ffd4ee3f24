//! Bars and their ATR: one feed per instrument, bar length and period.
//!
//! Bars come from outside (candles) or are cut from the ticks of the last price at multiples of
//! their length; a stretch without prices makes no bar. Between two borders nothing is computed.

use serde::{Deserialize, Serialize};

use crate::id::InstrumentId;
use crate::indicator::{Atr, AtrValue};
use crate::market::Bar;
use crate::num::Price;
use crate::plan::AtrSpec;
use crate::time::Timestamp;
use crate::watch::{Moment, Slot};

/// Where an instrument's bars come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarOrigin {
    /// Cut from ticks, here.
    Ticks,
    /// Given as closed bars of some length that divides the feed's.
    Bars,
}

/// The bar that is still running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Running {
    start: Timestamp,
    high: Price,
    low: Price,
    close: Price,
}

/// The ATR of one instrument on bars of one length.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BarFeed {
    /// The instrument.
    pub instrument: InstrumentId,
    /// Bar length and period.
    pub spec: AtrSpec,
    /// Where bars come from.
    pub origin: BarOrigin,
    atr: Atr,
    running: Option<Running>,
    /// Price and end of the last closed bar.
    closed: Option<(Price, Timestamp)>,
    /// End of the last bar from outside.
    #[serde(default)]
    told_until: Option<Timestamp>,
    /// Moment the running bar began, in the extremes of its cell.
    #[serde(skip)]
    pub(crate) since: Moment,
    /// Positions whose distances follow it.
    #[serde(skip)]
    pub(crate) users: Vec<Slot>,
}

impl BarFeed {
    /// A feed without bars yet.
    #[must_use]
    pub fn new(instrument: InstrumentId, spec: AtrSpec, origin: BarOrigin) -> Self {
        Self {
            instrument,
            spec,
            origin,
            atr: Atr::new(spec.period),
            running: None,
            closed: None,
            told_until: None,
            since: Moment::default(),
            users: Vec::new(),
        }
    }

    /// The ATR after the last closed bar.
    #[must_use]
    pub fn atr(&self) -> Option<AtrValue> {
        self.atr.value()
    }

    /// Price and end of the last closed bar.
    #[must_use]
    pub const fn closed(&self) -> Option<(Price, Timestamp)> {
        self.closed
    }

    /// The border after `now` at which a bar of this feed ends.
    #[must_use]
    pub fn next_border(&self, now: Timestamp) -> Timestamp {
        let span = self.spec.bar.0;
        Timestamp((now.0.div_euclid(span) + 1).saturating_mul(span))
    }

    /// Adds what prices did since the last call to the running bar.
    pub fn add(&mut self, start: Timestamp, high: Price, low: Price, close: Price) {
        match &mut self.running {
            Some(running) => {
                running.high = running.high.max(high);
                running.low = running.low.min(low);
                running.close = close;
            }
            None => self.running = Some(Running { start, high, low, close }),
        }
    }

    /// Whether a closed bar from outside begins where the last one ended, or later. One that comes late
    /// or twice would count its range a second time.
    #[must_use]
    pub fn is_next(&self, bar: &Bar) -> bool {
        self.told_until.is_none_or(|until| bar.start >= until)
    }

    /// Adds a closed bar from outside, which [`BarFeed::is_next`]; returns the feed's bars that this closes (a gap may close the one before).
    pub fn add_bar(&mut self, bar: &Bar) -> [Option<Bar>; 2] {
        let span = self.spec.bar.0;
        let border = |at: Timestamp| at.0.div_euclid(span);
        let mut closed = [None, None];
        if self.running.is_some_and(|running| border(running.start) != border(bar.start)) {
            closed[0] = self.close();
        }
        self.told_until = Some(bar.start.after(bar.span));
        self.add(bar.start, bar.high, bar.low, bar.close);
        if bar.start.after(bar.span).0.rem_euclid(span) == 0 {
            closed[1] = self.close();
        }
        closed
    }

    /// Closes the running bar, if any price came in it, and updates the ATR.
    pub fn close(&mut self) -> Option<Bar> {
        let running = self.running.take()?;
        self.atr.update(running.high, running.low, running.close);
        let span = self.spec.bar;
        let start = Timestamp(running.start.0.div_euclid(span.0) * span.0);
        self.closed = Some((running.close, start.after(span)));
        Some(Bar {
            instrument: self.instrument,
            span,
            start,
            high: running.high,
            low: running.low,
            close: running.close,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::Span;

    #[test]
    fn five_minute_bars_make_an_hour_and_a_gap_closes_the_hour_before() {
        let spec = AtrSpec { bar: Span::from_secs(3_600), period: 2 };
        let mut feed = BarFeed::new(InstrumentId(0), spec, BarOrigin::Bars);
        let minute = |m: i64| Timestamp(m * 60_000_000_000);
        let bar = |m: i64, high: i64, low: i64| Bar {
            instrument: InstrumentId(0),
            span: Span::from_secs(300),
            start: minute(m),
            high: Price(high),
            low: Price(low),
            close: Price(low),
        };
        assert_eq!(feed.add_bar(&bar(0, 110, 100)), [None, None]);
        assert_eq!(feed.add_bar(&bar(30, 120, 105)), [None, None]);
        // The hour's last bars are missing: the first bar of the third hour closes the first.
        let [Some(hour), None] = feed.add_bar(&bar(120, 90, 80)) else { panic!("one hour closes") };
        assert_eq!(
            (hour.start, hour.high, hour.low, hour.close),
            (minute(0), Price(120), Price(100), Price(105))
        );
        let [None, Some(hour)] = feed.add_bar(&bar(175, 95, 85)) else {
            panic!("the hour ends with its last bar")
        };
        assert_eq!((hour.start, hour.high, hour.low), (minute(120), Price(95), Price(80)));
    }
}
