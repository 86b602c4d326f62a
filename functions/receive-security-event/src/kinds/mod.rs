//! How each kind of transmitter authenticates and answers.

pub(crate) mod ssf;
