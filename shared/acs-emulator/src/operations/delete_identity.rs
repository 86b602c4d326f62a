//! `DELETE /identities/{id}`: deletes an identity and ends its tokens.

use super::call::{Call, Failure, Success, kept};

pub(crate) fn perform(call: &Call<'_>, id: &str) -> Result<Success, Failure> {
    let identity = call.own_identity(id)?;
    call.known(kept(call.resource.identities.delete(&identity, call.now))?)?;
    Ok(Success::no_content(identity))
}
