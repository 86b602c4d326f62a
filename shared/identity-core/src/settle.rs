//! Whoever meets what a dead invocation began, finishes it.
//!
//! A revocation is recorded before ACS is asked, and a deletion likewise, so a
//! crash in between leaves a record that says what is still to be done. Somebody
//! alive may be doing it right now; they are left alone for as long as an
//! invocation can live.

use std::time::Duration;

use tracing::info;

use crate::{
    Error,
    identity::Invocation,
    ports::{Clock, IdentityClient, IdentityStore},
    record::{Record, State},
};

/// What became of it.
pub(crate) enum Settled {
    /// Finished, by us or by somebody else: look again.
    Done,
    /// Somebody is at it; come back after this.
    Busy(Duration),
}

/// Finishes the revocation or the deletion that `record` says was begun, unless it
/// is so young that its author may be alive.
pub(crate) async fn settle(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    record: &Record,
    invocation: &Invocation,
) -> Result<Settled, Error> {
    let age = clock.now().duration_since(record.changed_at).unwrap_or_default();
    if age < ABANDONED_AFTER {
        return Ok(Settled::Busy(Duration::from_secs(1)));
    }
    info!(acs.id = record.acs_id().map(ToString::to_string), "finishing what was left half done");
    finish(store, acs, clock, record, invocation).await?;
    Ok(Settled::Done)
}

/// Does at ACS what `record` says is to be done, and notes it. A record that has
/// moved on meanwhile keeps its new state.
pub(crate) async fn finish(
    store: &impl IdentityStore,
    acs: &impl IdentityClient,
    clock: &impl Clock,
    record: &Record,
    invocation: &Invocation,
) -> Result<(), Error> {
    match &record.state {
        State::Deleting { acs_id, .. } => {
            acs.delete_identity(acs_id, invocation.deadline).await?;
            store.advance(Some(record), &record.deletion_confirmed(clock.now())).await?;
        }
        State::Active { acs_id } | State::Blocked { acs_id: Some(acs_id) }
            if record.pending_revocation.is_some() =>
        {
            acs.revoke_access_tokens(acs_id, invocation.deadline).await?;
            store.advance(Some(record), &record.revocation_confirmed()).await?;
        }
        _ => {}
    }
    Ok(())
}

/// No function that changes records may run longer than 10 s (the template says
/// so), and clocks differ a little.
const ABANDONED_AFTER: Duration = Duration::from_secs(15);
