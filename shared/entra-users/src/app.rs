//! The app registration with which Graph is asked.

use std::error::Error;
use std::future::Future;

use identity_core::secret::Secret;

use crate::directory_id::DirectoryId;

/// The app registration, and the cloud that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphApp {
    /// The application (client) id.
    pub client_id: DirectoryId,
    /// The address of Graph, without a path and a slash at the end.
    pub graph_url: String,
    /// The address of Entra's token endpoint, without a path and a slash at the end.
    pub login_url: String,
}

/// The address of Graph or of Entra is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an https URL without a path, for example https://graph.microsoft.us")]
pub struct InvalidGraphUrl;

impl GraphApp {
    /// Graph in the worldwide cloud.
    pub const GRAPH_URL: &str = "https://graph.microsoft.com";

    /// Entra in the worldwide cloud.
    pub const LOGIN_URL: &str = "https://login.microsoftonline.com";

    /// Removes a slash at the end of `raw`. Plain HTTP is accepted only for this machine, where a
    /// simulation may run, because requests contain the client secret.
    pub fn base_url(raw: &str) -> Result<String, InvalidGraphUrl> {
        let url = raw.strip_suffix('/').unwrap_or(raw);
        let (scheme, host) = url.split_once("://").ok_or(InvalidGraphUrl)?;
        let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:".contains(&byte);
        let name = host.split(':').next().unwrap_or_default();
        let is_local = matches!(name, "localhost" | "127.0.0.1");
        let is_safe = scheme == "https" || (scheme == "http" && is_local);
        let fits = !name.is_empty() && host.bytes().all(is_host) && is_safe;
        fits.then(|| url.to_owned()).ok_or(InvalidGraphUrl)
    }

    /// Whether neither address is plain HTTP.
    pub(crate) fn is_https(&self) -> bool {
        [&self.graph_url, &self.login_url].iter().all(|url| url.starts_with("https://"))
    }
}

/// Where the client secret of the app is.
pub trait ClientSecretSource {
    /// Reads the client secret. It is read for each new token, about once an hour, so that a new
    /// secret is used without a new deployment.
    fn client_secret(&self) -> impl Future<Output = Result<Secret, Box<dyn Error + Send + Sync>>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_or_on_this_machine() {
        for (raw, expected) in [
            ("https://graph.microsoft.us", Some("https://graph.microsoft.us")),
            ("https://graph.microsoft.us/", Some("https://graph.microsoft.us")),
            ("http://127.0.0.1:8080", Some("http://127.0.0.1:8080")),
            ("http://localhost:1", Some("http://localhost:1")),
            ("http://graph.microsoft.com", None),
            ("http://127.0.0.1.example.com", None),
            ("https://user@graph.microsoft.com", None),
            ("https://graph.microsoft.com/v1.0", None),
            ("https://graph.microsoft.com?x", None),
            ("https://", None),
            ("https://:443", None),
            ("graph.microsoft.com", None),
            ("", None),
        ] {
            assert_eq!(GraphApp::base_url(raw).ok().as_deref(), expected, "{raw}");
        }
    }

    #[test]
    fn plain_http_is_possible_only_if_an_address_has_it() {
        let app = |graph: &str, login: &str| GraphApp {
            client_id: "11111111-2222-3333-4444-555555555555".parse().unwrap(),
            graph_url: graph.to_owned(),
            login_url: login.to_owned(),
        };
        assert!(app(GraphApp::GRAPH_URL, GraphApp::LOGIN_URL).is_https());
        assert!(!app("http://localhost:1", GraphApp::LOGIN_URL).is_https());
        assert!(!app(GraphApp::GRAPH_URL, "http://localhost:1").is_https());
    }
}
