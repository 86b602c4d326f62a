//! In-memory adapters for tests here and in the functions, and the contract tests that verify the
//! in-memory stores.

pub mod client_contract;
mod clock;
pub mod cursor_contract;
pub mod invitations;
mod memory_acs;
mod memory_cursors;
mod memory_store;
mod memory_teams;
mod metrics;
pub mod phone;
pub mod store_contract;
mod watched_store;

use std::time::{Duration, SystemTime};

use crate::model::identity::{Lifetime, Scopes};
use crate::model::{
    AcsId, Admission, Bearer, By, Cause, Event, EventKind, EventSource, ExternalId, IdentityRef,
    Invocation, ReceiptId, Record, Requester, ResourceName, RevocationOrder, State, TokenRequest,
    admit,
};
use crate::operations::issue_access_token::TokenSubject;
use crate::ports::Clock;
use crate::protocol::administrator::Administrator;

pub use clock::ManualClock;
pub use invitations::{CountingRandom, device_id, invitation};
pub use memory_acs::{ClientCall, MemoryIdentityClient};
pub use memory_cursors::MemoryDirectoryCursors;
pub use memory_store::{MemoryIdentityStore, shard_of_user};
pub use memory_teams::MemoryTeamsTokenExchange;
pub use metrics::Metrics;
pub use watched_store::{Loss, StoreCall, WatchedStore};

/// A user.
///
/// # Panics
/// If `name` is not a valid external ID.
#[must_use]
pub fn user(name: &str) -> ExternalId {
    #[expect(clippy::expect_used, reason = "a test may die")]
    ExternalId::parse(name).expect("an external id")
}

/// An ACS ID.
///
/// # Panics
/// If `raw` is not a valid ACS ID.
#[must_use]
pub fn acs_id(raw: &str) -> AcsId {
    #[expect(clippy::expect_used, reason = "a test may die")]
    AcsId::parse(raw).expect("an ACS id")
}

/// The name of an ACS resource.
///
/// # Panics
/// If `raw` is not a valid name.
#[must_use]
pub fn resource(raw: &str) -> ResourceName {
    #[expect(clippy::expect_used, reason = "a test may die")]
    ResourceName::parse(raw).expect("a name of a resource")
}

/// A request for a token with chat and calling, valid for one hour.
#[must_use]
pub fn an_hour() -> TokenRequest {
    TokenRequest { scopes: Scopes::chat_and_voip(), lifetime: Lifetime::HOUR }
}

/// An invocation with ten seconds left, which does not wait for other requests.
#[must_use]
pub fn invocation(id: &str, clock: &impl Clock) -> Invocation {
    Invocation {
        id: id.to_owned(),
        deadline: clock.now() + Duration::from_secs(10),
        acs_until: clock.now() + Duration::from_secs(6),
        patience: Duration::ZERO,
    }
}

/// A record in its first epoch.
#[must_use]
pub fn record(name: &str, state: State, at: SystemTime) -> Record {
    Record { state, epoch: 1, ..Record::unseen(&user(name), at) }
}

/// An administrator without a bearer token.
#[must_use]
pub fn administrator() -> Administrator {
    Administrator::operator(user("root"))
}

/// An admission of an administrator, for a user without a record.
///
/// # Panics
/// If the admission check refuses the administrator.
pub fn admission() -> Admission {
    let requester = Requester::Administrator { id: user("root") };
    #[expect(clippy::expect_used, reason = "a test may die")]
    admit(None, &requester, SystemTime::UNIX_EPOCH).expect("an open gate")
}

/// A token request of a user who signed in just now and has no pace.
#[must_use]
pub fn caller(name: &str) -> TokenSubject {
    caller_since(name, ManualClock::default().now() + Duration::from_hours(1))
}

/// A token request of a user whose bearer token was issued at `issued_at`.
#[must_use]
pub fn caller_since(name: &str, issued_at: SystemTime) -> TokenSubject {
    let bearer = Bearer { issued_at: Some(issued_at), authenticated_at: None };
    TokenSubject::Caller { user: user(name), bearer, pace: None, resource: None }
}

/// An administrator's order to revoke, or to block if `block` is set.
#[must_use]
pub fn order(receipt: &str, block: bool, at: SystemTime) -> RevocationOrder {
    RevocationOrder {
        receipt: ReceiptId(receipt.to_owned()),
        at,
        not_before: at,
        block,
        cause: Cause::of(By::administrator(&user("root"))),
        sign_out_pace_until: None,
    }
}

/// An event about Alice, from a source with a resolution of one millisecond.
#[must_use]
pub fn event(kind: EventKind, occurred_at: SystemTime) -> Event {
    Event {
        source: EventSource::Guestpass,
        kind,
        identity: IdentityRef::External(user("alice")),
        occurred_at,
        resolution: Event::FINEST,
        heard_at: None,
        id: "event-1".to_owned(),
        reason: None,
    }
}

/// In-memory versions of all dependencies of the core.
pub struct CoreFixture {
    /// The store behind [`store`](Self::store).
    pub records: MemoryIdentityStore,
    /// The store that the operations use.
    pub store: WatchedStore<MemoryIdentityStore>,
    /// The ACS client.
    pub acs: MemoryIdentityClient,
    /// The clock.
    pub clock: ManualClock,
}

impl CoreFixture {
    /// A fixture with these records in its store, and their identities in ACS.
    #[must_use]
    pub fn with(records: impl IntoIterator<Item = Record>) -> Self {
        let records = MemoryIdentityStore::with(records);
        let acs = MemoryIdentityClient::default();
        for record in records.records() {
            if let Some(id) = record.acs_id() {
                acs.know(id);
            }
        }
        let store = WatchedStore::new(records.clone());
        Self { records, store, acs, clock: ManualClock::default() }
    }

    /// A fixture with Alice as its only user, in this state.
    #[must_use]
    pub fn where_alice_is(state: State) -> Self {
        Self::with([record("alice", state, ManualClock::default().now())])
    }

    /// Alice's record.
    #[must_use]
    pub fn alice(&self) -> Option<Record> {
        self.records.records().into_iter().find(|record| record.external_id == user("alice"))
    }

    /// An invocation that does not wait for other requests.
    #[must_use]
    pub fn invocation(&self, id: &str) -> Invocation {
        invocation(id, &self.clock)
    }
}

impl State {
    /// An active identity.
    #[must_use]
    pub fn active(raw: &str) -> Self {
        Self::Active { acs_id: acs_id(raw) }
    }

    /// An identity that is being deleted.
    #[must_use]
    pub fn deleting(raw: &str) -> Self {
        Self::Deleting { acs_id: acs_id(raw), blocked: false }
    }

    /// A blocked user.
    #[must_use]
    pub fn blocked(raw: &str) -> Self {
        Self::Blocked { acs_id: Some(acs_id(raw)) }
    }
}
