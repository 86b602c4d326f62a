//! `POST /identities/{id}/:revokeAccessTokens`: ends every token issued so far.

use super::call::{Call, Failure, Success, kept};

pub(crate) fn perform(call: &Call<'_>, id: &str) -> Result<Success, Failure> {
    let identity = call.own_identity(id)?;
    call.known(kept(call.resource.identities.revoke(&identity, call.now))?)?;
    Ok(Success::no_content(identity))
}
