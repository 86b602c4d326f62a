//! The commands of `guestpass token`.

pub(crate) mod exchange_teams;
pub(crate) mod inspect;
pub(crate) mod issue;
pub(crate) mod revoke;
