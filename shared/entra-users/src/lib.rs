//! Asks Microsoft Graph about the users of Entra tenants, keeps the subscription to their changes,
//! and reads the notifications that Graph sends.
//!
//! A notification says that a user changed, not what changed. So a user's status always comes from
//! a [look-up](GraphClient::user_status).

mod app;
mod client;
mod delta;
mod directory_id;
mod error;
mod event_grid;
mod notification;
mod subscription;
mod token;
mod user;

pub use app::{ClientSecretSource, GraphApp, InvalidGraphUrl};
pub use client::GraphClient;
pub use delta::{DeltaPage, DeltaStart};
pub use directory_id::{DirectoryId, DirectoryUser, InvalidDirectoryId};
pub use error::GraphError;
pub use event_grid::{InvalidTopicValidation, TopicValidation};
pub use notification::{
    GraphNotification, InvalidNotification, NotifiedChange, read_notifications,
};
pub use subscription::UserSubscription;
pub use user::UserStatus;
