//! A session: market, demo and desk in one hand, without a clock.
//!
//! Whoever drives it says how far market time has come; it hands over the rows up to there, opens
//! positions when the demo wants to, and tells what happened. The same market, seed and demo give
//! the same lines at every speed.

use std::collections::VecDeque;

use ripcord_core::account::Management;
use ripcord_core::coordinator::Coordinator;
use ripcord_core::coverage::Wants;
use ripcord_core::engine::RegisterError;
use ripcord_core::event::{Command, Entry, Opening, Record};
use ripcord_core::pacing::OrderBudget;
use ripcord_core::time::{Span, Timestamp};
use ripcord_core::view::PositionView;
use ripcord_sim::desk::{Desk, Reader, Venue};
use ripcord_sim::sensible::sensible;
use ripcord_sim::tape::TapeError;
use ripcord_sim::venue::{FillModel, ReadModel, SimVenue};

use crate::crash::{self, Point};
use crate::demo::{Book, Demo};
use crate::keeper::{Keeper, KeeperError, Past};
use crate::line::{Line, Tag};
use crate::names::{Names, price_text};
use crate::paper_books::PaperBooks;
use crate::plans::RunPlans;
use crate::protection::{Guard, Guarded};
use crate::source::{Market, MarketError, Source};
use crate::tags::Narrator;
use crate::tally::{ClosedTrade, Tally};
use crate::wire::link::Link;

mod commands;
mod lines;
mod made;
mod rehearsed;
mod said;

use lines::{passed_over_line, plan_of_before_line, regime_line};
use made::{accounts_taken, add_instruments, add_plans, listed, managed_accounts};

/// A line about all prices comes this often, in market time.
const MARKET_EVERY: Span = Span::from_secs(5);
/// A process that did not turn for so long was away: what was due meanwhile is done once, and at once.
const AWAY_FROM: Span = Span::from_secs(5);
/// When a recorded market ends, answers that are under way are waited for this long.
const SETTLES_WITHIN: Span = Span::from_secs(1);

/// How a venue is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reads {
    /// How often, in market time.
    pub every: Span,
    /// A difference without a trade is believed when a second read says the same this much later.
    pub confirm_after: Span,
}

impl Reads {
    /// Of a venue in this process.
    pub const OWN: Self = Self { every: Span::from_secs(60), confirm_after: Span::from_secs(5) };
}

/// What a session is made of.
#[derive(Debug)]
pub struct SessionSpec<'a> {
    /// The prices.
    pub market: Market,
    /// Chance of the demo.
    pub seed: u64,
    /// The most positions that are open at once.
    pub positions_max: u32,
    /// When a generated market begins.
    pub start: Timestamp,
    /// The plans that positions are opened under.
    pub plans: &'a RunPlans,
    /// Where everything is kept, and what it knew; none keeps nothing.
    pub kept: Option<(Keeper, Option<Past>)>,
    /// How many orders each account may send; none counts nothing.
    pub budget: Option<OrderBudget>,
}

/// Why a session cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The market.
    #[error(transparent)]
    Market(#[from] MarketError),
    /// An instrument.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The store.
    #[error(transparent)]
    Keeper(#[from] KeeperError),
    /// Plans that do not fit their instruments: every fault, with its place.
    #[error("{}", .0.join("\n"))]
    Plans(Vec<String>),
    /// No profile is for any instrument of the market.
    #[error(
        "no profile is for an instrument of this market ({symbols}); give one without instrument, or with one of these"
    )]
    NoPlan {
        /// The instruments.
        symbols: String,
    },
}

/// How far an advance came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// Everything up to the time that was asked for is done.
    Done,
    /// There is more; the number of rows was used up.
    More,
    /// The market has ended.
    Ended,
}

/// A running session.
#[derive(Debug)]
pub struct Session {
    desk: Desk<Box<dyn Venue>>,
    source: Source,
    demo: Demo,
    /// What is managed, told again after each reconnect.
    managed: Vec<Management>,
    budget: Option<OrderBudget>,
    teller: Teller,
    books: Vec<Book>,
    now: Timestamp,
    rows: u64,
    market_line_at: Timestamp,
    link: Link,
}

/// Reads the desk's records: tells them, and keeps what was closed for the demo.
#[derive(Debug)]
struct Teller {
    narrator: Narrator,
    lines: Vec<Line>,
    closed: VecDeque<(Timestamp, ClosedTrade)>,
    guard: Guard,
    paper_books: PaperBooks,
    keeper: Option<Keeper>,
    /// What a command caused, while it is carried out.
    heard: Option<Vec<Entry>>,
}

impl Reader for Teller {
    fn keep(&mut self) -> bool {
        crash::here(Point::BeforeCommit);
        self.keeper.as_mut().is_none_or(Keeper::keep)
    }

    fn read(&mut self, entry: &Entry) {
        if let Some(keeper) = &mut self.keeper {
            keeper.take(entry, self.narrator.names());
        }
        if matches!(entry.record, Record::Filled(_)) {
            crash::here(Point::BeforeRecord);
        }
        self.guard.take(entry);
        self.paper_books.take(&entry.record);
        if let Some(heard) = &mut self.heard {
            heard.push(entry.clone());
        }
        if let Some(closed) = self.narrator.read(entry, &mut self.lines) {
            self.closed.push_back((entry.at, closed));
        }
    }
}

impl Teller {
    /// Going on from what was remembered; it keeps nothing yet.
    fn going_on(past: Option<&Past>, names: Names, wants: Vec<Wants>) -> Self {
        let memory = past.map(|past| past.memory.clone()).unwrap_or_default();
        let coverage = past.map(|past| past.coverage.clone()).unwrap_or_default();
        Self {
            guard: Guard::going_on(coverage, names.instruments.clone(), wants),
            narrator: Narrator::going_on(names, memory),
            lines: Vec::new(),
            closed: VecDeque::new(),
            paper_books: past.map(|past| past.paper_books.clone()).unwrap_or_default(),
            keeper: None,
            heard: None,
        }
    }

    /// Reads what happened behind the newest snapshot. It was told; what is told is what of it cannot be gone on with.
    fn catch_up(&mut self, past: &Past) {
        for entry in &past.facts {
            self.read(entry);
        }
        self.closed = VecDeque::new();
        self.lines = past.passed_over.iter().map(|why| passed_over_line(past.now, why)).collect();
        self.lines.extend(past.founded.plans_of_before().map(|name| plan_of_before_line(past.now, name)));
    }

    /// Books on paper know again what was let go and what was closed.
    fn recall(&self, venue: &mut impl Venue) {
        self.paper_books.let_go().for_each(|(key, qty)| venue.recall_held(key, qty));
        self.paper_books.closed().for_each(|(key, qty)| venue.recall_closed(key, qty));
    }

    /// The line of an opening knows the stop; where the hard stop lies, only the position knows.
    fn tell_hard_stop(&mut self, taken: Option<&PositionView>) {
        let Some(PositionView { episode, hard_stop: Some(price), .. }) = taken else { return };
        let opened = self.lines.iter_mut().rev().find(|line| line.tag == Tag::PositionOpened);
        if let Some(line) = opened {
            let price = self.narrator.names().price(*episode, *price);
            line.text = line.text.replacen(" | plan=", &format!(" | hard_stop={price} | plan="), 1);
            line.fields.push(("hard_stop", price.into()));
        }
    }
}

impl Session {
    /// A session at its beginning, that trades at a venue in this process.
    ///
    /// # Errors
    /// When the market has nothing to say, or an instrument or plan cannot be computed with.
    pub fn new(spec: SessionSpec<'_>) -> Result<Self, SessionError> {
        let mut venue = SimVenue::new(FillModel::HONEST);
        venue.answer_reads(ReadModel::default());
        Self::at(Box::new(venue), Reads::OWN, spec)
    }

    /// A session at its beginning, that trades at `venue`.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn at(mut venue: Box<dyn Venue>, reads: Reads, spec: SessionSpec<'_>) -> Result<Self, SessionError> {
        let first = spec.market.start(spec.start)?;
        let (instruments, sources) = (spec.market.instruments(), spec.market.sources());
        let mut coordinator = Coordinator::new();
        venue.listen(spec.start);
        let cells = add_instruments(&mut coordinator, &mut venue, &instruments, &sources)?;
        let mut names = Names { instruments, plans: Vec::new() };
        let (ids, written) = add_plans(&mut coordinator, spec.plans, &mut names)?;
        let mut books = vec![Book::default(); names.instruments.len()];
        let settings = spec.market.settings(spec.seed);
        let listed = listed(&names.instruments, &sources);
        let (mut keeper, past) = spec.kept.map_or((None, None), |(keeper, past)| (Some(keeper), past));
        // A generated market begins where it began the first time: its prices follow from that.
        let began = match (&mut keeper, &past) {
            (Some(keeper), Some(past)) => {
                past.founded.agrees(keeper.path(), &settings, &listed, &written)?;
                past.began().unwrap_or(first)
            }
            _ => first,
        };
        let managed = managed_accounts(&ids, spec.positions_max, reads);
        let goes_on = past.as_ref().map(|past| spec.market.goes_on_at(past, spec.start));
        let has_demo = spec.market.has_demo();
        let mut source = spec.market.open(began, cells);
        let mut demo = Demo::new(spec.seed, began, ids, spec.positions_max);
        let wants = written.iter().map(|entry| Wants::of_spec(&entry.spec)).collect();
        let mut teller = Teller::going_on(past.as_ref(), names, wants);
        let (desk, now) = match past {
            Some(past) => {
                let now = goes_on.unwrap_or(past.now);
                teller.catch_up(&past);
                teller.recall(&mut venue);
                source.skip_past(past.now, &mut books);
                let held = accounts_taken(&past.coordinator);
                let opened = usize::try_from(teller.narrator.tally().opened()).unwrap_or(usize::MAX);
                demo.resume(past.now, spec.seed, opened, &held);
                teller.keeper = keeper;
                (Desk::resume(past.coordinator, venue, now, &mut teller), now)
            }
            None => {
                if let Some(keeper) = &mut keeper {
                    keeper.found(began, settings, listed, written)?;
                }
                teller.keeper = keeper;
                (Desk::new(coordinator, venue), began)
            }
        };
        teller.narrator.begin(now);
        let market_line_at = now.after(MARKET_EVERY);
        let mut session = Self {
            desk,
            source,
            demo,
            managed,
            budget: spec.budget,
            teller,
            books,
            now,
            rows: 0,
            market_line_at,
            link: Link::default(),
        };
        if has_demo {
            session.manage(now);
        } else {
            // A venue behind a wire says when it is there; what is opened there is others' business.
            session.demo.stop();
        }
        Ok(session)
    }

    /// What the venue holds is read now, and again and again; before that it is known how many orders may go.
    fn manage(&mut self, now: Timestamp) {
        let (budget, given) = (self.budget, self.managed.iter().map(|given| given.account));
        for account in given.collect::<Vec<_>>() {
            let known = self.desk.coordinator.view().budgets().find(|(of, ..)| *of == account);
            if known.map(|(_, budget, _)| budget) != budget {
                self.desk.command(now, Command::Budget { account, budget }, &mut self.teller);
            }
        }
        for given in &self.managed {
            self.desk.command(now, Command::Manage(Box::new(given.clone())), &mut self.teller);
        }
    }

    /// Makes what was told since the last time durable, with the prices that nothing has told yet.
    pub fn checkpoint(&mut self) {
        if self.teller.keeper.is_some() {
            self.desk.checkpoint_at(self.now, &mut self.teller);
            let _is_kept = self.teller.keep();
        }
        if self.teller.keeper.as_ref().is_some_and(Keeper::wants_snapshot) {
            self.keep_snapshot();
        }
    }

    /// Keeps the state as it is right behind a checkpoint: a start reads it in place of what happened before.
    fn keep_snapshot(&mut self) {
        let Teller { narrator, guard, paper_books, keeper, .. } = &mut self.teller;
        if let Some(keeper) = keeper {
            let core = self.desk.coordinator.snapshot();
            let _is_kept =
                keeper.keep_snapshot(&core, narrator.memory(), guard.coverage(), paper_books.clone());
        }
    }

    /// The last checkpoint of a run, with a snapshot, so that the next start has nothing to read.
    pub fn conclude(&mut self) {
        self.checkpoint();
        self.keep_snapshot();
    }

    /// Makes the records durable that no action waits for.
    pub fn keep(&mut self) {
        let _is_kept = self.teller.keeper.as_mut().is_none_or(Keeper::keep);
    }

    /// Why nothing can be kept any more; nothing is sent from then on.
    #[must_use]
    pub fn kept_badly(&self) -> Option<String> {
        self.teller.keeper.as_ref().and_then(Keeper::error).map(ToString::to_string)
    }

    /// How the conversation with the venue goes.
    #[must_use]
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Market time.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Rows handed over so far.
    #[must_use]
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// When it wants to be driven next; none when the market has ended.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        self.source.next_at().map(|next| next.min(self.desk.next_deadline()))
    }

    /// When the next order, answer or timer is due.
    #[must_use]
    pub fn next_deadline(&self) -> Timestamp {
        self.desk.next_deadline()
    }

    /// How old the newest price may become.
    #[must_use]
    pub const fn quote_age_max(&self) -> Span {
        self.source.quote_age_max()
    }

    /// Lets everything happen up to `to`, but hands over at most `rows_max` rows.
    ///
    /// # Errors
    /// When the rows of a tape are not what was written; what happened before stands.
    pub fn advance(&mut self, to: Timestamp, rows_max: usize) -> Result<Advance, TapeError> {
        self.listen(to);
        if self.source.is_the_world() && to.since(self.now) > AWAY_FROM {
            self.desk.catch_up(to, &mut self.teller);
            self.now = to;
        }
        for _ in 0..rows_max {
            match self.source.next_at() {
                Some(next) if next <= to => self.take_row(next)?,
                Some(_) => {
                    self.desk.advance_to(to, &mut self.teller);
                    self.now = self.now.max(to);
                    self.free_slots();
                    return Ok(Advance::Done);
                }
                None => {
                    self.desk.advance_to(self.now.after(SETTLES_WITHIN), &mut self.teller);
                    return Ok(Advance::Ended);
                }
            }
        }
        Ok(Advance::More)
    }

    fn take_row(&mut self, at: Timestamp) -> Result<(), TapeError> {
        if let Some(change) = self.source.regime_change() {
            self.teller.lines.push(regime_line(self.teller.narrator.names(), change));
        }
        if let Some(said) = self.source.take_said() {
            self.hear(at, said);
            return Ok(());
        }
        let prices = self.source.next(&mut self.books)?;
        for tick in prices.iter() {
            self.desk.tick_at(at, tick, &mut self.teller);
        }
        (self.now, self.rows) = (at, self.rows + 1);
        if at >= self.market_line_at {
            self.tell_market(at);
        }
        self.free_slots();
        if self.demo.is_due(at) {
            let instruments = &self.teller.narrator.names().instruments;
            if let Some(opening) = self.demo.open(at, instruments, &self.books) {
                self.open(at, opening);
            }
        }
        Ok(())
    }

    /// Opens a position, unless its own plan makes it senseless.
    fn open(&mut self, at: Timestamp, opening: Opening) {
        let (view, key) = (self.desk.coordinator.view(), opening.key);
        let instrument = self.teller.narrator.names().instrument(key.instrument);
        let plan = view.plan(opening.plan);
        if let Err(found) = sensible(plan, instrument, key.side, (opening.entry, opening.qty)) {
            let entry = price_text(instrument, opening.entry);
            let name = self.teller.narrator.names().plan(opening.plan);
            let (symbol, side) = (&instrument.symbol, key.side.word());
            let text = format!("{symbol} {side} @ {entry} is not opened: plan {name}: {}", found.must);
            let line = Line::new(Tag::CommandRefused, at, text).with("symbol", symbol.as_str());
            self.teller.lines.push(line.with("plan", name).with("why", found.must));
            self.demo.on_closed(at, key.account);
            return;
        }
        self.desk.advance_to(at, &mut self.teller);
        self.desk.open(at, opening, &mut self.teller);
        let taken = self.desk.coordinator.view().position(key);
        self.teller.tell_hard_stop(taken.as_ref());
    }

    fn free_slots(&mut self) {
        while let Some((at, closed)) = self.teller.closed.pop_front() {
            self.demo.on_closed(at, closed.episode.key.account);
        }
    }

    fn tell_market(&mut self, at: Timestamp) {
        self.market_line_at = at.after(MARKET_EVERY);
        let mut text = String::new();
        let mut line = Line::new(Tag::Market, at, String::new());
        let mut prices = serde_json::Map::new();
        for (instrument, book) in self.teller.narrator.names().instruments.iter().zip(&self.books) {
            let Some(price) = book.last.or(book.bid).or(book.ask) else { continue };
            let price = price_text(instrument, price);
            text += &format!("{} {price} | ", instrument.symbol);
            prices.insert(instrument.symbol.clone(), price.into());
        }
        let open = self.tally().open_now();
        line.text = format!("{text}open positions: {open}");
        self.teller.lines.push(line.with("prices", prices).with("open", open));
    }

    /// Nothing is opened from now on.
    pub fn stop_opening(&mut self) {
        self.demo.stop();
    }

    /// The lines since the last time.
    pub fn take_lines(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.teller.lines)
    }

    /// The positions held.
    #[must_use]
    pub fn positions(&self) -> Vec<PositionView> {
        self.desk.coordinator.view().positions().collect()
    }

    /// How what is held is covered.
    #[must_use]
    pub fn guarded(&self) -> Vec<Guarded> {
        self.teller.guard.look(&self.desk.coordinator)
    }

    /// The store that everything is kept in, and its last durable record.
    #[must_use]
    pub fn kept(&self) -> Option<(String, u64)> {
        let keeper = self.teller.keeper.as_ref()?;
        Some((keeper.path().display().to_string(), keeper.durable()))
    }

    /// What the exits were worth.
    #[must_use]
    pub const fn tally(&self) -> &Tally {
        self.teller.narrator.tally()
    }

    /// Instruments and plans.
    #[must_use]
    pub const fn names(&self) -> &Names {
        self.teller.narrator.names()
    }

    /// Both sides of the trade, to look at.
    #[must_use]
    pub const fn desk(&self) -> &Desk<Box<dyn Venue>> {
        &self.desk
    }
}
