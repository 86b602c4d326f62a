//! The service provider with the requests of providers, on a store in memory.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

mod any_request;
mod events;
mod fixture;
mod providers;
mod races;
mod refusals;
mod users;
