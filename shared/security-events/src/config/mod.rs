//! The configuration: the transmitters, their users, and their secrets.

mod accepted_users;
mod kinds;
mod members;
mod message_issuer;
mod secrets;
mod transmitter;

pub use accepted_users::AcceptedUsers;
pub use kinds::{
    AppleSettings, BackChannelLogoutSettings, GlobalTokenRevocationSettings, GoogleSettings,
    GraphSettings, PartnerTopic, ScimSettings, SsfDelivery, SsfSettings, TransmitterSettings,
};
pub use members::{Members, TransmitterError};
pub use message_issuer::MessageIssuer;
pub use secrets::{TransmitterSecretError, TransmitterSecrets};
pub use transmitter::{Transmitter, Transmitters};
