//! Plans that are built in.

/// A plan that is built in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Preset {
    /// Its name; `preset:NAME` stands wherever a plan file may.
    pub name: &'static str,
    /// What it is for, in one line.
    pub about: &'static str,
    /// The plan, as a plan file.
    pub text: &'static str,
}

/// What a preset is called by.
pub const PREFIX: &str = "preset:";

macro_rules! presets {
    ($($name:literal: $about:literal,)*) => {
        /// All presets.
        pub const PRESETS: &[Preset] = &[$(
            Preset { name: $name, about: $about, text: include_str!(concat!("presets/", $name, ".toml")) },
        )*];
    };
}

presets! {
    "bottrader": "spot: stop by ATR with cushion and fee, soft stop 4.5 %, hard stop 6 %, trailing from 3.5 %",
    "exit-brain": "futures: ladder 25/25/50 with dynamic targets, ratchet, stop 2.5 % with risk floor, guard 12.5 %",
    "exit-monitor": "target 2.5 %, stop 1.5 %, trailing 1.5 % from 1 %",
    "trend": "in R: 15 % at 0.5, 20 % at 1, 30 % at 2, the rest trails from 1.5",
    "range": "in R: 35 % at 0.2, 35 % at 0.4, 30 % at 0.7",
    "volatile": "in R: 25 % at 0.4, 35 % at 0.8, 40 % at 1.5",
    "chop": "in R: 40 % at 0.15, 40 % at 0.35, 20 % at 0.6",
    "normal": "in R: 25 % at 0.5, 25 % at 1, 50 % at 2",
    "challenge-100": "in R: 30 % at 1, then break-even after fees; the rest trails, two hours at most",
}

/// The preset of this name.
#[must_use]
pub fn preset(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

/// The preset that a reference such as `preset:bottrader` means, or a text that lists the known ones.
/// `None` for what is no reference to a preset.
#[must_use]
pub fn referred(reference: &str) -> Option<Result<&'static Preset, String>> {
    let name = reference.strip_prefix(PREFIX)?;
    Some(preset(name).ok_or_else(|| {
        let known: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        format!("there is no preset {name}; known are {}", known.join(", "))
    }))
}
