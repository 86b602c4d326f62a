//! Requests without a key.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, redirect};

use crate::report::error::chain;

/// A client for requests without a key; no response is secret.
pub(crate) fn client() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("guestpass/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(5))
}

/// The innermost message of an error, which is the actual cause.
pub(crate) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    chain(error).pop().unwrap_or_default()
}
