//! The parts of HTTP that do not depend on ACS: connections, dates, and untrusted text.

pub(crate) mod connections;
pub(crate) mod date;
pub(crate) mod text;
