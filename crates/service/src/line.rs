//! A log line: a tag, the time, fields for programs and a text for people.
//!
//! Text and JSON are two renderings of the same line; a tag, once given, keeps its meaning
//! (docs/log-tags.md).

use ripcord_core::time::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

use crate::names::{rfc3339, time_of_day};

/// What a line is about. The words are a vocabulary that people grep for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tag {
    /// What was found and configured at the start.
    Bootstrap,
    /// What the market does.
    Market,
    /// A position was taken over.
    PositionOpened,
    /// More of a position came, or another plan holds.
    PositionChanged,
    /// A ladder leg was reached, and what it left.
    ExitTpTrigger,
    /// The stop was reached.
    ExitSlTrigger,
    /// The soft stop was reached.
    ExitSoftStop,
    /// The hard stop was reached.
    ExitEmergency,
    /// The loss guard was reached.
    ExitLossGuard,
    /// The trailing stop became active, moved, or was reached.
    ExitTrailing,
    /// An exit signal stands.
    ExitSignal,
    /// A rule left its exit to the stop at the venue.
    ExitDeferred,
    /// The trigger of the stop at the venue traded.
    BracketTriggered,
    /// An exit was given up.
    ExitConcluded,
    /// An account's kill level was set or released.
    KillLevel,
    /// An exit that no rule of the plan decided.
    ExitOther,
    /// The ratchet moved the stop.
    ExitRatchetSl,
    /// The stop was moved by something else.
    ExitSlMoved,
    /// An exit order was handed out.
    ExitSent,
    /// An exit order traded, or ended.
    ExitOrder,
    /// Why and who, of every closed quantity.
    ExitSource,
    /// The gate kept an order back.
    ExitGuard,
    /// A position is closed, and what it was worth.
    PositionClosed,
    /// Funding was settled.
    Funding,
    /// A command from outside was carried out.
    Command,
    /// A command was refused.
    CommandRefused,
    /// Somebody without a valid token gave a command.
    AccessDenied,
    /// Somebody must look.
    Alarm,
    /// A price was not acted on as it came, or a source is silent or back.
    Prices,
    /// Lines were left out because the output is slower than the market.
    LinesDropped,
    /// The run is stopping.
    Stopping,
    /// What the run was worth.
    Summary,
    /// What a read of the venue brought, and positions that were let go or handed over.
    Reconcile,
    /// A quantity left a position and no order of ours did it.
    ExitOutside,
}

/// How a line looks in colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// As it is.
    Plain,
    /// In the background.
    Dim,
    /// A gain.
    Good,
    /// A loss.
    Bad,
    /// Something moved.
    Notice,
    /// Look here.
    Alarm,
}

impl Tag {
    /// Every tag.
    pub const ALL: [Self; 34] = [
        Self::Bootstrap,
        Self::Market,
        Self::PositionOpened,
        Self::PositionChanged,
        Self::ExitTpTrigger,
        Self::ExitSlTrigger,
        Self::ExitSoftStop,
        Self::ExitEmergency,
        Self::ExitLossGuard,
        Self::ExitTrailing,
        Self::ExitSignal,
        Self::ExitDeferred,
        Self::BracketTriggered,
        Self::ExitConcluded,
        Self::KillLevel,
        Self::ExitOther,
        Self::ExitRatchetSl,
        Self::ExitSlMoved,
        Self::ExitSent,
        Self::ExitOrder,
        Self::ExitSource,
        Self::ExitGuard,
        Self::PositionClosed,
        Self::Funding,
        Self::Command,
        Self::CommandRefused,
        Self::AccessDenied,
        Self::Alarm,
        Self::Prices,
        Self::LinesDropped,
        Self::Stopping,
        Self::Summary,
        Self::Reconcile,
        Self::ExitOutside,
    ];

    /// The word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Bootstrap => "BOOTSTRAP",
            Self::Market => "MARKET",
            Self::PositionOpened => "POSITION_OPENED",
            Self::PositionChanged => "POSITION_CHANGE",
            Self::ExitTpTrigger => "EXIT_TP_TRIGGER",
            Self::ExitSlTrigger => "EXIT_SL_TRIGGER",
            Self::ExitSoftStop => "EXIT_SOFT_STOP",
            Self::ExitEmergency => "EXIT_EMERGENCY",
            Self::ExitLossGuard => "EXIT_LOSS_GUARD",
            Self::ExitTrailing => "EXIT_TRAILING",
            Self::ExitSignal => "EXIT_SIGNAL",
            Self::ExitDeferred => "EXIT_DEFERRED",
            Self::BracketTriggered => "BRACKET_TRIGGER",
            Self::ExitConcluded => "EXIT_CONCLUDED",
            Self::KillLevel => "KILL_LEVEL",
            Self::ExitOther => "EXIT_OTHER",
            Self::ExitRatchetSl => "EXIT_RATCHET_SL",
            Self::ExitSlMoved => "EXIT_SL_MOVED",
            Self::ExitSent => "EXIT_SENT",
            Self::ExitOrder => "EXIT_ORDER",
            Self::ExitSource => "EXIT_SOURCE",
            Self::ExitGuard => "EXIT_GUARD",
            Self::PositionClosed => "POSITION_CLOSED",
            Self::Funding => "FUNDING",
            Self::Command => "COMMAND",
            Self::CommandRefused => "COMMAND_REFUSED",
            Self::AccessDenied => "ACCESS_DENIED",
            Self::Alarm => "ALARM",
            Self::Prices => "PRICES",
            Self::LinesDropped => "LINES_DROPPED",
            Self::Stopping => "STOPPING",
            Self::Summary => "SUMMARY",
            Self::Reconcile => "RECONCILE",
            Self::ExitOutside => "EXIT_OUTSIDE",
        }
    }

    /// Whether a quiet run shows it.
    #[must_use]
    pub const fn is_essential(self) -> bool {
        matches!(
            self,
            Self::Bootstrap
                | Self::Command
                | Self::AccessDenied
                | Self::Alarm
                | Self::ExitGuard
                | Self::KillLevel
                | Self::LinesDropped
                | Self::Stopping
                | Self::Summary
        )
    }

    const fn tone(self) -> Tone {
        match self {
            Self::ExitTpTrigger => Tone::Good,
            Self::ExitSlTrigger | Self::ExitSoftStop | Self::ExitLossGuard => Tone::Bad,
            Self::ExitTrailing | Self::ExitRatchetSl | Self::ExitSlMoved | Self::Command | Self::Prices => {
                Tone::Notice
            }
            Self::ExitEmergency
            | Self::ExitGuard
            | Self::Alarm
            | Self::KillLevel
            | Self::CommandRefused
            | Self::AccessDenied
            | Self::LinesDropped => Tone::Alarm,
            Self::Market | Self::ExitSource | Self::ExitSent => Tone::Dim,
            Self::Bootstrap
            | Self::PositionOpened
            | Self::PositionChanged
            | Self::ExitSignal
            | Self::ExitDeferred
            | Self::BracketTriggered
            | Self::ExitConcluded
            | Self::ExitOther
            | Self::ExitOrder
            | Self::PositionClosed
            | Self::Funding
            | Self::Stopping
            | Self::Reconcile
            | Self::ExitOutside
            | Self::Summary => Tone::Plain,
        }
    }
}

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it is about.
    pub tag: Tag,
    /// When: the market's time.
    pub at: Timestamp,
    /// For programs, in a fixed order.
    pub fields: Vec<(&'static str, Value)>,
    /// For people.
    pub text: String,
    /// How it looks.
    pub tone: Tone,
}

impl Line {
    /// A line without fields.
    #[must_use]
    pub fn new(tag: Tag, at: Timestamp, text: String) -> Self {
        Self { tag, at, fields: Vec::new(), text, tone: tag.tone() }
    }

    /// The same with one field more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// The same in another tone.
    #[must_use]
    pub fn toned(mut self, tone: Tone) -> Self {
        self.tone = tone;
        self
    }

    /// The value of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value)
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len() + 3))?;
        map.serialize_entry("tag", self.tag.word())?;
        map.serialize_entry("ts", &rfc3339(self.at))?;
        for (name, value) in &self.fields {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("text", &self.text)?;
        map.end()
    }
}

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For a terminal: time of day, in colour.
    Colour,
    /// For a terminal without colours.
    Terminal,
    /// For files and pipes: whole times.
    Plain,
    /// One JSON object a line.
    Json,
}

/// Width of the tag column: the longest word.
const TAG_WIDTH: usize = 15;

impl Style {
    /// The line as it is written, with its end.
    #[must_use]
    pub fn render(self, line: &Line) -> String {
        let (tag, text) = (line.tag.word(), &line.text);
        match self {
            Self::Json => match serde_json::to_string(line) {
                Ok(json) => json + "\n",
                Err(error) => format!("{{\"tag\":\"ALARM\",\"text\":\"a line is no JSON: {error}\"}}\n"),
            },
            Self::Plain => format!("{} {tag:TAG_WIDTH$} {text}\n", rfc3339(line.at)),
            Self::Terminal => format!("{} {tag:TAG_WIDTH$} {text}\n", time_of_day(line.at)),
            Self::Colour => {
                let (on, off) = colours(line.tone);
                let time = time_of_day(line.at);
                match line.tone {
                    Tone::Dim | Tone::Alarm => {
                        format!("\x1b[2m{time}\x1b[0m {on}{tag:TAG_WIDTH$} {text}{off}\n")
                    }
                    Tone::Plain | Tone::Good | Tone::Bad | Tone::Notice => {
                        format!("\x1b[2m{time}\x1b[0m {on}{tag:TAG_WIDTH$}{off} {text}\n")
                    }
                }
            }
        }
    }
}

const fn colours(tone: Tone) -> (&'static str, &'static str) {
    match tone {
        Tone::Plain => ("\x1b[1m", "\x1b[0m"),
        Tone::Dim => ("\x1b[2m", "\x1b[0m"),
        Tone::Good => ("\x1b[1;32m", "\x1b[0m"),
        Tone::Bad => ("\x1b[1;31m", "\x1b[0m"),
        Tone::Notice => ("\x1b[1;36m", "\x1b[0m"),
        Tone::Alarm => ("\x1b[1;33m", "\x1b[0m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tag_is_documented_and_fits_its_column() {
        let document = include_str!("../../../docs/log-tags.md");
        for tag in Tag::ALL {
            assert!(
                document.contains(&format!("`{}`", tag.word())),
                "{} is not in docs/log-tags.md",
                tag.word()
            );
            assert!(tag.word().len() <= TAG_WIDTH, "{}", tag.word());
            assert_eq!(Tag::ALL.iter().filter(|other| other.word() == tag.word()).count(), 1);
        }
    }

    #[test]
    fn a_line_is_the_same_facts_in_every_style() {
        let at = Timestamp(1_769_043_443_120_000_000);
        let line = Line::new(Tag::ExitSent, at, "BTCUSDT SELL close order".to_owned()).with("qty", "0.033");
        assert_eq!(
            Style::Plain.render(&line),
            "2026-01-22T00:57:23.120Z EXIT_SENT       BTCUSDT SELL close order\n"
        );
        assert_eq!(Style::Terminal.render(&line), "00:57:23.120 EXIT_SENT       BTCUSDT SELL close order\n");
        assert_eq!(
            Style::Json.render(&line),
            "{\"tag\":\"EXIT_SENT\",\"ts\":\"2026-01-22T00:57:23.120Z\",\"qty\":\"0.033\",\
             \"text\":\"BTCUSDT SELL close order\"}\n"
        );
        assert!(Style::Colour.render(&line).contains("\x1b["));
        assert!(!Style::Plain.render(&line).contains('\x1b'));
    }
}
