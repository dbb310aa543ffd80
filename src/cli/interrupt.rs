//! Ctrl-C and SIGTERM: the first one asks everything to end, a second one does not wait for it.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::INTERRUPTED;

/// A token that is cancelled by the first interruption.
///
/// # Errors
/// When the system does not let signals be listened for.
pub fn listen() -> std::io::Result<CancellationToken> {
    let mut interrupts = signal(SignalKind::interrupt())?;
    let mut terminations = signal(SignalKind::terminate())?;
    let cancel = CancellationToken::new();
    let token = cancel.clone();
    tokio::spawn(async move {
        for round in 0_u32.. {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
            }
            if round > 0 {
                std::process::exit(i32::from(INTERRUPTED));
            }
            token.cancel();
        }
    });
    Ok(cancel)
}
