//! The access keys of the resource, and the key that signs its tokens.

pub(crate) mod random;
pub(crate) mod resource_key;
pub(crate) mod resource_keys;
pub(crate) mod token_signer;
