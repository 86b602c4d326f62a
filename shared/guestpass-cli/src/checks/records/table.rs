//! Checks the table: does it exist, may the operator use it, and do its identities belong to the
//! resource?

use std::time::Duration;

use acs_client::{AcsIdentityClient, Answered, ErrorCause};
use identity_core::Error;
use identity_core::identity::{AcsId, ExternalId, Lifetime, Scope, Scopes, TokenRequest};
use identity_core::ports::{Clock as _, IdentityStore as _, Index, ListQuery, SHARDS, SystemClock};
use identity_core::record::StateName;

use crate::checks::Check;
use crate::report::{CliError, Result};
use crate::service::{ServiceSession, remedy};

/// Checks the table. Reads only.
pub(crate) async fn look_at_table(session: &ServiceSession) -> Check {
    let name = session.target.table.as_deref().unwrap_or_default();
    match read(session).await {
        Ok(()) => Check::good("table", format!("{name} and its indexes can be read")),
        Err(failure) => Check::failed("table", &failure),
    }
}

async fn read(session: &ServiceSession) -> Result<()> {
    // No user has this name: the check is whether the operator may read the record.
    if let Some(unknown) = ExternalId::parse("guestpass-doctor") {
        session.run(async |_| session.store.find(&unknown).await).await?;
    }
    if let Some(unknown) = AcsId::parse("8:acs:guestpass-doctor") {
        session.run(async |_| session.store.find_by_acs_id(&unknown).await).await?;
    }
    session.run(async |_| session.store.list(&query(0)).await).await?;
    Ok(())
}

/// Whether ACS accepts an identity of the table as the resource's own. Requests a token for the
/// longest unused identity that it finds, and drops the token.
pub(crate) async fn look_at_resource(session: &ServiceSession) -> Check {
    let identity = match first(session).await {
        Ok(Some(identity)) => identity,
        Ok(None) => {
            return Check::skipped("resource", "the table has no active identity to ask ACS about");
        }
        Err(failure) => return Check::failed("resource", &failure),
    };
    let Some(acs) = session.acs.first() else {
        return Check::skipped("resource", "no ACS resource is configured");
    };
    let Some(Err(error)) = ask(session, acs, &identity).await else {
        return Check::good("resource", "the identities of the table belong to this ACS resource");
    };
    refusal(session, &identity, &error)
}

/// Whether ACS issues a token for the identity. The token is dropped. `None` without a scope to ask
/// for.
pub(super) async fn ask(
    session: &ServiceSession,
    acs: &AcsIdentityClient<SystemClock>,
    identity: &AcsId,
) -> Option<std::result::Result<(), Error>> {
    let deadline = session.clock.now() + Duration::from_secs(6);
    // The narrowest scope; versions before 2023-10-01 have none narrower than this.
    let scope = if session.target.acs().api_version.as_str() < "2023-10-01" {
        Scope::Voip
    } else {
        Scope::VoipJoin
    };
    let token = TokenRequest { scopes: Scopes::of(vec![scope])?, lifetime: Lifetime::HOUR };
    Some(acs.issue_access_token(identity, &token, deadline).await.map(|_| ()))
}

/// The check for an identity that ACS refused.
pub(super) fn refusal(session: &ServiceSession, identity: &AcsId, error: &Error) -> Check {
    match Answered::of(error).map(Answered::cause) {
        Some(cause @ (ErrorCause::IdentityNotOwned | ErrorCause::IdentityLost)) => {
            Check::bad("resource", format!("{identity}: {cause}"), remedy(cause))
        }
        _ => Check::failed("resource", &session.explain(error)),
    }
}

async fn first(session: &ServiceSession) -> std::result::Result<Option<AcsId>, CliError> {
    for shard in 0..SHARDS {
        let page = session.run(async |_| session.store.list(&query(shard)).await).await?;
        if let Some(record) = page.records.first() {
            return Ok(record.acs_id().cloned());
        }
    }
    Ok(None)
}

fn query(shard: u8) -> ListQuery {
    let state = Some(StateName::Active);
    ListQuery { state, ..ListQuery::first(Index::LastIssued, shard, 20) }
}
