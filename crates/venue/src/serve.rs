//! The process: sockets, a clock, and one thread that owns books, market and account.
//!
//! It outlives the engines that speak to it. What was sent to it arrives although the sender died; what it
//! said to nobody is not said again: whoever was away has to ask.

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ripcord_core::instrument::Side;
use ripcord_sim::generator::Chance;

use crate::account::{Bucket, Fact, Writer};
use crate::account::{FORMAT, VERSION as ACCOUNT_VERSION};
use crate::books::Books;
use crate::line::{
    Answer, Asked, Fault, Lines, Listing, Opened, PROTOCOL, Price, PriceOf, Reading, Request, Traded,
    VERSION, Welcome, agree, check_id, text,
};
use crate::market::{Market, STEP_MS, traded};
use crate::refused::BindError;
use crate::trouble::{Level, Mishap, Trouble};

const MS: i64 = 1_000_000;
/// Prices of an instrument stand in the account this often.
const RANGE_EVERY: i64 = 200 * MS;
/// A side that was closed rests this long before it is opened again.
const BUCKET_RESTS: i64 = 3_000 * MS;
/// A peer that takes no bytes for so long is gone.
const WRITE_WITHIN: Duration = Duration::from_millis(500);
/// Lines of a peer that wait to be read.
const BEHIND_MAX: usize = 100_000;

/// What the venue is.
#[derive(Debug, Clone)]
pub struct VenueConfig {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its chance: prices, openings, mishaps.
    pub seed: u64,
    /// How much goes wrong.
    pub trouble: Level,
    /// How many accounts it has.
    pub accounts: u32,
    /// The most positions that are open at once.
    pub positions_max: usize,
    /// It tells nobody what is held or rests.
    pub is_blind: bool,
    /// Where its account is written.
    pub account: Option<PathBuf>,
}

/// What a person (or a test) tells a venue that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// From here on nothing misbehaves, and nobody opens anything.
    Calm,
    /// The prices go through every level there can be.
    Sweep,
    /// It ends.
    Stop,
}

impl Control {
    /// The word for it.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        match word.trim() {
            "calm" => Some(Self::Calm),
            "sweep" => Some(Self::Sweep),
            "stop" => Some(Self::Stop),
            _ => None,
        }
    }
}

/// What reaches the venue's thread.
#[derive(Debug)]
pub enum Heard {
    /// Somebody connected.
    Up(u64, TcpStream),
    /// A line.
    Line(u64, Box<Request>),
    /// A line that was none; the connection ends.
    Bad(u64, String),
    /// The other side went away.
    Gone(u64),
    /// Somebody beside it said something.
    Control(Control),
}

#[derive(Debug)]
struct Peer {
    stream: TcpStream,
    said_hello: bool,
    is_subscribed: bool,
    was_served: bool,
    /// When the last line on its way in, and out, arrives: lines do not overtake each other.
    last_in: i64,
    last_out: i64,
}

/// A venue that is bound and does not run yet.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    config: VenueConfig,
    account: Writer,
    heard: (Sender<Heard>, Receiver<Heard>),
}

impl Server {
    /// Binds the port and begins the account; where it listens, and the server.
    ///
    /// # Errors
    /// The address or the file, by its name.
    pub fn bind(config: VenueConfig) -> Result<(SocketAddr, Self), BindError> {
        let addr = config.listen;
        let listen = |source| BindError::Listen { addr, source };
        let listener = TcpListener::bind(addr).map_err(listen)?;
        let bound = listener.local_addr().map_err(listen)?;
        let account = Writer::create(config.account.as_deref()).map_err(|source| BindError::Account {
            file: config.account.clone().unwrap_or_default(),
            source,
        })?;
        Ok((bound, Self { listener, config, account, heard: channel() }))
    }

    /// Where it is told things.
    #[must_use]
    pub fn control(&self) -> Sender<Heard> {
        self.heard.0.clone()
    }

    /// Serves until it is told to stop.
    ///
    /// # Errors
    /// The account cannot be written, or the system gives no thread.
    pub fn run(self) -> std::io::Result<()> {
        let Self { listener, config, account, heard: (sender, heard) } = self;
        std::thread::Builder::new().name("accept".to_owned()).spawn(move || accept(&listener, &sender))?;
        Venue::new(&config, account)?.run(&heard)
    }
}

fn accept(listener: &TcpListener, sender: &Sender<Heard>) {
    for (number, stream) in (1_u64..).zip(listener.incoming()) {
        let Ok(stream) = stream else { continue };
        let Ok(reading) = stream.try_clone() else { continue };
        let sender = sender.clone();
        if sender.send(Heard::Up(number, stream)).is_err() {
            return;
        }
        let read = move || {
            let mut lines = Lines::new(BufReader::new(reading));
            loop {
                let heard = match lines.read::<Request>() {
                    Ok(Some(request)) => Heard::Line(number, Box::new(request)),
                    Ok(None) => Heard::Gone(number),
                    Err(error) => Heard::Bad(number, error.to_string()),
                };
                let is_last = !matches!(heard, Heard::Line(..));
                if sender.send(heard).is_err() || is_last {
                    return;
                }
            }
        };
        // Without a thread for it nobody hears the peer, and it finds out by itself.
        let _heard_by_nobody = std::thread::Builder::new().name("peer".to_owned()).spawn(read);
    }
}

struct Venue {
    name: String,
    accounts: u32,
    positions_max: usize,
    traded: Vec<(Traded, i64)>,
    market: Market,
    books: Books,
    trouble: Trouble,
    /// Opens positions.
    chance: Chance,
    is_calm: bool,
    is_blind: bool,
    account: Writer,
    peers: BTreeMap<u64, Peer>,
    /// Requests and answers on their way.
    inbound: BTreeMap<(i64, u64), (u64, Request)>,
    outbound: BTreeMap<(i64, u64), (u64, Answer)>,
    sequence: u64,
    started: (Instant, i64),
    next_step: i64,
    next_open: i64,
    next_range: i64,
    ranges: Vec<(i64, i64)>,
}

impl Venue {
    fn new(config: &VenueConfig, account: Writer) -> std::io::Result<Self> {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since_1970.as_nanos()).unwrap_or(i64::MAX);
        let traded = traded();
        let mut seeds = Chance::new(config.seed);
        let units = traded.iter().map(|(of, _)| {
            (of.symbol.clone(), 10_i128.pow(18 - u32::from(of.price_decimals) - u32::from(of.qty_decimals)))
        });
        let mut venue = Self {
            name: format!("simulated-{}", config.seed),
            accounts: config.accounts,
            positions_max: config.positions_max,
            market: Market::new(seeds.draw(), &traded),
            // Some venues trade a triggered stop as an order of its own: every second one of ours does.
            books: Books::new(units, config.seed % 2 == 1),
            trouble: Trouble::new(seeds.draw(), config.trouble),
            chance: Chance::new(seeds.draw()),
            is_calm: false,
            is_blind: config.is_blind,
            account,
            peers: BTreeMap::new(),
            inbound: BTreeMap::new(),
            outbound: BTreeMap::new(),
            sequence: 0,
            started: (Instant::now(), now),
            next_step: now,
            next_open: now,
            next_range: now + RANGE_EVERY,
            ranges: vec![(i64::MAX, 0); traded.len()],
            traded,
        };
        venue.books.set_now(now);
        let (format, version) = (FORMAT.to_owned(), ACCOUNT_VERSION);
        let began = Fact::Began { format, version, venue: venue.name.clone(), seed: config.seed };
        venue.books.note(began);
        venue.settle()?;
        Ok(venue)
    }

    fn now(&self) -> i64 {
        self.started.1 + i64::try_from(self.started.0.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    fn run(mut self, heard: &Receiver<Heard>) -> std::io::Result<()> {
        loop {
            let now = self.now();
            let due = self.next_due().saturating_sub(now).max(0);
            let wait = Duration::from_nanos(u64::try_from(due).unwrap_or(0));
            match heard.recv_timeout(wait) {
                Ok(Heard::Control(Control::Stop)) | Err(RecvTimeoutError::Disconnected) => {
                    return self.settle();
                }
                Ok(heard) => self.hear(heard),
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.turn()?;
        }
    }

    fn next_due(&self) -> i64 {
        let first = |of: Option<&(i64, u64)>| of.map_or(i64::MAX, |&(at, _)| at);
        let on_the_way = first(self.inbound.keys().next()).min(first(self.outbound.keys().next()));
        on_the_way.min(self.next_step)
    }

    fn turn(&mut self) -> std::io::Result<()> {
        let now = self.now();
        self.books.set_now(now);
        while let Some(entry) = self.inbound.first_entry().filter(|entry| entry.key().0 <= now) {
            let (peer, request) = entry.remove();
            self.take(peer, request);
            self.settle()?;
        }
        if now >= self.next_step {
            self.step(now);
            self.settle()?;
        }
        self.send_due(now);
        self.settle()
    }

    fn hear(&mut self, heard: Heard) {
        self.books.set_now(self.now());
        match heard {
            Heard::Up(number, stream) => {
                // A peer that does not take its lines must not stop the market.
                let is_ready =
                    stream.set_write_timeout(Some(WRITE_WITHIN)).is_ok() && stream.set_nodelay(true).is_ok();
                if is_ready {
                    let (said_hello, is_subscribed, was_served) = (false, false, false);
                    let peer =
                        Peer { stream, said_hello, is_subscribed, was_served, last_in: 0, last_out: 0 };
                    self.peers.insert(number, peer);
                }
            }
            Heard::Line(number, request) => self.post_in(number, *request),
            Heard::Bad(number, why) => {
                self.tell_now(number, &Answer::Error(Fault { why }));
                self.drop_peer(number);
            }
            Heard::Gone(number) => self.drop_peer(number),
            Heard::Control(Control::Calm) => {
                self.trouble.end();
                self.is_calm = true;
                self.books.note(Fact::Calm);
            }
            Heard::Control(Control::Sweep) => {
                self.market.sweep();
                self.books.note(Fact::Sweep);
            }
            Heard::Control(Control::Stop) => {}
        }
    }

    /// A request is on its way.
    fn post_in(&mut self, number: u64, request: Request) {
        if matches!(request, Request::Submit(_) | Request::Query(_) | Request::Cancel(_))
            && self.trouble.happens(Mishap::RequestLost)
        {
            return;
        }
        let arrives = self.now() + self.trouble.latency_ms() * MS;
        let Some(peer) = self.peers.get_mut(&number) else { return };
        peer.last_in = peer.last_in.max(arrives);
        self.sequence += 1;
        self.inbound.insert((peer.last_in, self.sequence), (number, request));
    }

    /// A request arrived. Whoever sent it may be gone by now.
    fn take(&mut self, number: u64, request: Request) {
        let said_hello = self.peers.get(&number).is_none_or(|peer| peer.said_hello);
        if !said_hello && !matches!(request, Request::Hello(_)) {
            let why = "the first line must be a hello; see docs/venue-lines.md".to_owned();
            self.tell_now(number, &Answer::Error(Fault { why }));
            self.drop_peer(number);
            return;
        }
        match request {
            Request::Hello(hello) => match agree(&hello.protocol, hello.version) {
                Ok(()) => self.welcome(number),
                Err(why) => {
                    self.tell_now(number, &Answer::Error(Fault { why }));
                    self.drop_peer(number);
                }
            },
            Request::Subscribe(_) => {
                if let Some(peer) = self.peers.get_mut(&number) {
                    peer.is_subscribed = true;
                }
            }
            Request::Submit(order) => match order.check() {
                Ok(()) => self.books.submit(order, &mut self.trouble),
                Err(why) => self.refuse_line(number, why),
            },
            Request::Cancel(named) => match check_id(&named.id) {
                Ok(()) => self.books.cancel(&named.id),
                Err(why) => self.refuse_line(number, why),
            },
            Request::Query(named) => {
                let answer = self.books.query(&named.id);
                self.post_out(number, answer);
            }
            Request::Read(asked) => self.read(number, asked),
            Request::List(Asked { n, account }) => {
                let is_told = self.tells(account);
                let orders = is_told.then(|| self.books.resting(account));
                self.post_out(number, Answer::Listed(Listing { n, taken_at: self.now(), orders }));
            }
        }
    }

    fn refuse_line(&mut self, number: u64, why: String) {
        self.tell_now(number, &Answer::Error(Fault { why }));
        self.drop_peer(number);
    }

    fn welcome(&mut self, number: u64) {
        let welcome = Welcome {
            protocol: PROTOCOL.to_owned(),
            version: VERSION,
            venue: self.name.clone(),
            now: self.now(),
            accounts: self.accounts,
            instruments: self.traded.iter().map(|(traded, _)| traded.clone()).collect(),
        };
        if let Some(peer) = self.peers.get_mut(&number) {
            peer.said_hello = true;
            self.books.note(Fact::Joined { connection: number });
            self.tell_now(number, &Answer::Hello(welcome));
        }
    }

    fn tells(&mut self, account: u32) -> bool {
        account < self.accounts && !self.is_blind && !self.trouble.happens(Mishap::Unread)
    }

    fn read(&mut self, number: u64, Asked { n, account }: Asked) {
        let is_told = self.tells(account);
        let held = is_told.then(|| self.books.holdings(account));
        if let Some(peer) = self.peers.get_mut(&number)
            && !peer.was_served
            && is_told
        {
            peer.was_served = true;
            self.books.note(Fact::Served { connection: number });
        }
        self.post_out(number, Answer::Read(Reading { n, taken_at: self.now(), held }));
    }

    /// What happened is written down, then it is on its way to everybody.
    fn settle(&mut self) -> std::io::Result<()> {
        let (facts, told) = self.books.take();
        self.account.append(&facts)?;
        for answer in told {
            for number in self.greeted() {
                self.post_out(number, answer.clone());
            }
        }
        Ok(())
    }

    /// Those who said hello: nobody else is told anything.
    fn greeted(&self) -> Vec<u64> {
        self.peers.iter().filter(|(_, peer)| peer.said_hello).map(|(&number, _)| number).collect()
    }

    fn post_out(&mut self, number: u64, answer: Answer) {
        if self.trouble.happens(Mishap::AnswerLost) {
            return;
        }
        let times = if self.trouble.happens(Mishap::AnswerDoubled) { 2 } else { 1 };
        for _ in 0..times {
            let arrives = self.now() + self.trouble.latency_ms() * MS;
            let Some(peer) = self.peers.get_mut(&number) else { return };
            peer.last_out = peer.last_out.max(arrives);
            self.sequence += 1;
            self.outbound.insert((peer.last_out, self.sequence), (number, answer.clone()));
        }
        if self.outbound.len() > BEHIND_MAX {
            self.drop_peer(number);
        }
    }

    fn send_due(&mut self, now: i64) {
        while let Some(entry) = self.outbound.first_entry().filter(|entry| entry.key().0 <= now) {
            let (number, answer) = entry.remove();
            self.tell_now(number, &answer);
            if self.trouble.happens(Mishap::Dropped) {
                self.drop_peer(number);
            }
        }
    }

    fn tell_now(&mut self, number: u64, answer: &Answer) {
        self.write(number, text(answer).as_bytes());
    }

    fn write(&mut self, number: u64, bytes: &[u8]) {
        let Some(peer) = self.peers.get_mut(&number) else { return };
        if peer.stream.write_all(bytes).is_err() {
            self.drop_peer(number);
        }
    }

    /// The peer is gone; what it had sent still arrives.
    fn drop_peer(&mut self, number: u64) {
        if let Some(peer) = self.peers.remove(&number) {
            // It may be closed already.
            let _closed = peer.stream.shutdown(Shutdown::Both);
            self.outbound.retain(|_, (of, _)| *of != number);
            if peer.said_hello {
                self.books.note(Fact::Left { connection: number });
            }
        }
    }

    /// The next prices of all instruments: what they reach trades before anybody sees them.
    fn step(&mut self, now: i64) {
        self.next_step = (self.next_step + STEP_MS * MS).max(now);
        self.market.step();
        let mut lines = String::new();
        for at in 0..self.traded.len() {
            let quote = self.market.quote(at);
            self.books.price(at, quote, &mut self.trouble);
            let (low, high) = &mut self.ranges[at];
            (*low, *high) = ((*low).min(quote.last), (*high).max(quote.last));
            let qty = self.chance.between(1, 50);
            let sides = [
                (PriceOf::Bid, quote.bid, 0),
                (PriceOf::Ask, quote.ask, 0),
                (PriceOf::Last, quote.last, qty),
            ];
            for (source, price, qty) in sides {
                let instrument = self.traded[at].0.symbol.clone();
                lines += &text(&Answer::Price(Price { instrument, source, price, qty, at: now }));
            }
        }
        let listeners: Vec<u64> =
            self.peers.iter().filter(|(_, peer)| peer.is_subscribed).map(|(&number, _)| number).collect();
        for number in listeners {
            self.write(number, lines.as_bytes());
        }
        if now >= self.next_range {
            self.next_range = now + RANGE_EVERY;
            for at in 0..self.traded.len() {
                let (low, high) = std::mem::replace(&mut self.ranges[at], (i64::MAX, 0));
                self.books.note(Fact::Range { instrument: self.traded[at].0.symbol.clone(), low, high });
            }
        }
        if now >= self.next_open && !self.is_calm {
            self.next_open = now + self.chance.between(100, 500) * MS;
            self.open_one(now);
        }
    }

    /// Somebody beside the engine opens a position, and half of the time says so.
    fn open_one(&mut self, now: i64) {
        let at = usize::try_from(self.chance.below(self.traded.len() as u64)).unwrap_or(0);
        let account = u32::try_from(self.chance.below(u64::from(self.accounts))).unwrap_or(0);
        let side = if self.chance.permille(500) { Side::Long } else { Side::Short };
        let (qty, is_told) = (self.chance.between(8, 400), self.chance.permille(500));
        let (of, quote) = (&self.traded[at].0, self.market.quote(at));
        let bucket = Bucket { account, instrument: of.symbol.clone(), side };
        let has_rested = self.books.flat_since(&bucket).is_some_and(|since| now - since >= BUCKET_RESTS);
        if !has_rested || self.books.open_count() >= self.positions_max {
            return;
        }
        let (qty, entry) = (qty * of.lot, if side == Side::Long { quote.ask } else { quote.bid });
        let instrument = of.symbol.clone();
        self.books.open(bucket, qty, entry);
        if is_told {
            let opened = Opened { account, instrument, side, qty, entry, fee: 0 };
            for number in self.greeted() {
                self.post_out(number, Answer::Opened(opened.clone()));
            }
        }
    }
}
