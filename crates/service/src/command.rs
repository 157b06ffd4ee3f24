//! Commands from outside: what somebody may ask for, in words that are checked before the engine hears them.
//!
//! [`parse`] reads a body, [`crate::session`] carries it out, [`answer`] says what the engine made of it.

use ripcord_core::id::{AccountId, InstrumentId};
use ripcord_core::instrument::Side;
use ripcord_core::kill::KillLevel;
use ripcord_core::num::{Price, Qty};

pub mod answer;
pub mod parse;

/// The kinds of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Close a position, or part of it.
    Close,
    /// Close everything of an account, or of all.
    Panic,
    /// Set or release a kill level.
    Kill,
    /// Let go of a position.
    Release,
    /// Have all rules of a position act, or take one over again that was let go.
    HandOver,
    /// Move a stop.
    MoveStop,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Close, Self::Panic, Self::Kill, Self::Release, Self::HandOver, Self::MoveStop];

    /// The word, as in `/v1/commands/WORD` and `ripcord WORD`.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Panic => "panic",
            Self::Kill => "kill",
            Self::Release => "release",
            Self::HandOver => "hand-over",
            Self::MoveStop => "move-stop",
        }
    }

    /// The command of a word.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// A position as somebody outside names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// Its instrument.
    pub instrument: InstrumentId,
    /// Long or short.
    pub side: Side,
    /// Its account; without it there must be one position only.
    pub account: Option<AccountId>,
    /// Which life of the bucket; without it the one that lives.
    pub generation: Option<u32>,
}

/// What somebody outside asks for. Prices and quantities are in the instrument's units, on its tick and lot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Close a position now, at the market.
    Close {
        /// Which.
        target: Target,
        /// Only so much of it; `None` is all.
        qty: Option<Qty>,
    },
    /// Close everything now, at the market.
    Panic {
        /// Of this account; `None` is all accounts.
        account: Option<AccountId>,
    },
    /// Set a kill level, or release it.
    Kill {
        /// Of this account; `None` is all accounts.
        account: Option<AccountId>,
        /// The level; `None` releases.
        level: Option<KillLevel>,
        /// Whether it was asked for twice; K3 needs it.
        confirmed: bool,
    },
    /// Let go of a position.
    Release {
        /// Which.
        target: Target,
        /// Its stop stays at the venue.
        keeps_stop: bool,
    },
    /// Have all rules of a position act; take one over again that was let go.
    HandOver {
        /// Which.
        target: Target,
    },
    /// Move a stop; it only tightens.
    MoveStop {
        /// Whose.
        target: Target,
        /// Where to.
        to: Price,
    },
}

impl Wish {
    /// Its kind.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Close { .. } => Kind::Close,
            Self::Panic { .. } => Kind::Panic,
            Self::Kill { .. } => Kind::Kill,
            Self::Release { .. } => Kind::Release,
            Self::HandOver { .. } => Kind::HandOver,
            Self::MoveStop { .. } => Kind::MoveStop,
        }
    }
}
