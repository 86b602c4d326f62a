//! Contract tests for every ACS client: the in-memory double that the core's tests use, and the
//! real client with a service behind it.
//!
//! An adapter's contract test is one line: `client_contract!(an_acs().await)`.
#![expect(
    clippy::missing_panics_doc,
    reason = "a clause is a test: it panics when it does not hold"
)]

use std::time::{Duration, SystemTime};

use super::{admission, an_hour};
use crate::{
    model::{
        error::Error,
        identity::{AccessToken, AcsId},
    },
    ports::IdentityClient,
};

/// Creates one test for each clause, run against the client that the expression returns.
#[macro_export]
macro_rules! client_contract {
    ($acs:expr) => {
        $crate::client_contract! { $acs =>
            each_creation_makes_another_identity
            a_token_comes_with_the_identity_and_lives
            a_revocation_kills_what_was_issued_before_and_nothing_else
            a_deletion_kills_every_token_and_there_is_no_other
            revoking_or_deleting_what_is_gone_is_success
            an_identity_of_another_resource_is_refused_and_never_taken_for_gone
        }
    };
    ($acs:expr => $($clause:ident)*) => {
        $(
            #[tokio::test]
            async fn $clause() {
                $crate::testing::client_contract::$clause(&$acs).await;
            }
        )*
    };
}

/// An ACS client that can report whether tokens are valid.
pub trait Introspect: IdentityClient {
    /// Whether the token is valid.
    fn lives(&self, token: &AccessToken) -> impl Future<Output = bool> + Send;

    /// An identity of another resource.
    fn foreign(&self) -> impl Future<Output = AcsId> + Send;

    /// Waits until the next token counts as issued later.
    fn a_moment_passes(&self) -> impl Future<Output = ()> + Send;

    /// The deadline for a call.
    fn deadline(&self) -> SystemTime;
}

#[expect(clippy::expect_used, reason = "a test may die")]
async fn create(acs: &impl Introspect) -> (AcsId, AccessToken) {
    let created = acs.create_identity_with_token(admission(), &an_hour(), acs.deadline()).await;
    created.expect("an ACS that works")
}

#[expect(clippy::expect_used, reason = "a test may die")]
async fn token(acs: &impl Introspect, id: &AcsId) -> AccessToken {
    issue(acs, id).await.expect("an identity that gets a token")
}

async fn issue(acs: &impl Introspect, id: &AcsId) -> Result<AccessToken, Error> {
    acs.issue_access_token(admission(), id, &an_hour(), acs.deadline()).await
}

/// A clause of the contract.
#[expect(clippy::expect_used, reason = "a test may die")]
pub async fn each_creation_makes_another_identity(acs: &impl Introspect) {
    let one = acs.create_identity(acs.deadline()).await.expect("an ACS that works");
    let other = acs.create_identity(acs.deadline()).await.expect("an ACS that works");
    assert_ne!(one, other);
    assert!(issue(acs, &one).await.is_ok() && issue(acs, &other).await.is_ok());
}

/// A clause of the contract.
pub async fn a_token_comes_with_the_identity_and_lives(acs: &impl Introspect) {
    let (id, first) = create(acs).await;
    assert!(acs.lives(&first).await);
    let second = token(acs, &id).await;
    assert!(acs.lives(&first).await && acs.lives(&second).await, "one does not end the other");
    let apart = match second.expires_on.duration_since(first.expires_on) {
        Ok(apart) => apart,
        Err(earlier) => earlier.duration(),
    };
    assert!(apart < Duration::from_mins(1), "both live an hour");
}

/// A clause of the contract.
pub async fn a_revocation_kills_what_was_issued_before_and_nothing_else(acs: &impl Introspect) {
    let ((id, old), (_, others)) = (create(acs).await, create(acs).await);
    assert!(acs.revoke_access_tokens(&id, acs.deadline()).await.is_ok());
    acs.a_moment_passes().await;
    let new = token(acs, &id).await;
    assert!(!acs.lives(&old).await);
    assert!(acs.lives(&new).await && acs.lives(&others).await);
}

/// A clause of the contract.
pub async fn a_deletion_kills_every_token_and_there_is_no_other(acs: &impl Introspect) {
    let ((id, old), (_, others)) = (create(acs).await, create(acs).await);
    assert!(acs.delete_identity(&id, acs.deadline()).await.is_ok());
    assert!(matches!(issue(acs, &id).await, Err(Error::AcsRefused(_))));
    assert!(!acs.lives(&old).await);
    assert!(acs.lives(&others).await);
}

/// A clause of the contract.
pub async fn revoking_or_deleting_what_is_gone_is_success(acs: &impl Introspect) {
    let (id, _) = create(acs).await;
    for _ in 0..2 {
        assert!(acs.delete_identity(&id, acs.deadline()).await.is_ok());
        assert!(acs.revoke_access_tokens(&id, acs.deadline()).await.is_ok());
    }
}

/// A clause of the contract.
pub async fn an_identity_of_another_resource_is_refused_and_never_taken_for_gone(
    acs: &impl Introspect,
) {
    let id = acs.foreign().await;
    for _ in 0..2 {
        assert!(matches!(issue(acs, &id).await, Err(Error::ForeignIdentity(_))));
        let revoked = acs.revoke_access_tokens(&id, acs.deadline()).await;
        assert!(matches!(revoked, Err(Error::ForeignIdentity(_))));
        let deleted = acs.delete_identity(&id, acs.deadline()).await;
        assert!(matches!(deleted, Err(Error::ForeignIdentity(_))));
    }
}
