//! Who the caller is: by the signature of an access key, or by a token of Entra ID.

pub(crate) mod accounts;
pub(crate) mod audiences;
pub(crate) mod authenticator;
pub(crate) mod bearer_refusal;
pub(crate) mod claims;
pub(crate) mod entra;
pub(crate) mod issuer;
pub(crate) mod signature;
pub(crate) mod trusted_key;
