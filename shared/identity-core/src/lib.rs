//! The mapping from users to Azure Communication Services (ACS) identities, and the rules for
//! using those identities.
//!
//! Read in this order: `model` (the types of the domain, above all [`identity`] and [`record`], and
//! the rules, above all [`admission`]), [`ports`] (the external dependencies), `protocol` (above
//! all [`ensure_identity`], which creates one identity per user, whatever the timing), then
//! `operations` with one module per operation. This crate does not depend on HTTP, Lambda,
//! `DynamoDB` or the ACS wire format.

mod model;
mod operations;
pub mod ports;
mod protocol;
#[cfg(feature = "testing")]
pub mod testing;

pub use model::{
    admission, audit,
    error::{Error, error_chain},
    event, event_decision, guest, identity, phone, policy, record, resource, secret,
};
pub use operations::guests::{
    create_invitation, exchange_guest_pass, extend_invitation, get_invitation, list_invitations,
    revoke_invitation,
};
pub use operations::{
    apply_event, create_identity, delete_identity, delete_stale_identities, end_phone_access,
    exchange_teams_token, finish_phone_work, get_identity, import_identity, issue_access_token,
    list_identities, revoke_access_tokens, teams_phone, unblock_user,
};
pub use protocol::{
    administrator, ensure_identity, finish_pending::ABANDONED_AFTER, inviter, pacer,
};
