//! The operations of the service, one module each.

pub mod apply_event;
pub mod create_identity;
pub mod delete_identity;
pub mod delete_stale_identities;
pub mod end_phone_access;
pub mod exchange_teams_token;
pub mod finish_phone_work;
pub mod get_identity;
pub(crate) mod guests;
pub mod import_identity;
pub mod issue_access_token;
pub mod list_identities;
pub mod revoke_access_tokens;
pub mod teams_phone;
pub mod unblock_user;
