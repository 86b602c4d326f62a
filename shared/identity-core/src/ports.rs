//! The external dependencies of the core. Each port is named for its role; an adapter puts its
//! technology in front (`DynamoIdentityStore`).

mod account_directory;
mod audit_trail;
mod cleanup;
mod clock;
mod env;
mod identity_client;
mod identity_clients;
mod identity_store;
mod invitation_store;
mod listing;
mod phone;
mod random_source;
mod step;

pub use account_directory::{
    AccountDirectory, AccountLookUp, AccountStatus, DirectoryCursors, DirectoryWatch,
    DirectoryWatches,
};
pub use audit_trail::AuditTrail;
pub use cleanup::{Orphan, OrphanStore, RunLog};
pub use clock::{Clock, SystemClock};
pub use env::{ConfigError, Env, optional, required};
pub use identity_client::{IdentityClient, TeamsTokenExchange};
pub use identity_clients::{IdentityClients, ResourceClients, UnplacedResource, UnusableResource};
pub use identity_store::IdentityStore;
pub use invitation_store::{
    DueGuestPage, DueGuestQuery, InvitationChange, InvitationIndex, InvitationPage,
    InvitationPosition, InvitationQuery, InvitationStore, TimeBound,
};
pub use listing::{Count, Index, ListQuery, Page, Position, SHARDS};
pub use phone::{EntraKeys, PhoneInventory, PhonePage, PhonePosition, TeamsPhoneClient};
pub use random_source::{RandomSource, SystemRandom};
pub use step::{Change, Step, Usage};
