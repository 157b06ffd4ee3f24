//! Who may give commands: whoever knows the token of this run.
//!
//! The token is drawn at the start, or read from a file that somebody made. It is kept as a hash only:
//! nothing here can print it, and a comparison of hashes tells nothing of it, by no length and no time.
//! A drawn token stands in files that only their owner can read, and that vanish when the run ends.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

mod files;

pub use files::{default_place, read_token};

use files::Written;

/// Bytes of a drawn token: 256 bits.
const DRAWN_BYTES: usize = 32;
/// A token that somebody chose has at least so many characters.
pub const CHOSEN_MIN: usize = 32;
/// A token has at most so many characters.
pub const CHOSEN_MAX: usize = 512;

/// A token that a killed run left is removed by another start after so long: it is that of no start under way.
const LEFT_FOR: Duration = Duration::from_secs(60);

/// Why nobody could be given a token.
#[derive(Debug, thiserror::Error)]
pub enum AccessError {
    /// No random bits.
    #[error("the system gives no random bits for a token: {0}; give one with --token-file FILE")]
    Random(String),
    /// A token file that cannot be read.
    #[error("the token file {path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A folder where a file is read.
    #[error("the token file {path} is a folder; name the file in it that holds the token")]
    Folder {
        /// The folder.
        path: PathBuf,
    },
    /// A token that can be guessed, or is no text.
    #[error(
        "the token file {path} holds {found}; a token is one line of {CHOSEN_MIN} to {CHOSEN_MAX} visible ASCII characters without spaces"
    )]
    Unfit {
        /// The file.
        path: PathBuf,
        /// What it holds, without the content.
        found: String,
    },
    /// Others can read the token.
    #[error(
        "the token file {path} can be read by others (mode {mode:03o}); `chmod 600 {path}` keeps it to its owner"
    )]
    Shared {
        /// The file.
        path: PathBuf,
        /// Its rights.
        mode: u32,
    },
    /// The token cannot be written down.
    #[error("the token cannot be written to {path}: {source}; give one with --token-file FILE")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Something else is where the token would stand.
    #[error(
        "{path} holds something other than a token and is not overwritten; move it, or give a token with --token-file FILE"
    )]
    Taken {
        /// The file.
        path: PathBuf,
    },
    /// Whoever reaches the port from outside needs a token that somebody chose on purpose.
    #[error(
        "{addr} can be reached from the network: give the token of those who may command with --token-file FILE, or keep it on this machine with --listen 127.0.0.1:{}",
        addr.port()
    )]
    OpenToTheNetwork {
        /// The address.
        addr: SocketAddr,
    },
}

/// The hash of a token.
#[derive(Clone, Copy)]
pub struct Token(blake3::Hash);

impl Token {
    /// Of a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        Self(blake3::hash(text.as_bytes()))
    }

    /// Whether `presented` is it; takes the same time however much of it is right.
    #[must_use]
    pub fn is(&self, presented: &[u8]) -> bool {
        // Hashes of blake3 are compared in constant time.
        blake3::hash(presented) == self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// The token of a run, and where it stands.
#[derive(Debug)]
pub struct Access {
    token: Token,
    /// What those who may command are told to read.
    place: PathBuf,
    /// Files of ours, removed at the end.
    _written: Written,
}

impl Access {
    /// Reads the token that is given, or draws one and writes it down: beside the store, if there is one,
    /// and where the command line looks for the service of this port.
    ///
    /// # Errors
    /// When there is no token, others can read it, or it cannot be written down.
    pub fn open(given: Option<&Path>, store: Option<&Path>, addr: SocketAddr) -> Result<Self, AccessError> {
        if let Some(path) = given {
            let token = Token::of(&read_token(path)?);
            return Ok(Self { token, place: path.to_owned(), _written: Written::default() });
        }
        if !addr.ip().to_canonical().is_loopback() {
            return Err(AccessError::OpenToTheNetwork { addr });
        }
        let text = draw()?;
        let mut written = Written::default();
        let usual = default_place(addr.port());
        let beside = store.map(beside);
        written.write(&usual, &text)?;
        if let Some(beside) = &beside {
            written.write(beside, &text)?;
        }
        files::sweep(&usual, LEFT_FOR);
        Ok(Self { token: Token::of(&text), place: beside.unwrap_or(usual), _written: written })
    }

    /// The token.
    #[must_use]
    pub const fn token(&self) -> Token {
        self.token
    }

    /// The file that holds it.
    #[must_use]
    pub fn place(&self) -> &Path {
        &self.place
    }
}

/// `ripcord.db.token` beside `ripcord.db`.
fn beside(store: &Path) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(".token");
    PathBuf::from(name)
}

fn draw() -> Result<String, AccessError> {
    let mut bits = [0_u8; DRAWN_BYTES];
    getrandom::fill(&mut bits).map_err(|error| AccessError::Random(error.to_string()))?;
    Ok(bits.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Requests that nobody could be found behind, counted since the start.
#[derive(Debug, Default)]
pub struct Denials(AtomicU64);

impl Denials {
    /// One more.
    pub fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// All of them.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1:8007";

    fn here() -> SocketAddr {
        HERE.parse().expect("an address")
    }

    #[test]
    fn a_token_is_itself_and_nothing_near_it() {
        let token = Token::of("0123456789abcdef0123456789abcdef");
        assert!(token.is(b"0123456789abcdef0123456789abcdef"));
        for other in [&b""[..], b"0123456789abcdef0123456789abcde", b"0123456789abcdef0123456789abcdef\n"] {
            assert!(!token.is(other));
        }
        assert_eq!(format!("{token:?}"), "Token(..)");
    }

    #[test]
    fn two_draws_differ_and_have_256_bits() {
        let (one, other) = (draw().expect("random bits"), draw().expect("random bits"));
        assert!(one != other && one.len() == 64 && one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    }

    #[test]
    fn the_network_needs_a_token_that_was_given() {
        for addr in ["0.0.0.0:8007", "[::]:8007", "192.168.1.5:8007"] {
            let error = Access::open(None, None, addr.parse().expect("an address")).expect_err(addr);
            assert!(error.to_string().contains("--token-file FILE"), "{error}");
        }
    }

    #[test]
    fn tokens_that_can_be_guessed_or_read_by_others_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("token");
        let open = || Access::open(Some(&file), None, here());
        assert!(matches!(open(), Err(AccessError::Read { .. })));
        for text in ["", "short", "with spaces in it and long enough to be one", &"x".repeat(513)] {
            files::write_new(&file, text).expect("written");
            let error = open().expect_err(text).to_string();
            assert!(error.contains("32 to 512 visible ASCII"), "{error}");
            assert!(text.is_empty() || !error.contains(text), "{error}");
            std::fs::remove_file(&file).expect("it is there");
        }
        files::write_new(&file, "chosen-by-somebody-0123456789abcdef\n").expect("written");
        let access = open().expect("a token");
        assert!(access.token().is(b"chosen-by-somebody-0123456789abcdef"));
        drop(access);
        assert!(file.exists(), "what was given is not ours to remove");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).expect("ours");
            assert!(open().expect_err("shared").to_string().contains("mode 644"));
        }
    }
}
