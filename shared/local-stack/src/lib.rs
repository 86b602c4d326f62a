//! The whole service on one machine, with no cloud account, no container and no network.
//!
//! [`LocalStack::start`] reads the SAM template and starts what it describes: an HTTP API with a JWT
//! authorizer, the functions' own binaries behind the Lambda Runtime API, the tables in a DynamoDB
//! engine, event buses with their rules, queues with their dead-letter queues, and schedules. It also
//! starts an emulator of ACS, an issuer of development tokens, the secrets, and a console. All of
//! them use one clock, which can be moved.
//!
//! Everything listens only on loopback, because the issuer signs tokens without authentication; on
//! request, gateway and issuer are reachable from other machines.
//!
//! Read `stack/` first: it connects the parts. Then follow a request from `gateway` to `runtime`,
//! and an event from `bus` through `queue` to `runtime`.

mod acs;
mod arn;
mod bus;
mod clock;
mod console;
mod control;
mod demo;
mod dynamodb;
mod entra;
mod gateway;
mod guest_page;
mod health;
mod html;
mod issuer;
mod json_response;
mod local_only;
mod options;
mod output;
mod queue;
mod runtime;
mod schedule;
mod secrets;
mod signals;
mod stack;
pub mod template;

pub use demo::{DemoError, fill_demo};
pub use dynamodb::EngineError;
pub use gateway::GatewayLimits;
pub use health::check_health;
pub use issuer::{DiscoveryError, KeyError};
pub use options::{ProcessEnvironment, StackCommand, StackOptions, parse, usage};
pub use queue::JournalError;
pub use stack::{LocalStack, StackStartError};
