//! A start is rehearsed before its store is taken, because taking it writes into the journal.

use ripcord_core::coordinator::Coordinator;
use ripcord_sim::venue::{FillModel, SimVenue};

use super::made::{add_instruments, add_plans, listed};
use super::{SessionError, SessionSpec};
use crate::keeper::{Founded, KeeperError, KeptAt};
use crate::names::Names;

impl SessionSpec<'_> {
    /// Refuses what a session could not begin with, and a store of another run, before anything is written.
    ///
    /// # Errors
    /// As [`super::Session::at`], with the store at `at`.
    pub fn rehearse(&self, at: &KeptAt) -> Result<(), SessionError> {
        self.market.start(self.start)?;
        let (instruments, sources) = (self.market.instruments(), self.market.sources());
        let (mut coordinator, mut venue) = (Coordinator::new(), SimVenue::new(FillModel::HONEST));
        add_instruments(&mut coordinator, &mut venue, &instruments, &sources)?;
        let mut names = Names { instruments, plans: Vec::new() };
        let (_, written) = add_plans(&mut coordinator, self.plans, &mut names)?;
        let Some(founded) = Founded::read(&at.path).map_err(KeeperError::from)? else { return Ok(()) };
        let (settings, listed) = (self.market.settings(self.seed), listed(&names.instruments, &sources));
        Ok(founded.agrees(&at.path, &settings, &listed, &written)?)
    }
}
