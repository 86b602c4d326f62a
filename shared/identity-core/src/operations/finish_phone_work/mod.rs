//! Finishes the changes of assignments that dead processes left unfinished.

use tracing::{info, warn};

use crate::model::error::error_chain;
use crate::model::phone::{PhoneEntry, PhoneState, PhoneWork};
use crate::model::{Error, Invocation};
use crate::operations::teams_phone::remove;
use crate::ports::{Clock, PhoneInventory, TeamsPhoneClient};
use crate::protocol::finish_pending::ABANDONED_AFTER;

/// What was finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FinishedPhoneWork {
    /// Removals that are now done.
    pub removed: u64,
    /// Assignments of which is now known whether ACS has them.
    pub settled: u64,
    /// Changes that could not be finished.
    pub failed: u64,
}

/// Finishes abandoned changes: a removal is repeated, and of an assignment only is asked whether ACS
/// has it. So this never gives access. Failures of ACS are counted, and a later run retries them
/// after those that it has not tried yet. The run stops if ACS throttles, or does not answer several
/// times in a row.
pub async fn finish_phone_work(
    store: &impl PhoneInventory,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    invocation: &Invocation,
) -> Result<FinishedPhoneWork, Error> {
    let mut finished = FinishedPhoneWork::default();
    let mut outage = 0;
    for principal in store.unfinished_principals().await? {
        let Some(entry) = store.find_entry(&principal).await? else { continue };
        if entry.work(clock.now(), ABANDONED_AFTER) != PhoneWork::Abandoned {
            continue;
        }
        let outcome = match entry.state {
            PhoneState::Removing => remove(store, acs, clock, &entry, invocation).await,
            _ => settle(store, acs, clock, &entry, invocation).await,
        };
        match (outcome, entry.state) {
            (Ok(true), PhoneState::Removing) => finished.removed += 1,
            (Ok(true), _) => finished.settled += 1,
            (Ok(false), _) => {}
            (Err(error @ (Error::StoreUnavailable(_) | Error::StoreRefused(_))), _) => {
                return Err(error);
            }
            (Err(error), _) => {
                warn!(
                    phone.principal = %principal,
                    error = error_chain(&error),
                    "failed to finish a change of a Teams Phone assignment: a later run retries"
                );
                finished.failed += 1;
                outage = if matches!(error, Error::AcsUnavailable { .. }) { outage + 1 } else { 0 };
                if outage >= OUTAGE || matches!(error, Error::Throttled { .. }) {
                    break;
                }
                continue;
            }
        }
        outage = 0;
    }
    Ok(finished)
}

/// The number of consecutive outages after which the run stops.
const OUTAGE: u32 = 3;

/// Records whether ACS has the assignment of `entry`.
async fn settle(
    store: &impl PhoneInventory,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    entry: &PhoneEntry,
    invocation: &Invocation,
) -> Result<bool, Error> {
    let principal = entry.principal();
    let found = match acs.find_assignment(&principal, invocation.acs_until).await {
        Ok(found) => found,
        Err(error) => {
            // The newest change comes last in the next run, as that of a removal that failed.
            let failed = entry.changed(entry.state, clock.now());
            store.write_entry(Some(entry), &failed, None).await?;
            return Err(error);
        }
    };
    let is_assigned = found.is_some();
    let next = entry.confirmed(found, clock.now());
    let is_written = store.write_entry(Some(entry), &next, None).await?;
    if is_written {
        info!(phone.principal = %principal, is_assigned, "unfinished assignment settled");
    }
    Ok(is_written)
}
