use std::io;

use serde_json::{Value, json};

use crate::secrets;

/// The length of the token, in characters.
const TOKEN_LENGTH: usize = 48;

/// A SCIM client of the receiver. The stack sends nothing in its name: any tool can, with the token
/// in `stack.json`. It has no `Debug`, because it holds the token.
pub(super) struct ScimClient {
    /// The base URL of the SCIM service.
    url: String,
    token: String,
    token_issuer: String,
}

impl ScimClient {
    /// Its name in the configuration, and its key in the secret.
    pub(super) const NAME: &str = "scim";

    /// A client with a new token, for a service behind `gateway` about users of `token_issuer`.
    pub(super) fn new(gateway: &str, token_issuer: &str) -> io::Result<Self> {
        let token = secrets::load_or_create(None, TOKEN_LENGTH)?;
        let url = format!("{gateway}/scim/v2");
        Ok(Self { url, token, token_issuer: token_issuer.to_owned() })
    }

    /// Its element of the parameter `Transmitters`. With the name as the subject, a user of the
    /// development issuer is provisioned by one value.
    pub(super) fn configuration(&self) -> Value {
        json!({
            "name": Self::NAME,
            "kind": "scim",
            "tokenIssuer": self.token_issuer,
            "subject": "userName",
        })
    }

    /// Its credentials.
    pub(super) fn secret(&self) -> Value {
        json!({ "token": self.token })
    }

    /// Its description in `stack.json`.
    pub(super) fn with_credentials(&self) -> Value {
        json!({ "name": Self::NAME, "kind": "scim", "url": self.url, "token": self.token })
    }
}
