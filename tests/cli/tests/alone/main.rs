//! The tool with an ACS resource alone: no table, no AWS, no service.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic, reason = "tests may panic")]

mod azure_cli_verbs;
mod commands;
mod entra;
