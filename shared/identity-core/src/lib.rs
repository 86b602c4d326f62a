//! Who holds which Azure Communication Services (ACS) identity, and what may be
//! done with it.
//!
//! Read in this order: [`identity`] (the nouns), [`record`] (what is kept about
//! one user), [`admission`] (the gate that every token passes), [`ports`] (what the rules
//! need from the outside), [`obtain`] (the protocol that makes one identity per user,
//! whatever the timing), then one module per operation. Nothing here knows about HTTP,
//! Lambda, `DynamoDB` or the ACS wire format.

pub mod administrator;
pub mod admission;
pub mod apply_event;
pub mod audit;
pub mod create_identity;
pub mod delete_identity;
pub mod delete_stale_identities;
pub mod event;
pub mod exchange_teams_token;
pub mod get_identity;
pub mod identity;
pub mod issue_access_token;
pub mod list_identities;
pub mod obtain;
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
mod foreign;
mod settle;

pub use error::Error;
pub use settle::ABANDONED_AFTER;
