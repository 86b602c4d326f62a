//! The service: which one is selected, and how it is reached.

pub(crate) mod aws;
mod entra;
mod environment;
mod event_publisher;
mod explain;
pub(crate) mod internet;
mod local;
pub(crate) mod operator;
mod resources;
pub(crate) mod secret;
mod session;
mod sqs_queue;
mod target;
mod transmitter;

pub(crate) use environment::CliEnvironment;
pub(crate) use event_publisher::EventPublisher;
pub(crate) use explain::{explain, explain_aws, remedy};
pub(crate) use local::{StackDescription, TemporaryStack, control, is_loopback};
pub(crate) use resources::{ConfiguredResources, PLACEMENT, unreachable};
pub(crate) use session::{
    AcsAlone, IdentityBackend, ServiceSession, acs_client, acs_id, aws_config, invocation,
    needs_table,
};
pub(crate) use sqs_queue::{QueueRole, SqsQueue};
pub(crate) use target::{ServiceAccess, Target, secret_named};
pub(crate) use transmitter::{
    ApiCredential, ManagedStream, StreamRequest, TransmitterAccess, TransmitterApi,
};
