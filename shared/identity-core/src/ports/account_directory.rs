use std::error::Error;
use std::future::Future;
use std::time::SystemTime;

use crate::model::{Error as CoreError, EventSource, ExternalId};

/// A user whose account may have changed, and who is therefore looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountLookUp {
    /// The user.
    pub user: ExternalId,
    /// Who says that the account may have changed; also the origin of what follows.
    pub source: EventSource,
    /// The name of the configured transmitter, which says where the directory is.
    pub transmitter: String,
    /// The tenant of the directory.
    pub tenant: String,
    /// The id of the account in its tenant.
    pub object_id: String,
    /// The ID of the message that asked for the look-up.
    pub id: String,
}

/// The status of an account now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountStatus {
    /// The account does not exist, or it was deleted and can be restored.
    Missing,
    /// The account exists.
    Present {
        /// Whether the user may sign in.
        is_enabled: bool,
        /// Sign-ins from before this time are invalid, in whole seconds of the directory's clock.
        sign_ins_valid_from: Option<SystemTime>,
    },
}

/// The directory that has the users' accounts.
pub trait AccountDirectory {
    /// Why the directory did not answer.
    type Error: Error + 'static;

    /// The status of an account, which is read after the call began. The answer must be there at
    /// `until`.
    fn status(
        &self,
        look_up: &AccountLookUp,
        until: SystemTime,
    ) -> impl Future<Output = Result<AccountStatus, Self::Error>>;
}

/// Where the reading of a directory's changes continues: an opaque text for each name.
pub trait DirectoryCursors {
    /// The cursor; `None` before the first one was saved.
    fn find_cursor(&self, name: &str) -> impl Future<Output = Result<Option<String>, CoreError>>;

    /// Saves `next`, if the cursor is still `seen`. Returns whether it was saved. A second call with
    /// the same values is not refused: the answer to the first one may have been lost.
    fn save_cursor(
        &self,
        name: &str,
        seen: Option<&str>,
        next: &str,
    ) -> impl Future<Output = Result<bool, CoreError>>;
}

/// When the changes of a tenant were last followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryWatch {
    /// The name of the configured transmitter.
    pub transmitter: String,
    /// The tenant of the directory.
    pub tenant: String,
    /// When all changes until then were read; `None` if this never ended well.
    pub followed_at: Option<SystemTime>,
    /// When the directory stops to send notifications, if they are not renewed before.
    pub subscription_ends_at: Option<SystemTime>,
}

/// When the changes of the configured tenants were last followed, for the operator.
pub trait DirectoryWatches {
    /// All configured tenants, as the last run saved them.
    fn find_watches(&self) -> impl Future<Output = Result<Vec<DirectoryWatch>, CoreError>>;

    /// Replaces all of them.
    fn save_watches(
        &self,
        watches: &[DirectoryWatch],
    ) -> impl Future<Output = Result<(), CoreError>>;
}
