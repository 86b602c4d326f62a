//! The access keys of the resource, and the key that signs its tokens.

pub(crate) mod random;
mod resource_key;
mod resource_keys;
mod token_signer;

pub(crate) use resource_key::KeyMark;
pub use resource_key::ResourceKey;
pub(crate) use resource_keys::{KeyRing, KeyType, ResourceKeys};
pub(crate) use token_signer::{EmulatorClaim, NotOurs, TokenClaims, TokenSigner};
