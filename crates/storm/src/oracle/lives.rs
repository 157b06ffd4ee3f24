//! The lives that are remembered, found by their episodes.

use ripcord_core::id::EpisodeId;

use super::life::Life;
use crate::config::Config;
use crate::table::Table;

/// Lives of each bucket with their generations, in the order in which they began: mostly the last is asked for.
#[derive(Debug)]
pub(super) struct Lives(Table<Vec<(u32, Life)>>);

impl Lives {
    pub(super) fn of(config: &Config) -> Self {
        Self(Table::of(config))
    }

    pub(super) fn get(&self, episode: EpisodeId) -> Option<&Life> {
        let mut newest_first = self.0[episode.key].iter().rev();
        newest_first.find(|(generation, _)| *generation == episode.generation).map(|(_, life)| life)
    }

    pub(super) fn get_mut(&mut self, episode: EpisodeId) -> Option<&mut Life> {
        let mut newest_first = self.0[episode.key].iter_mut().rev();
        newest_first.find(|(generation, _)| *generation == episode.generation).map(|(_, life)| life)
    }

    /// A life begins; one of the same name is no more.
    pub(super) fn begin(&mut self, episode: EpisodeId, life: Life) {
        self.forget(episode);
        self.0[episode.key].push((episode.generation, life));
    }

    pub(super) fn forget(&mut self, episode: EpisodeId) {
        self.0[episode.key].retain(|(generation, _)| *generation != episode.generation);
    }
}
