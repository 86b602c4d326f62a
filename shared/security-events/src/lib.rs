//! The transmitters of identity signals, and what their messages mean.
//!
//! A *transmitter* is an identity provider that tells this deployment by HTTP what happened to its
//! users. Read in this order: [`Transmitters`] (the configuration: who may send, for which users),
//! [`TransmitterSecrets`] (what a sender must know), [`ssf`] and [`messages`] (the signed messages of
//! each kind), [`UserSignal`] (what follows). The crate makes no request and reads no clock.

mod config;
pub mod messages;
mod signal;
mod signal_time;
pub mod ssf;

pub use config::{
    AcceptedUsers, AppleSettings, BackChannelLogoutSettings, GlobalTokenRevocationSettings,
    GoogleSettings, GraphSettings, Members, MessageIssuer, PartnerTopic, ScimSettings, SsfDelivery,
    SsfSettings, Transmitter, TransmitterError, TransmitterSecretError, TransmitterSecrets,
    TransmitterSettings, Transmitters,
};
pub use signal::UserSignal;
