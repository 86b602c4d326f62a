//! The external dependencies of the protocol: the store of the users, and the sender of events.

use std::future::Future;
use std::time::SystemTime;

use identity_core::Error;
use identity_core::event::EventKind;
use identity_core::identity::ExternalId;

use crate::model::ScimUser;

/// Stores the users of each transmitter. Each method belongs to one transmitter, by its name.
///
/// Every read is consistent: it has all writes that ended before it began.
pub trait ScimUserStore: Sync {
    /// The user with this ID.
    fn find(
        &self,
        transmitter: &str,
        id: &str,
    ) -> impl Future<Output = Result<Option<ScimUser>, Error>> + Send;

    /// The user with this name, without regard to case.
    fn find_by_name(
        &self,
        transmitter: &str,
        user_name: &str,
    ) -> impl Future<Output = Result<Option<ScimUser>, Error>> + Send;

    /// The users with this `externalId`. A provider does not promise that there is only one.
    fn find_by_external_id(
        &self,
        transmitter: &str,
        external_id: &str,
    ) -> impl Future<Output = Result<Vec<ScimUser>, Error>> + Send;

    /// Some of the users, in the order of their IDs, and how many there are.
    fn list(
        &self,
        transmitter: &str,
        window: &ListWindow,
    ) -> impl Future<Output = Result<UserList, Error>> + Send;

    /// Whether a user with this subject was stored as inactive, and none as active since. It is
    /// true also after the user was deleted.
    fn is_blocked(
        &self,
        transmitter: &str,
        subject: &str,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Writes the user if the stored version is still the one that the author of the change read,
    /// and if no other user has the name.
    fn write(
        &self,
        transmitter: &str,
        change: &UserWrite<'_>,
    ) -> impl Future<Output = Result<WriteOutcome, Error>> + Send;

    /// Deletes the user if the stored version is still the same.
    fn delete(
        &self,
        transmitter: &str,
        user: &ScimUser,
    ) -> impl Future<Output = Result<WriteOutcome, Error>> + Send;
}

/// The part of a list to return.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListWindow {
    /// Only users with this value of `active`.
    pub active: Option<bool>,
    /// How many users to skip.
    pub skip: usize,
    /// How many users to return at most.
    pub count: usize,
}

/// Some of the users of a transmitter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserList {
    /// How many users there are, including those that are not returned.
    pub total: usize,
    /// The returned users.
    pub users: Vec<ScimUser>,
}

/// A change of a user.
#[derive(Clone, Copy, Debug)]
pub struct UserWrite<'a> {
    /// The stored user that the change is based on; `None` for a new one.
    pub before: Option<&'a ScimUser>,
    /// The user to store.
    pub after: &'a ScimUser,
    /// The subject of the user, for [`is_blocked`](ScimUserStore::is_blocked).
    pub subject: Option<&'a str>,
}

/// The outcome of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteOutcome {
    /// The store has the change.
    Done,
    /// Another request changed the user in the meantime: read again and repeat.
    Changed,
    /// Another user has this name.
    NameTaken,
}

/// Something that happened to a user, for the queue of events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScimUserEvent {
    /// What happened.
    pub kind: EventKind,
    /// The key of the user's record.
    pub user: ExternalId,
    /// When it happened, in whole milliseconds.
    pub occurred_at: SystemTime,
    /// The ID of the event.
    pub id: String,
}

/// Sends events to the queue of events.
pub trait UserEventSender {
    /// Sends an event. `Ok` means that the queue has it durably.
    fn send(&self, event: &ScimUserEvent) -> impl Future<Output = Result<(), Error>>;
}
