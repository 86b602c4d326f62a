//! acs-client.
