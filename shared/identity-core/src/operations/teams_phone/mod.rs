//! Teams Phone: the exchange of a user's Entra token, and the assignments that allow it.

mod assign;
mod audit_entry;
mod exchange;
mod unassign;
mod verify;

pub use assign::{AssignPhoneRequest, Assignee, assign_phone};
pub use exchange::{
    ExchangePhoneTokenRequest, PhoneTokenRequest, exchange_phone_token, verify_phone_token,
};
pub(crate) use unassign::remove;
pub use unassign::{UnassignPhoneRequest, unassign_phone};
pub use verify::{PhoneDrift, VerifiedEntry, verify_phone_assignment};

/// How often a change is retried when other requests change the entry in the meantime.
const MAX_LOOKS: usize = 8;

#[cfg(test)]
mod tests;
