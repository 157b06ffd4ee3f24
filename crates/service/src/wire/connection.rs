//! The thread that hears a venue: it reads lines, and begins the conversation anew when it breaks off.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use ripcord_core::time::Timestamp;
use ripcord_venue::line::{Answer, Opened, Price, Welcome};

use super::{Joined, join, unheard};
use crate::host::Queue;

/// The first try to reach a venue again comes after this long, each later one after twice as long, ..
const AGAIN_FIRST: Duration = Duration::from_millis(20);
/// .. up to this, ..
const AGAIN_MAX: Duration = Duration::from_millis(1_000);
/// .. until a conversation lasted this long.
const HOLDS_AFTER: Duration = Duration::from_secs(10);
/// So many words wait for the host at most; then the venue waits.
const WAITING_MAX: usize = 65_536;

/// What concerns orders and positions.
#[derive(Debug)]
pub enum Word {
    /// The venue can be spoken to.
    Up {
        /// By this.
        stream: TcpStream,
        /// What its clock showed.
        theirs: Timestamp,
        /// When it was asked, and when it was heard.
        between: (Instant, Instant),
    },
    /// It answered.
    Answer(Box<Answer>),
    /// It cannot be spoken to any more.
    Down,
}

/// What concerns everybody.
#[derive(Debug)]
pub enum News {
    /// A price.
    Price(Price),
    /// Somebody beside us opened a position, and says so.
    Opened(Opened),
    /// The conversation began, for the first time or again.
    Up,
    /// It broke off, and why.
    Down(String),
}

/// Both streams of a conversation.
#[derive(Debug)]
pub struct Streams {
    /// For the port.
    pub words: Receiver<Word>,
    /// For the session.
    pub news: Receiver<News>,
}

struct Listener {
    addr: SocketAddr,
    welcome: Welcome,
    words: SyncSender<Word>,
    news: SyncSender<News>,
    wakes: Queue,
}

/// The host is gone.
struct Over;

/// Hears a venue from here on, and wakes the host for each word.
///
/// # Errors
/// The system gives no thread.
pub fn listen(joined: Joined, wakes: Queue) -> std::io::Result<Streams> {
    let ((words, words_of), (news, news_of)) = (sync_channel(WAITING_MAX), sync_channel(WAITING_MAX));
    let listener = Listener { addr: joined.addr, welcome: joined.welcome.clone(), words, news, wakes };
    std::thread::Builder::new().name("venue".to_owned()).spawn(move || {
        // When the host is gone there is nobody to hear for.
        let Err(Over) = listener.run(joined);
    })?;
    Ok(Streams { words: words_of, news: news_of })
}

impl Listener {
    fn run(&self, mut joined: Joined) -> Result<std::convert::Infallible, Over> {
        let mut wait = AGAIN_FIRST;
        loop {
            let begun = Instant::now();
            let speaks = joined.stream.try_clone();
            let why = match speaks {
                Ok(stream) => {
                    let (theirs, between) = (Timestamp(joined.welcome.now), joined.between);
                    self.words.send(Word::Up { stream, theirs, between }).map_err(|_| Over)?;
                    self.tell(News::Up)?;
                    self.hear(&mut joined)?
                }
                Err(error) => error.to_string(),
            };
            // The other side may have closed it.
            let _closed = joined.stream.shutdown(Shutdown::Both);
            self.words.send(Word::Down).map_err(|_| Over)?;
            self.tell(News::Down(why))?;
            if begun.elapsed() > HOLDS_AFTER {
                wait = AGAIN_FIRST;
            }
            joined = self.join_again(&mut wait)?;
        }
    }

    /// Hears until the conversation breaks off; why it did.
    fn hear(&self, joined: &mut Joined) -> Result<String, Over> {
        loop {
            let answer = match joined.lines.read::<Answer>() {
                Ok(Some(answer)) => answer,
                Ok(None) => return Ok("the venue closed the connection".to_owned()),
                Err(error) => return Ok(unheard(&error)),
            };
            match answer {
                Answer::Price(price) => self.tell(News::Price(price))?,
                Answer::Opened(opened) => self.tell(News::Opened(opened))?,
                Answer::Error(fault) => return Ok(format!("the venue says: {}", fault.why)),
                Answer::Hello(_) => return Ok("the venue said hello twice".to_owned()),
                answer => {
                    self.words.send(Word::Answer(Box::new(answer))).map_err(|_| Over)?;
                    self.wakes.wake();
                }
            }
        }
    }

    fn tell(&self, news: News) -> Result<(), Over> {
        self.news.send(news).map_err(|_| Over)?;
        self.wakes.wake();
        Ok(())
    }

    /// Tries until the same venue is there again.
    fn join_again(&self, wait: &mut Duration) -> Result<Joined, Over> {
        let mut told = None;
        loop {
            std::thread::sleep(*wait);
            *wait = (*wait * 2).min(AGAIN_MAX);
            let why = match join(self.addr) {
                Ok(joined) if self.is_same(&joined.welcome) => return Ok(joined),
                Ok(other) => {
                    let (was, is) = (&self.welcome.venue, &other.welcome.venue);
                    format!("another venue is at {}: {is}, and it was {was}; it is not spoken to", self.addr)
                }
                Err(error) => error.to_string(),
            };
            if told.as_ref() != Some(&why) {
                self.tell(News::Down(why.clone()))?;
                told = Some(why);
            }
        }
    }

    fn is_same(&self, other: &Welcome) -> bool {
        let Welcome { venue, accounts, instruments, .. } = &self.welcome;
        (venue, accounts, instruments) == (&other.venue, &other.accounts, &other.instruments)
    }
}
