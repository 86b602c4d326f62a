//! Requests without a key.

use std::time::Duration;

use reqwest::{Client, ClientBuilder, redirect};

/// A client for requests without a key; no response is secret.
pub(crate) fn client() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("guestpass/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .connect_timeout(Duration::from_secs(3))
        .timeout(Duration::from_secs(5))
}
