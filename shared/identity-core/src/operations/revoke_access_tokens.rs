//! Revokes every access token issued for an identity so far. With `block`, the user gets no new
//! one.
//!
//! The order of the steps is essential: first the record (from then on, no token is returned),
//! then ACS, then the confirmation, then the response. A recorded revocation is never treated as
//! a confirmed one.

use std::time::SystemTime;

use tracing::info;

use crate::model::{
    Actor, AuditAction, AuditEntry, Bearer, By, Cause, Error, ExternalId, IdentityRef, Invocation,
    Receipt, ReceiptId, Record, RevocationOrder, TokenPace, admit_bearer,
};
use crate::ports::{Change, Clock, IdentityClients, IdentityStore, Step};
use crate::protocol::find_settled::find_settled;
use crate::protocol::finish_pending;

/// The parameters of the operation.
#[derive(Clone, Debug)]
pub struct RevokeAccessTokensRequest {
    /// The identity whose tokens are revoked.
    pub identity: IdentityRef,
    /// Whether to block the user as well: no token until they are unblocked.
    pub block: bool,
    /// The bearer token of a user who signs out; `None` for other callers.
    pub bearer: Option<Bearer>,
    /// What to do if the identity has no record.
    pub if_missing: IfMissing,
    /// How often a user may sign out; `None` for no limit. Other callers are not paced.
    pub pace: Option<TokenPace>,
    /// Who requested the revocation, and why.
    pub cause: Cause,
    /// The request being served.
    pub invocation: Invocation,
}

/// What to do if a user has no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// Return [`Error::NotFound`], so that a mistyped ID is not blocked instead of the intended
    /// user.
    Refuse,
    /// Create a record, so that the block or the sign-out takes effect before the user's first
    /// call.
    Create,
}

/// Revokes the tokens and returns the receipt. Bearer tokens from before the revocation are
/// refused from then on.
///
/// A bearer token from before a cut-off cannot revoke tokens that were issued after it. If
/// no such tokens exist, the call is a repeated request: it changes nothing and succeeds.
///
/// After an error, assume that the tokens are still valid. Changes that were already recorded
/// stay recorded, and a later request or run finishes the work.
pub async fn revoke_access_tokens(
    store: &impl IdentityStore,
    acs: &impl IdentityClients,
    clock: &impl Clock,
    request: RevokeAccessTokensRequest,
) -> Result<Receipt, Error> {
    let invocation = &request.invocation;
    let receipt = ReceiptId(invocation.id.clone());
    for _ in 0..MAX_LOOKS {
        let seen = find_settled(store, clock, &request.identity).await?;
        let user = subject(seen.as_ref(), &request)?;
        let now = clock.now();
        let before = seen.clone().unwrap_or_else(|| Record::unseen(&user, now));
        match request.bearer.map(|bearer| admit_bearer(&before, bearer, now)) {
            None | Some(Ok(())) => {}
            // Finish the revocation that this bearer token started.
            Some(Err(_)) if before.pending_revocation.is_some() => {}
            Some(Err(_)) if before.acs_id().is_none() || before.tokens_revoked => {
                return repeated(&before, &request, clock);
            }
            Some(Err(refusal)) => return Err(refusal),
        }
        let order = order(seen.as_ref(), &request, clock)?;
        let next = before.revoked(&order, now);
        let audit = audit(&next, &request, now);
        let step = Step::new(seen.as_ref(), &next).audited(audit.as_ref());
        if let Change::Made(recorded) = store.commit(step).await? {
            let kept =
                finish_pending::perform_pending(store, acs, clock, &recorded, invocation).await?;
            info!(
                acs.id = recorded.acs_id().map(ToString::to_string),
                block = request.block,
                "tokens revoked"
            );
            // Return the receipt as a later request will read it.
            let kept = kept.receipts.into_iter().rfind(|kept| kept.id == receipt);
            let receipt = kept.or_else(|| recorded.receipts.into_iter().next_back());
            let mut receipt = receipt.ok_or(Error::Internal("a revocation without its receipt"))?;
            receipt.revoked_at.get_or_insert(clock.now());
            return Ok(receipt);
        }
    }
    Err(Error::busy())
}

/// The receipt for a sign-out that was already done.
fn repeated(
    record: &Record,
    request: &RevokeAccessTokensRequest,
    clock: &impl Clock,
) -> Result<Receipt, Error> {
    let order = order(None, request, clock)?;
    let is_own = |receipt: &&Receipt| {
        receipt.cause.by == By::User && receipt.identity.as_ref() == record.acs_id()
    };
    let known = record.receipts.iter().rfind(is_own);
    let new = || record.revoked(&order, clock.now()).receipts.into_iter().next_back();
    known.cloned().or_else(new).ok_or(Error::Internal("a revocation without its receipt"))
}

/// The user of the record, or of the record to create.
fn subject(
    seen: Option<&Record>,
    request: &RevokeAccessTokensRequest,
) -> Result<ExternalId, Error> {
    match (seen, &request.identity, request.if_missing) {
        (Some(record), ..) => Ok(record.external_id.clone()),
        // Only an invitation makes a guest.
        (None, IdentityRef::External(user), IfMissing::Create) if !user.is_guest() => {
            Ok(user.clone())
        }
        (None, ..) => Err(Error::NotFound),
    }
}

fn order(
    seen: Option<&Record>,
    request: &RevokeAccessTokensRequest,
    clock: &impl Clock,
) -> Result<RevocationOrder, Error> {
    let at = clock.now();
    let pace = request.pace.filter(|_| request.cause.by == By::User);
    let until = seen.and_then(|record| record.sign_out_pace_until);
    let paced = pace.map(|pace| pace.take(until, at)).transpose();
    Ok(RevocationOrder {
        receipt: ReceiptId(request.invocation.id.clone()),
        at,
        not_before: at,
        block: request.block,
        cause: request.cause.clone(),
        sign_out_pace_until: paced.map_err(|retry_after| Error::TooManySignOuts { retry_after })?,
    })
}

/// The audit entry for the request, if an administrator made it.
fn audit(next: &Record, request: &RevokeAccessTokensRequest, at: SystemTime) -> Option<AuditEntry> {
    let By::Administrator { id: Some(id) } = &request.cause.by else { return None };
    let action = if request.block { AuditAction::BlockUser } else { AuditAction::RevokeTokens };
    let by = Actor::Administrator(id.clone());
    let entry = AuditEntry::of(next, &request.invocation.id, by, action, at);
    Some(AuditEntry { reason: request.cause.reason.clone(), ..entry })
}

/// How often a revocation is retried when other requests change the record in the meantime.
const MAX_LOOKS: usize = 8;

#[cfg(test)]
mod tests;
