//! What must never be. Each is judged on what is true at the venue, after every step.

/// Something that must not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// More was sold than was held: the position is turned around.
    Flipped,
    /// An order (on spot: all of them together) is for more than is held, fills on their way counted.
    MoreThanHeld,
    /// One order id traded more than its order was for.
    TradedTwice,
    /// Another order was sent under an id that was used.
    OtherOrderUnderSameId,
    /// A full close was decided while one was under way.
    DecidedTwice,
    /// The stop was taken from the venue, nothing was in its place, and nobody was getting out.
    StopTakenFirst,
    /// The core believes in less than is held, or in more than is held and on its way.
    BooksDiffer,
    /// The venue is well again, and after two minutes the position is neither flat nor covered.
    NotHealed,
}

impl Fault {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Flipped,
        Self::MoreThanHeld,
        Self::TradedTwice,
        Self::OtherOrderUnderSameId,
        Self::DecidedTwice,
        Self::StopTakenFirst,
        Self::BooksDiffer,
        Self::NotHealed,
    ];

    /// What holds where it is absent.
    #[must_use]
    pub const fn property(self) -> &'static str {
        match self {
            Self::Flipped => "never sold more than held",
            Self::MoreThanHeld => "no order for more than held",
            Self::TradedTwice => "each order trades once",
            Self::OtherOrderUnderSameId => "an id is one order",
            Self::DecidedTwice => "one closing decision at a time",
            Self::StopTakenFirst => "protect first",
            Self::BooksDiffer => "the books agree but for what is on its way",
            Self::NotHealed => "healed, it ends flat or covered",
        }
    }
}
