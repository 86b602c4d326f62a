//! What several test suites need: a local stack, function binaries, servers, and waiting.
#![expect(clippy::missing_panics_doc, reason = "a fixture panics when something is wrong")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests may panic")]

#[cfg(feature = "dynamodb")]
mod dynamodb;
#[cfg(feature = "engine")]
mod engine;
#[cfg(feature = "function")]
mod function;
mod http;
#[cfg(feature = "function")]
mod runtime_api;
#[cfg(feature = "function")]
mod server;
mod stack;
mod stack_keys;
mod wait;

use std::path::PathBuf;

#[cfg(feature = "dynamodb")]
pub use dynamodb::{SECRET_ARN, create_tables, dynamodb_config, template, template_with};
#[cfg(feature = "engine")]
pub use engine::DynamoEngine;
#[cfg(feature = "function")]
pub use function::{TestFunction, lambda_environment};
pub use http::{HttpReply, call_dynamodb, send};
#[cfg(feature = "function")]
pub use runtime_api::{RuntimeApi, RuntimeCall, RuntimeEvent};
#[cfg(feature = "function")]
pub use server::{TestServer, secrets_manager};
pub use stack::{TestStack, local_stack, throttled_local_stack};
pub use wait::{wait_until, wait_until_async};

/// The root of the repository.
pub const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The template of the service.
pub const TEMPLATE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../infra/template.yaml");

/// A binary of the workspace. Cargo puts the binaries into the directory above the tests, in which
/// other binaries of test crates are, too.
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let caller = std::env::current_exe().unwrap();
    let directory = caller.parent().unwrap();
    let is_test = directory.ends_with("deps");
    let path = if is_test { directory.with_file_name(name) } else { directory.join(name) };
    assert!(path.is_file(), "{} is missing: run `make binaries`", path.display());
    path
}
