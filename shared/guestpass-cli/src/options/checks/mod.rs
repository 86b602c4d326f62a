//! The arguments of the commands that check a configuration.

mod doctor;
mod policy;

pub(crate) use doctor::*;
pub(crate) use policy::*;
