//! The mapping from users to Azure Communication Services (ACS) identities, and the rules for
//! using those identities.
//!
//! Read in this order: [`identity`] (the basic types), [`record`] (the stored data of one user),
//! [`admission`] (the check that every token request must pass), [`ports`] (the external
//! dependencies), [`ensure_identity`] (the protocol that creates one identity per user, whatever the
//! timing), then one module per operation. This crate does not depend on HTTP, Lambda, `DynamoDB`
//! or the ACS wire format.

pub mod administrator;
pub mod admission;
pub mod apply_event;
pub mod audit;
pub mod create_identity;
pub mod delete_identity;
pub mod delete_stale_identities;
pub mod ensure_identity;
pub mod event;
pub mod exchange_teams_token;
pub mod get_identity;
pub mod identity;
pub mod issue_access_token;
pub mod list_identities;
pub mod pacer;
pub mod policy;
pub mod ports;
pub mod record;
pub mod revoke_access_tokens;
pub mod secret;
#[cfg(feature = "testing")]
pub mod testing;
pub mod unblock_user;

mod error;
mod find_settled;
mod finish_pending;
mod foreign;

pub use error::Error;
pub use finish_pending::ABANDONED_AFTER;
