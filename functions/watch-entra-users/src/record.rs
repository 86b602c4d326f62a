//! Records when each tenant was last followed. `guestpass doctor` shows it.

use std::time::SystemTime;

use identity_core::Error;
use identity_core::ports::{DirectoryWatch, DirectoryWatches};

use crate::output::WatchOutput;

/// Saves the result of a run for the `configured` pairs of transmitter and tenant. A tenant that
/// failed keeps what an earlier run saved.
pub(crate) async fn record_watches(
    store: &impl DirectoryWatches,
    configured: impl Iterator<Item = (String, String)>,
    output: &WatchOutput,
    now: SystemTime,
) -> Result<(), Error> {
    let known = store.find_watches().await?;
    let watches: Vec<DirectoryWatch> = configured
        .map(|(transmitter, tenant)| {
            let earlier =
                known.iter().find(|one| one.transmitter == transmitter && one.tenant == tenant);
            let ends_at = output.subscription_end(&transmitter, &tenant);
            DirectoryWatch {
                followed_at: ends_at.map(|_| now).or(earlier.and_then(|one| one.followed_at)),
                subscription_ends_at: ends_at.or(earlier.and_then(|one| one.subscription_ends_at)),
                transmitter,
                tenant,
            }
        })
        .collect();
    if watches != known {
        store.save_watches(&watches).await?;
    }
    Ok(())
}
