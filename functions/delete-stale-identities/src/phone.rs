//! Teams Phone: finishes what other processes left unfinished, and says how old the inventory is.

use std::time::Duration;

use identity_core::finish_phone_work::{FinishedPhoneWork, finish_phone_work};
use identity_core::identity::Invocation;
use identity_core::ports::{Clock, PhoneInventory, PhonePage, TeamsPhoneClient};
use identity_core::{Error, error_chain};
use tracing::{info, warn};

/// Finishes changes of assignments. A failure is logged and never ends the run: the next run tries
/// again.
pub(crate) async fn finish(
    store: &impl PhoneInventory,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    invocation: &Invocation,
) {
    match finish_phone_work(store, acs, clock, invocation).await {
        Ok(finished) if finished == FinishedPhoneWork::default() => {}
        Ok(finished) => info!(
            metric.phone_work_failed = finished.failed,
            removed = finished.removed,
            settled = finished.settled,
            "unfinished changes of Teams Phone assignments processed"
        ),
        Err(error) => warn!(
            metric.phone_work_failed = 1_u64,
            error = error_chain(&error),
            "failed to process unfinished changes of Teams Phone assignments"
        ),
    }
    match longest_unverified(store, clock).await {
        Ok(Some(age)) => info!(
            metric.phone_unverified_hours = age.as_secs() / 3600,
            "age of the inventory of Teams Phone"
        ),
        Ok(None) => {}
        Err(error) => {
            warn!(error = error_chain(&error), "failed to read the inventory of Teams Phone");
        }
    }
}

/// How long ago ACS confirmed the assignment that it has not confirmed for the longest time, of the
/// first ones by creation; `None` without assignments.
async fn longest_unverified(
    store: &impl PhoneInventory,
    clock: &impl Clock,
) -> Result<Option<Duration>, Error> {
    let (mut oldest, mut after) = (None, None);
    for _ in 0..MOST_PAGES {
        let PhonePage { entries, next } = store.list_entries(after.as_ref(), PAGE).await?;
        let known_at =
            entries.iter().map(|entry| entry.verified_at.unwrap_or(entry.assigned_at)).min();
        oldest = [oldest, known_at].into_iter().flatten().min();
        after = next;
        if after.is_none() {
            break;
        }
    }
    Ok(oldest.map(|at| clock.now().duration_since(at).unwrap_or_default()))
}

const PAGE: u16 = 50;

/// The cost of a run does not grow with the inventory. ACS may have confirmed a later assignment
/// longer ago than these 1,000.
const MOST_PAGES: u32 = 20;

#[cfg(test)]
mod tests {
    use identity_core::audit::Actor;
    use identity_core::phone::PhoneState;
    use identity_core::ports::PhoneInventory as _;
    use identity_core::teams_phone::{UnassignPhoneRequest, unassign_phone};
    use identity_core::testing::phone::{MemoryPhone, principal};
    use identity_core::testing::{ManualClock, MemoryIdentityStore, invocation, user};

    use super::*;

    #[tokio::test]
    async fn r91_a_run_finishes_the_removal_of_a_dead_process() {
        let (store, acs) = (MemoryIdentityStore::default(), MemoryPhone::default());
        let clock = ManualClock::default();
        acs.fail([Error::AcsUnavailable { maybe_applied: true, source: "no answer".into() }]);
        let request = UnassignPhoneRequest {
            principal: principal(5),
            user: None,
            by: Actor::Administrator(user("root")),
            requested_until: None,
            invocation: invocation("dead", &clock),
        };
        assert!(unassign_phone(&store, &acs, &clock, &request).await.is_err());
        clock.advance(Duration::from_hours(1));
        let age = longest_unverified(&store, &clock).await.unwrap();
        assert_eq!(age, Some(Duration::from_hours(1)));
        finish(&store, &acs, &clock, &invocation("run", &clock)).await;
        let entry = store.find_entry(&principal(5)).await.unwrap().unwrap();
        assert_eq!(entry.state, PhoneState::Removed);
        assert!(acs.was_deleted(&principal(5)));
        assert_eq!(longest_unverified(&store, &clock).await.unwrap(), None);
    }
}
