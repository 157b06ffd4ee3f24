//! Orders that are decided and not sent yet, because other orders lock the coins that they would sell.

use serde::{Deserialize, Serialize};

use super::Extent;
use crate::id::EpisodeId;
use crate::num::Qty;
use crate::order::ExitOrder;
use crate::reason::Reason;

/// One order that waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) order: ExitOrder,
    pub(crate) extent: Extent,
}

impl Waiting {
    const fn closes_all(&self) -> bool {
        matches!(self.extent, Extent::All)
    }
}

/// Everything that waits, the first decided first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct WaitingList(Vec<Waiting>);

impl WaitingList {
    /// An order waits.
    pub(crate) fn add(&mut self, order: ExitOrder, extent: Extent) {
        self.0.push(Waiting { order, extent });
    }

    /// What waits of an episode.
    pub(crate) fn of(&self, episode: EpisodeId) -> impl Iterator<Item = &Waiting> {
        self.0.iter().filter(move |waiting| waiting.order.id.episode == episode)
    }

    /// The order that closes everything, if one waits.
    pub(crate) fn close(&self, episode: EpisodeId) -> Option<&ExitOrder> {
        self.of(episode).find(|waiting| waiting.closes_all()).map(|waiting| &waiting.order)
    }

    /// What the parts that wait would take.
    pub(crate) fn parts(&self, episode: EpisodeId) -> Qty {
        Qty(self.of(episode).filter(|waiting| !waiting.closes_all()).map(|waiting| waiting.order.qty.0).sum())
    }

    /// The ladder legs that wait; bit n is leg n + 1.
    pub(crate) fn legs(&self, episode: EpisodeId) -> u8 {
        self.of(episode).fold(0, |legs, waiting| match waiting.extent {
            Extent::Legs(more) => legs | more,
            Extent::All | Extent::Bracket | Extent::Left => legs,
        })
    }

    /// Takes everything of an episode out.
    pub(crate) fn take(&mut self, episode: EpisodeId) -> Vec<Waiting> {
        if self.0.is_empty() {
            return Vec::new();
        }
        self.0.extract_if(.., |waiting| waiting.order.id.episode == episode).collect()
    }

    /// Legs that are over by now wait no more; all that waited with them, which is decided anew.
    pub(crate) fn drop_legs(&mut self, episode: EpisodeId, over: u8) -> u8 {
        let legs_with = |waiting: &Waiting| match waiting.extent {
            Extent::Legs(legs) if waiting.order.id.episode == episode && legs & over != 0 => legs,
            Extent::Legs(_) | Extent::All | Extent::Bracket | Extent::Left => 0,
        };
        let dropped = self.0.iter().fold(0, |legs, waiting| legs | legs_with(waiting));
        self.0.retain(|waiting| legs_with(waiting) == 0);
        dropped
    }

    /// Targets that wait are given up: they may be reached again.
    pub(crate) fn drop_targets(&mut self, episode: EpisodeId) {
        let is_target = |waiting: &Waiting| {
            waiting.order.id.episode == episode && waiting.order.reason == Reason::TakeProfit
        };
        self.0.retain(|waiting| !is_target(waiting));
    }

    /// A close that waits is given up, or another takes its place.
    pub(crate) fn drop_close(&mut self, episode: EpisodeId) {
        self.0.retain(|waiting| waiting.order.id.episode != episode || !waiting.closes_all());
    }
}
