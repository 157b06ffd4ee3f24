//! A coordinator and the simplest venue: every order that takes liquidity fills at the last price.
//! It decides nothing; a case's prices go in, what the core wrote down is read.

use ripcord_core::Coordinator;
use ripcord_core::bars::BarOrigin;
use ripcord_core::event::{
    Absence, Action, Command, Event, ExitDecided, Filled, Opening, Outbox, Probe, Record, Tick, VenueEvent,
};
use ripcord_core::gate::Approved;
use ripcord_core::id::{AccountId, InstrumentId, PlanId, PositionKey};
use ripcord_core::instrument::{Instrument, Side};
use ripcord_core::market::{Bar, PriceSource};
use ripcord_core::num::{Money, Price, Qty, Ratio, Round};
use ripcord_core::order::{ExitOrder, Fill};
use ripcord_core::plan::PlanSpec;
use ripcord_core::time::{Span, Timestamp};
use ripcord_core::view::PositionView;
use ripcord_report::exits::ExitRow;

use crate::number::Number;

/// What the venue takes for a fill.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fee {
    /// A share of the value.
    Rate(Ratio),
    /// This much.
    Fixed(Money),
}

/// One position's world.
#[derive(Debug)]
pub(crate) struct Drive {
    pub(crate) core: Coordinator,
    pub(crate) instrument: Instrument,
    pub(crate) key: PositionKey,
    /// Whether orders are filled; a venue that says nothing leaves a close under way.
    pub(crate) fills: bool,
    pub(crate) fee: Fee,
    pub(crate) records: Vec<Record>,
    /// Orders sent, ever.
    pub(crate) sent: Vec<ExitOrder>,
    now: Timestamp,
    last: Price,
    out: Outbox,
}

/// Length of the bars that carry an ATR.
pub(crate) const BAR_SECS: u32 = 3600;

/// An instrument fine enough for these prices: nine decimals, or twelve for prices far below a cent.
pub(crate) fn fine_instrument(prices: &[Number]) -> Instrument {
    let needed = prices.iter().map(|price| price.places()).max().unwrap_or(0);
    let decimals = if needed > 9 { 12 } else { 9 };
    Instrument::from_decimals("CASE", decimals, 18 - decimals)
}

impl Drive {
    pub(crate) fn new(side: Side, instrument: Instrument) -> Result<Self, String> {
        let mut core = Coordinator::new();
        let sources = [PriceSource::Last];
        let id = core
            .add_instrument(instrument.clone(), &sources, BarOrigin::Bars)
            .map_err(|error| error.to_string())?;
        Ok(Self {
            core,
            instrument,
            key: PositionKey { account: AccountId(1), instrument: id, side },
            fills: true,
            fee: Fee::Rate(Ratio::ZERO),
            records: Vec::new(),
            sent: Vec::new(),
            now: Timestamp(0),
            last: Price(0),
            out: Outbox::default(),
        })
    }

    /// A world with a plan, resolved as any other.
    pub(crate) fn with_plan(
        side: Side,
        instrument: Instrument,
        spec: &PlanSpec,
    ) -> Result<(Self, PlanId), String> {
        let mut drive = Self::new(side, instrument)?;
        let plan = drive.plan(spec)?;
        Ok((drive, plan))
    }

    pub(crate) fn plan(&mut self, spec: &PlanSpec) -> Result<PlanId, String> {
        let plan = spec.resolve(self.key.instrument, &self.instrument).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            format!("the plan is refused: {}", faults.join("; "))
        })?;
        self.core.add_plan(plan).map_err(|error| error.to_string())
    }

    pub(crate) fn price_of(&self, number: Number) -> Result<Price, String> {
        number.price(self.instrument.price_decimals)
    }

    pub(crate) fn number(&self, price: Price) -> Number {
        Number::scaled(i128::from(price.0), self.instrument.price_decimals)
    }

    pub(crate) fn shown(&self, price: Price) -> String {
        self.number(price).to_string()
    }

    pub(crate) fn qty_shown(&self, qty: Qty) -> String {
        Number::scaled(i128::from(qty.0), self.instrument.qty_decimals).to_string()
    }

    /// Takes a position over.
    pub(crate) fn open(&mut self, plan: PlanId, size: Number, entry: Number) -> Result<(), String> {
        self.open_with_fees(plan, size, entry, Money::ZERO)
    }

    pub(crate) fn open_with_fees(
        &mut self,
        plan: PlanId,
        size: Number,
        entry: Number,
        entry_fees: Money,
    ) -> Result<(), String> {
        self.take_over(plan, size, entry, entry_fees)?;
        if self.view().is_none() {
            return Err(format!("the opening of {size} at {entry} was refused"));
        }
        Ok(())
    }

    /// The same, where the position may be closed at once.
    pub(crate) fn take_over(
        &mut self,
        plan: PlanId,
        size: Number,
        entry: Number,
        entry_fees: Money,
    ) -> Result<(), String> {
        let qty = size.qty(self.instrument.qty_decimals)?;
        let entry = self.price_of(entry)?;
        self.last = entry;
        let opening = Opening { key: self.key, plan, qty, entry, entry_fees };
        self.command(Command::Open(Box::new(opening)));
        Ok(())
    }

    /// A price that may fire everything.
    pub(crate) fn tick(&mut self, price: Number) -> Result<(), String> {
        let price = self.price_of(price)?;
        self.probe(price, Probe::TICK);
        Ok(())
    }

    /// A price of the past that only counts as an extreme.
    pub(crate) fn extreme(&mut self, price: Number) -> Result<(), String> {
        let price = self.price_of(price)?;
        self.probe(price, Probe { classes: Probe::EXTREME, ..Probe::TICK });
        Ok(())
    }

    pub(crate) fn probe(&mut self, price: Price, probe: Probe) {
        self.last = price;
        let cell = self.core.cell(self.key.instrument, PriceSource::Last);
        self.handle(Event::Tick(Tick { at: self.now, price, qty: Qty(0), cell, probe }));
    }

    pub(crate) fn command(&mut self, command: Command) {
        self.handle(Event::Command(command));
    }

    /// Moves the stop to a price.
    pub(crate) fn move_stop(&mut self, to: Number) -> Result<(), String> {
        let to = self.price_of(to)?;
        self.command(Command::MoveStop { key: self.key, to });
        Ok(())
    }

    /// The strategy wants out, now.
    pub(crate) fn signal(&mut self) {
        self.command(Command::Signal { key: self.key, at: self.now });
    }

    /// Closes all, or a part, on command.
    pub(crate) fn close(&mut self, qty: Option<Qty>) {
        self.command(Command::Close { key: self.key, qty });
    }

    /// Closed bars after which the ATR of the last bar is `range`; the first only gives a close before.
    pub(crate) fn atr(&mut self, middle: Number, range: Number) -> Result<(), String> {
        self.bar(middle, range)?;
        self.bar(middle, range)
    }

    /// A closed bar whose true range is `range`, around `middle`.
    fn bar(&mut self, middle: Number, range: Number) -> Result<(), String> {
        let (middle, range) = (self.price_of(middle)?, self.price_of(range)?);
        let span = Span::from_secs(i64::from(BAR_SECS));
        let start = self.now;
        self.now = start.after(span);
        let low = Price(middle.0 - range.0 / 2);
        let high = Price(low.0 + range.0);
        let bar = Bar { instrument: self.key.instrument, span, start, high, low, close: middle };
        self.handle(Event::Bar(bar));
        Ok(())
    }

    /// Lets time pass.
    pub(crate) fn wait(&mut self, span: Span) {
        self.now = self.now.after(span);
    }

    pub(crate) fn view(&self) -> Option<PositionView> {
        self.core.view().position(self.key)
    }

    /// What is held.
    pub(crate) fn held(&self) -> Qty {
        self.view().map_or(Qty(0), |view| view.qty)
    }

    /// Exits decided from the record numbered `from` on.
    pub(crate) fn decided_since(&self, from: usize) -> impl Iterator<Item = &ExitDecided> {
        self.records[from..].iter().filter_map(|record| match record {
            Record::ExitDecided(decided) => Some(&**decided),
            _ => None,
        })
    }

    /// The last exit decided.
    pub(crate) fn decided(&self) -> Option<&ExitDecided> {
        self.decided_since(0).last()
    }

    /// The rows of all fills, as reports have them.
    pub(crate) fn rows(&self) -> Vec<ExitRow> {
        let fills = self.records.iter().filter_map(|record| match record {
            Record::Filled(filled) => Some(&**filled),
            _ => None,
        });
        fills.map(|filled| self.row(filled)).collect()
    }

    fn row(&self, filled: &Filled) -> ExitRow {
        ExitRow::from_fill(filled, &self.instrument, "case", 1, self.now, None)
    }

    fn handle(&mut self, event: Event) {
        let mut events = std::collections::VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            self.core.handle(self.now, event, &mut self.out);
            self.records.extend(self.out.records.drain(..).map(|entry| entry.record));
            let actions = std::mem::take(&mut self.out.actions);
            for action in actions {
                match action {
                    Action::Submit(order) => events.extend(self.submit(&order)),
                    Action::Cancel(id) => events.push_back(Event::Venue(VenueEvent::Cancelled(id))),
                    Action::Query(id) => {
                        let absence = Absence { id, asked_at: self.now };
                        events.push_back(Event::Venue(VenueEvent::Absent(Box::new(absence))));
                    }
                    Action::ReadPositions(_) | Action::ListOrders(_) | Action::CancelForeign(..) => {}
                }
            }
        }
    }

    fn submit(&mut self, order: &Approved) -> Vec<Event> {
        let order = *order.order();
        self.sent.push(order);
        if !self.fills {
            return Vec::new();
        }
        let mut answers = vec![Event::Venue(VenueEvent::Accepted(order.id))];
        if !order.kind.rests() {
            let fee = match self.fee {
                Fee::Rate(rate) => self.instrument.notional(self.last, order.qty).times(rate, Round::Up),
                Fee::Fixed(fee) => fee,
            };
            let fill = Fill { id: order.id, filled_total: order.qty, price: self.last, fee };
            answers.push(Event::Venue(VenueEvent::Filled(Box::new(fill))));
        }
        answers
    }
}

/// The instrument's id is the first of its coordinator.
pub(crate) const FIRST: InstrumentId = InstrumentId(0);
