//! Invitations and their guests, one module for each operation.

pub mod create_invitation;
pub mod exchange_guest_pass;
pub mod extend_invitation;
pub mod get_invitation;
pub mod list_invitations;
pub mod revoke_invitation;
