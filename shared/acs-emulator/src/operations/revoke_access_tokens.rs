//! `POST /identities/{id}/:revokeAccessTokens`: ends every token issued so far.

use super::call::kept;
use super::{OperationCall, OperationError, OperationSuccess};

pub(crate) fn perform(
    call: &OperationCall<'_>,
    id: &str,
) -> Result<OperationSuccess, OperationError> {
    let identity = call.own_identity(id)?;
    call.known(kept(call.resource.identities.revoke(&identity, call.now))?)?;
    Ok(OperationSuccess::no_content(identity))
}
