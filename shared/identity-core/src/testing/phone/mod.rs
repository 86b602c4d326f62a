//! In-memory versions of the ports of Teams Phone, and the contract of every inventory.

mod contents;
pub mod contract;
mod inventory;
mod memory_phone;

use crate::model::phone::{Guid, PhonePrincipal, PrincipalType, TeamsExtensionAssignment};

pub(crate) use contents::PhoneContents;
pub use memory_phone::{MemoryPhone, PhoneCall};

/// A GUID that ends with this number.
///
/// # Panics
/// If the number is negative or has more than twelve digits.
#[must_use]
pub fn guid(number: u64) -> Guid {
    #[expect(clippy::expect_used, reason = "a test may die")]
    format!("00000000-0000-4000-8000-{number:012}").parse().expect("a GUID")
}

/// A principal of the tenant 1.
#[must_use]
pub fn principal(object: u64) -> PhonePrincipal {
    PhonePrincipal { tenant_id: guid(1), object_id: guid(object) }
}

/// The assignment of that principal as a user, for the app 9.
#[must_use]
pub fn assignment(object: u64) -> TeamsExtensionAssignment {
    TeamsExtensionAssignment {
        tenant_id: guid(1),
        object_id: guid(object),
        principal_type: PrincipalType::User,
        client_ids: vec![guid(9)],
    }
}
