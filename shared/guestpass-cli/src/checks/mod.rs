//! The checks of the doctor, one after the other. A check that depends on a failed one is
//! skipped, so that one mistake gives one diagnosis.

pub(crate) mod acs;
pub(crate) mod administrator;
pub(crate) mod bearer;
mod check;
pub(crate) mod issuer;
pub(crate) mod network;
pub(crate) mod phone;
pub(crate) mod policy;
pub(crate) mod records;
pub(crate) mod secret;
pub(crate) mod teams;

pub(crate) use check::{Check, Findings};
