//! Everything that others can send to the service, as functions of bytes that must not panic. Each
//! file in `fuzz_targets` calls one of them.

mod adapters;
mod events;
mod http;
mod messages;
mod scim;
mod settings;

// The functions are programs and no libraries, so their files are modules here.
#[allow(dead_code, reason = "the addresses of a connection string are not used")]
#[path = "../../../shared/acs-client/src/api_version.rs"]
mod api_version;
#[allow(dead_code, reason = "only a part of the function is called")]
#[path = "../../../functions/revoke-on-event/src/batch.rs"]
mod batch;
#[allow(dead_code, unused_imports, reason = "nothing is signed")]
#[path = "../../../shared/acs-client/src/auth"]
mod auth {
    pub(crate) mod connection_string;
    mod insecure_hosts;

    pub(crate) use insecure_hosts::INSECURE_HOSTS;
}
#[path = "../../../functions/delete-stale-identities/src/error.rs"]
mod error;
#[allow(dead_code, reason = "no cleanup runs")]
#[path = "../../../functions/delete-stale-identities/src/input.rs"]
mod input;

// The functions find the stand-ins of the adapters under the adapters' names.
extern crate self as acs_secret;
extern crate self as aws_secrets;
extern crate self as identity_store;

pub use adapters::{
    StandInArn as SecretArn, StandInResource as AcsResources, StandInStore as DynamoIdentityStore,
    StandInTables as Tables, key,
};
pub use events::{schedule_event, sqs_event};
pub use http::{
    create_identity, delete_identity, exchange_teams_token, get_identity, issue_access_token,
    list_identities, revoke_access_tokens,
};
pub use messages::{
    apple_message, google_message, graph_notification, logout_token, revocation_request,
};
pub use scim::scim_request;
pub use settings::{bearer, connection_string, policy};
