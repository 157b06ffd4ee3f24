//! Why a venue cannot begin.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What a venue cannot have.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address.
    #[error("{addr} cannot be listened on: {source}; choose another with --listen ADDR:PORT")]
    Listen {
        /// The address.
        addr: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The file of its account.
    #[error("{} cannot be made: {source}; name a new file with --account-file FILE", file.display())]
    Account {
        /// The file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}
