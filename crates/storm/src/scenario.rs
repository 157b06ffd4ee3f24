//! A world as a file: its configuration in the first line, then one line for each thing that happens.

use ripcord_core::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::run::{Outcome, play, play_and_tell};
use crate::script::{self, Move};

/// Version of the file.
pub const SCENARIO_VERSION: u16 = 1;

/// A world and what happens in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scenario {
    /// The world.
    pub config: Config,
    /// What happens, in the order of time.
    pub moves: Vec<Move>,
}

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    ripcord_storm: u16,
    config: Config,
}

/// Why a file is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It is empty.
    #[error("it is empty; the first line must be the configuration of a world")]
    Empty,
    /// Of another version.
    #[error("line 1: ripcord_storm is {0}; this program reads {SCENARIO_VERSION}")]
    Version(u16),
    /// A line that cannot be read.
    #[error("line {line}: {why}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        why: String,
    },
}

impl Scenario {
    /// The world of a configuration with everything that its seed draws.
    #[must_use]
    pub fn drawn(config: &Config) -> Self {
        Self { config: config.clone(), moves: script::draw(config) }
    }

    /// Plays it.
    #[must_use]
    pub fn play(&self) -> Outcome {
        play(&self.config, &self.moves)
    }

    /// Plays it, and tells the last `lines` of what happened.
    #[must_use]
    pub fn tell(&self, lines: usize) -> (Outcome, Vec<String>) {
        play_and_tell(&self.config, &self.moves, lines)
    }

    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        let head = Head { ripcord_storm: SCENARIO_VERSION, config: self.config.clone() };
        let mut text = serde_json::to_string(&head).expect("plain data");
        text.push('\n');
        for step in &self.moves {
            text.push_str(&serde_json::to_string(step).expect("plain data"));
            text.push('\n');
        }
        text
    }

    /// From text.
    ///
    /// # Errors
    /// The first line that is none of a scenario.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let at =
            |line: usize| move |why: serde_json::Error| ScenarioError::Line { line, why: why.to_string() };
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (_, first) = lines.next().ok_or(ScenarioError::Empty)?;
        let head: Head = serde_json::from_str(first).map_err(at(1))?;
        if head.ripcord_storm != SCENARIO_VERSION {
            return Err(ScenarioError::Version(head.ripcord_storm));
        }
        let mut moves: Vec<Move> = Vec::new();
        let mut last = Timestamp::MIN;
        for (number, line) in lines {
            let step: Move = serde_json::from_str(line).map_err(at(number + 1))?;
            if step.at < last {
                let why = "it is earlier than the line before".to_owned();
                return Err(ScenarioError::Line { line: number + 1, why });
            }
            last = step.at;
            moves.push(step);
        }
        let scenario = Self { config: head.config, moves };
        scenario.check()?;
        Ok(scenario)
    }

    /// Whether everything is about markets, accounts and plans that are there.
    fn check(&self) -> Result<(), ScenarioError> {
        let fault = |line: usize, why: &str| ScenarioError::Line { line, why: why.to_owned() };
        let config = &self.config;
        let (markets, plans) = (config.markets.len(), config.plans.len());
        if markets == 0 || plans == 0 || config.accounts == 0 || config.accounts > 64 {
            return Err(fault(1, "a world needs markets, plans, and 1 to 64 accounts"));
        }
        if config.latency_ms.0 < 0 || config.latency_ms.1 < config.latency_ms.0 {
            return Err(fault(1, "latency_ms must rise from 0 or more"));
        }
        for market in &config.markets {
            market.rules.validate().map_err(|why| fault(1, &why.to_string()))?;
        }
        for plan in &config.plans {
            let market = config.markets.get(plan.instrument.0 as usize);
            let market = market.ok_or_else(|| fault(1, "a plan is of a market that is not there"))?;
            let resolved = plan.spec.resolve(plan.instrument, &market.rules);
            resolved
                .map_err(|faults| fault(1, &faults.first().map(ToString::to_string).unwrap_or_default()))?;
        }
        for (at, step) in self.moves.iter().enumerate() {
            let (instrument, account, plan) = step.what.names();
            let is_there = instrument.is_none_or(|it| (it.0 as usize) < markets)
                && account.is_none_or(|it| it.0 < config.accounts)
                && plan.is_none_or(|it| (it.0 as usize) < plans);
            if !is_there {
                return Err(fault(at + 2, "it names a market, an account or a plan that is not there"));
            }
        }
        Ok(())
    }
}
