//! Compares the inventory with ACS.

use crate::model::phone::{PhoneEntry, PhonePrincipal, PhoneState, TeamsExtensionAssignment};
use crate::model::{Error, Event, Invocation};
use crate::ports::{Clock, PhoneInventory, TeamsPhoneClient};

/// What the inventory and ACS say about one principal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedEntry {
    /// The entry of the inventory.
    pub entry: Option<PhoneEntry>,
    /// What ACS has.
    pub at_acs: Option<TeamsExtensionAssignment>,
    /// How they differ.
    pub drift: Option<PhoneDrift>,
}

/// How the inventory and ACS differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneDrift {
    /// ACS does not have the assignment.
    MissingAtAcs,
    /// The inventory does not have the assignment.
    NotInInventory,
    /// The kind of the principal or its apps differ.
    Different,
    /// A change is unfinished.
    Unfinished,
}

impl PhoneDrift {
    /// The name as shown.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingAtAcs => "missing-at-acs",
            Self::NotInInventory => "not-in-inventory",
            Self::Different => "different",
            Self::Unfinished => "unfinished",
        }
    }
}

/// Asks ACS for the assignment of a principal. If the inventory says the same, the time is noted;
/// otherwise nothing is changed.
pub async fn verify_phone_assignment(
    store: &impl PhoneInventory,
    acs: &impl TeamsPhoneClient,
    clock: &impl Clock,
    principal: &PhonePrincipal,
    invocation: &Invocation,
) -> Result<VerifiedEntry, Error> {
    let entry = store.find_entry(principal).await?;
    let entry = entry.filter(|entry| entry.state != PhoneState::Removed);
    let at_acs = acs.find_assignment(principal, invocation.acs_until).await?;
    let drift = drift(entry.as_ref(), at_acs.as_ref());
    let Some(before) = entry.as_ref().filter(|_| drift.is_none()) else {
        return Ok(VerifiedEntry { entry, at_acs, drift });
    };
    let next = PhoneEntry {
        verified_at: Some(Event::at_millisecond(clock.now())),
        changed_at: before.changed_at,
        ..before.changed(before.state, clock.now())
    };
    // If another request has changed the entry, it has also asked ACS.
    let is_written = store.write_entry(entry.as_ref(), &next, None).await?;
    let entry = if is_written { Some(next) } else { entry };
    Ok(VerifiedEntry { entry, at_acs, drift })
}

fn drift(
    entry: Option<&PhoneEntry>,
    at_acs: Option<&TeamsExtensionAssignment>,
) -> Option<PhoneDrift> {
    match (entry, at_acs) {
        (None, None) => None,
        (None, Some(_)) => Some(PhoneDrift::NotInInventory),
        (Some(entry), _) if entry.state.is_unfinished() => Some(PhoneDrift::Unfinished),
        (Some(_), None) => Some(PhoneDrift::MissingAtAcs),
        (Some(entry), Some(found)) => {
            let sorted = |assignment: &TeamsExtensionAssignment| {
                let mut clients = assignment.client_ids.clone();
                clients.sort();
                clients
            };
            let kept = &entry.assignment;
            let is_same =
                kept.principal_type == found.principal_type && sorted(kept) == sorted(found);
            (!is_same).then_some(PhoneDrift::Different)
        }
    }
}
