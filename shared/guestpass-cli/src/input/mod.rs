//! What the tool reads: arguments, files and stdin.

mod event_texts;
mod flattened_claims;
mod imported;
mod jwt;
pub(crate) mod logs;
mod names;
mod stdin;
mod text;
mod values;

pub(crate) use event_texts::event_texts;
pub(crate) use flattened_claims::flattened_claims;
pub(crate) use imported::{IdentityToImport, identities_in};
pub(crate) use jwt::{UnverifiedJwt, teams_claims, token_in};
pub(crate) use names::names_in;
pub(crate) use stdin::open;
pub(crate) use text::{long_text_in, secret_in, text_in};
pub(crate) use values::{
    generated_external_id, parse_external_id, parse_identity, parse_reason, parse_time,
    parse_token_request,
};
