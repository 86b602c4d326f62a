//! The users of SCIM transmitters in `DynamoDB`: a change is one transaction.

mod item;
mod store;
mod transaction;

pub use store::DynamoScimUserStore;
