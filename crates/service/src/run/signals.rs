//! What asks a run to end: Ctrl-C, SIGTERM, and a terminal that is closed.

/// The signals that a run obeys.
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    /// None when whoever started the run has it live on (`nohup`).
    #[cfg(unix)]
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = if ignores_hangup() { None } else { Some(signal(SignalKind::hangup())?) };
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup,
        })
    }

    /// Waits until one asks.
    pub(super) async fn asks(&mut self) {
        let Self { interrupt, terminate, hangup } = self;
        let hung_up = async {
            match hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hung_up => {}
        }
    }

    /// Waits until a person insists. A closed terminal sends its signal twice, by the system and by the shell.
    pub(super) async fn insists(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Whether the signal of a closed terminal was to be ignored when this process began. Where the system does not
/// say so, a run that is connected to no terminal is not ended by one.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    use std::io::IsTerminal;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    match ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()) {
        // The signal's number is 1, and so is the number of its bit.
        Some(mask) => mask & 1 != 0,
        None => {
            let (input, output, errors) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
            !(input.is_terminal() || output.is_terminal() || errors.is_terminal())
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {})
    }

    /// Waits until one asks.
    pub(super) async fn asks(&mut self) {
        let _none = tokio::signal::ctrl_c().await;
    }

    /// Waits until a person insists.
    pub(super) async fn insists(&mut self) {
        self.asks().await;
    }
}
