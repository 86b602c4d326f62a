use std::future::Future;
use std::time::SystemTime;

use crate::model::phone::{PhoneEntry, PhoneFault, PhonePrincipal, TeamsExtensionAssignment};
use crate::model::{AccessToken, AcsId, Admission, AuditEntry, Error, ExternalId, Secret};

/// Teams Phone at ACS: the exchange of a user's own Entra token, and the assignments that allow it.
///
/// Callers do not retry, as with [`IdentityClient`](crate::ports::IdentityClient).
pub trait TeamsPhoneClient: Sync {
    /// Exchanges `token`, which Entra issued to the user. If ACS refuses it, the result is
    /// [`Error::TeamsPhone`].
    fn exchange_phone_token(
        &self,
        admission: Admission,
        token: &Secret,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<(AcsId, AccessToken), Error>> + Send;

    /// Finds the assignment of a principal.
    fn find_assignment(
        &self,
        principal: &PhonePrincipal,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<Option<TeamsExtensionAssignment>, Error>> + Send;

    /// Creates or replaces an assignment, and returns it as ACS stored it.
    fn put_assignment(
        &self,
        assignment: &TeamsExtensionAssignment,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<TeamsExtensionAssignment, Error>> + Send;

    /// Deletes an assignment, which revokes the tokens that were issued through it. It succeeds if
    /// ACS has no assignment.
    fn delete_assignment(
        &self,
        principal: &PhonePrincipal,
        deadline: SystemTime,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// The keys with which Entra signs the tokens of a tenant.
pub trait EntraKeys {
    /// Verifies the signature of `token`, which must name `issuer`, with the keys at `keys_url`.
    ///
    /// # Errors
    /// [`PhoneFault::Forged`] or [`PhoneFault::KeysUnavailable`].
    fn verify(
        &self,
        token: &Secret,
        issuer: &str,
        keys_url: &str,
    ) -> impl Future<Output = Result<(), PhoneFault>>;
}

/// The inventory of the assignments: ACS cannot list them.
pub trait PhoneInventory: Sync {
    /// Reads an entry with strong consistency.
    fn find_entry(
        &self,
        principal: &PhonePrincipal,
    ) -> impl Future<Output = Result<Option<PhoneEntry>, Error>> + Send;

    /// Writes `next`, if the stored entry is still the version of `seen`. The same request writes
    /// the audit entry, if there is one. Returns whether it was written. A second call with the same
    /// values is not refused: the answer to the first one may have been lost.
    fn write_entry(
        &self,
        seen: Option<&PhoneEntry>,
        next: &PhoneEntry,
        audit: Option<&AuditEntry>,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Lists one page of entries in the order of their creation. Removed ones are left out.
    /// Eventually consistent.
    fn list_entries(
        &self,
        after: Option<&PhonePosition>,
        limit: u16,
    ) -> impl Future<Output = Result<PhonePage, Error>> + Send;

    /// Lists some of the principals whose assignment is unfinished, the oldest change first. So the
    /// runs take turns among many, if each attempt changes its entry. Eventually consistent.
    fn unfinished_principals(
        &self,
    ) -> impl Future<Output = Result<Vec<PhonePrincipal>, Error>> + Send;

    /// Notes that the user is, or may become, this principal. It is never forgotten, and a second
    /// call with the same values changes nothing.
    fn link_principal(
        &self,
        user: &ExternalId,
        principal: &PhonePrincipal,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// The principals that were linked to the user. Strongly consistent.
    fn linked_principals(
        &self,
        user: &ExternalId,
    ) -> impl Future<Output = Result<Vec<PhonePrincipal>, Error>> + Send;
}

/// One page of the inventory.
#[derive(Clone, Debug, Default)]
pub struct PhonePage {
    /// The entries.
    pub entries: Vec<PhoneEntry>,
    /// The position to continue after; `None` at the end.
    pub next: Option<PhonePosition>,
}

/// The position of an entry in the inventory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PhonePosition {
    /// When the entry was made.
    pub created_at: SystemTime,
    /// Its principal.
    pub principal: PhonePrincipal,
}

impl From<&PhoneEntry> for PhonePosition {
    fn from(entry: &PhoneEntry) -> Self {
        Self { created_at: entry.created_at, principal: entry.principal() }
    }
}
