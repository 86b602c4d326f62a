//! The client against a server that answers as Graph and Entra do.

#![expect(clippy::unwrap_used, reason = "a test may die")]

mod changes;
mod requests;
mod server;
mod subscriptions;
mod users;
