//! The identity store in `DynamoDB`: one item per user, one conditional request per change.

mod audit;
mod audit_trail;
mod directory_cursors;
mod failure;
mod index;
mod invitations;
mod item;
mod ledger;
mod phone;
mod step;
mod store;
#[cfg(feature = "testing")]
pub mod testing;
mod update;

pub use crate::{
    audit::{AuditRetention, AuditTable},
    store::{DynamoIdentityStore, ResourceCensus, ResourceRecords, Tables},
};
