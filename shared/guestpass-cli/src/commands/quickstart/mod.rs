//! `guestpass quickstart`

mod output;
mod run;
mod steps;

pub(crate) use run::run;
