//! The arguments of the commands that check a configuration.

mod authorizer;
mod doctor;
mod policy;

pub(crate) use authorizer::AuthorizerKind;
pub(crate) use doctor::*;
pub(crate) use policy::*;
