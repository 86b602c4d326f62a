//! `DELETE /identities/{id}`: deletes an identity and ends its tokens.

use super::call::kept;
use super::{OperationCall, OperationError, OperationSuccess};

pub(crate) fn perform(
    call: &OperationCall<'_>,
    id: &str,
) -> Result<OperationSuccess, OperationError> {
    let identity = call.own_identity(id)?;
    call.known(kept(call.resource.identities.delete(&identity, call.now))?)?;
    Ok(OperationSuccess::no_content(identity))
}
