//! Connection strings, in the form in which the Azure portal shows them.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Url;
use sha2::Sha256;

use crate::api_version::ApiVersion;

/// The endpoint and the access key of a resource.
///
/// Parsed from `endpoint=https://<host>/;accesskey=<base64>`. The names may be in any case and
/// in any claims; other pairs are ignored.
#[derive(Clone, Debug)]
pub struct ConnectionString {
    /// The address of the resource.
    pub endpoint: Endpoint,
    /// The access key of the resource.
    pub key: AccessKey,
}

/// Why a connection string is invalid. The error never quotes a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// The connection string is empty.
    #[error("empty connection string; {COPY}")]
    Empty,
    /// A part has no `=`.
    #[error("invalid connection string: part {0} is not `name=value`; {COPY}")]
    NotAPair(usize),
    /// A name is repeated.
    #[error("invalid connection string: `{0}` is repeated; {COPY}")]
    Repeated(&'static str),
    /// A name is missing.
    #[error("invalid connection string: missing `{0}=`; {COPY}")]
    Missing(&'static str),
    /// A value is missing.
    #[error("invalid connection string: `{0}=` is empty; {COPY}")]
    NoValue(&'static str),
    /// The endpoint is not a URL.
    #[error("invalid `endpoint`: must be a URL such as `https://contoso.communication.azure.com`")]
    EndpointNotUrl,
    /// The endpoint is http, and not on this machine.
    #[error("invalid `endpoint`: must be https, except for an emulator on this machine")]
    EndpointNotHttps,
    /// The endpoint has a user, a path, a query, or a fragment.
    #[error("invalid `endpoint`: must not have a user, path, query or fragment")]
    EndpointNotBare,
    /// The access key is not base64.
    #[error(
        "invalid `accesskey`: not base64; copy all of it, with the `=` at the end, from {PORTAL}"
    )]
    KeyNotBase64,
}

const COPY: &str =
    "copy all of it from the resource's page \"Keys\" in the Azure portal: endpoint=…;accesskey=…";
const PORTAL: &str = "the resource's page \"Keys\" in the Azure portal";

const ENDPOINT: &str = "endpoint";
const ACCESS_KEY: &str = "accesskey";

impl FromStr for ConnectionString {
    type Err = ConnectionStringError;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let (mut endpoint, mut key) = (None, None);
        for (index, part) in raw.split(';').map(str::trim).enumerate() {
            if part.is_empty() {
                continue;
            }
            // Splits at the first `=` only, because a key can end in `=`.
            let (name, value) =
                part.split_once('=').ok_or(ConnectionStringError::NotAPair(index + 1))?;
            let (name, slot) = match name.trim_end().to_ascii_lowercase().as_str() {
                ENDPOINT => (ENDPOINT, &mut endpoint),
                ACCESS_KEY => (ACCESS_KEY, &mut key),
                _ => continue,
            };
            match (value.trim_start(), &slot) {
                (_, Some(_)) => return Err(ConnectionStringError::Repeated(name)),
                ("", _) => return Err(ConnectionStringError::NoValue(name)),
                (value, None) => *slot = Some(value),
            }
        }
        if raw.trim().is_empty() {
            return Err(ConnectionStringError::Empty);
        }
        Ok(Self {
            endpoint: endpoint.ok_or(ConnectionStringError::Missing(ENDPOINT))?.parse()?,
            key: key.ok_or(ConnectionStringError::Missing(ACCESS_KEY))?.parse()?,
        })
    }
}

/// The root of a resource: scheme, host and port.
#[derive(Clone, PartialEq, Eq)]
pub struct Endpoint {
    root: Url,
    host: String,
}

impl Endpoint {
    /// The value of the `Host` header: with the port, unless it is the default port of the
    /// scheme.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    pub(crate) fn root(&self) -> &Url {
        &self.root
    }

    pub(crate) fn is_https(&self) -> bool {
        self.root.scheme() == "https"
    }

    pub(crate) fn url(&self, path: &str, api_version: &ApiVersion) -> Url {
        let mut url = self.root.clone();
        url.set_path(path);
        url.set_query(Some(&format!("api-version={api_version}")));
        url
    }
}

impl FromStr for Endpoint {
    type Err = ConnectionStringError;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let root = Url::parse(raw.trim_end_matches('/'))
            .map_err(|_| ConnectionStringError::EndpointNotUrl)?;
        let host = root.host_str().ok_or(ConnectionStringError::EndpointNotUrl)?;
        match root.scheme() {
            "https" => {}
            "http" if is_loopback(host) => {}
            _ => return Err(ConnectionStringError::EndpointNotHttps),
        }
        let bare = root.path() == "/"
            && root.query().is_none()
            && root.fragment().is_none()
            && root.username().is_empty()
            && root.password().is_none();
        if !bare {
            return Err(ConnectionStringError::EndpointNotBare);
        }
        let host = match root.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        Ok(Self { root, host })
    }
}

/// Whether a host is this machine. To any other machine, http would send tokens without encryption.
fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.root.as_str())
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({self})")
    }
}

/// One of the two access keys of a resource. It grants full access to the resource.
///
/// It is stored as the state of the signing function, so that its bytes cannot be printed.
#[derive(Clone)]
pub struct AccessKey(Hmac<Sha256>);

impl AccessKey {
    pub(crate) fn hmac(&self, message: &[u8]) -> impl AsRef<[u8]> + use<> {
        self.0.clone().chain_update(message).finalize().into_bytes()
    }
}

/// Whether both keys produce the same signature, compared in constant time.
impl PartialEq for AccessKey {
    fn eq(&self, other: &Self) -> bool {
        let empty_message = |key: &Self| key.0.clone().finalize();
        empty_message(self) == empty_message(other)
    }
}

impl Eq for AccessKey {}

impl FromStr for AccessKey {
    type Err = ConnectionStringError;

    /// Parses standard base64 with padding.
    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let bytes = STANDARD.decode(raw).map_err(|_| ConnectionStringError::KeyNotBase64)?;
        if bytes.is_empty() {
            return Err(ConnectionStringError::NoValue(ACCESS_KEY));
        }
        let state =
            Hmac::new_from_slice(&bytes).map_err(|_| ConnectionStringError::KeyNotBase64)?;
        Ok(Self(state))
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "c2VjcmV0LXNlY3JldC1zZWNyZXQtMQ==";

    fn parse(raw: &str) -> Result<ConnectionString, ConnectionStringError> {
        raw.parse()
    }

    #[test]
    fn a_connection_string_is_parsed_in_every_usual_spelling() {
        for raw in [
            "endpoint=https://contoso.communication.azure.com/;accesskey=%",
            "endpoint=https://contoso.communication.azure.com;accesskey=%",
            "endpoint=https://contoso.communication.azure.com///;accesskey=%",
            "Endpoint=https://contoso.communication.azure.com:443/;AccessKey=%;",
            "ACCESSKEY=%;ENDPOINT=https://contoso.communication.azure.com/",
            " endpoint=https://contoso.communication.azure.com/; accesskey=%\n",
            "a=b;endpoint=https://contoso.communication.azure.com/;x=;accesskey=%;c=d=e",
        ] {
            let read = parse(&raw.replace('%', KEY)).unwrap();
            assert_eq!(read.endpoint.host(), "contoso.communication.azure.com", "{raw}");
            assert_eq!(read.endpoint.to_string(), "https://contoso.communication.azure.com/");
            let same = KEY.parse::<AccessKey>().unwrap();
            assert_eq!(read.key.hmac(b"x").as_ref(), same.hmac(b"x").as_ref(), "{raw}");
        }
    }

    #[test]
    fn a_port_that_is_not_the_default_is_part_of_the_host() {
        for (endpoint, host) in [
            ("http://127.0.0.1:8787", "127.0.0.1:8787"),
            ("http://localhost", "localhost"),
            ("http://[::1]:80", "[::1]"),
            ("https://[::1]:80", "[::1]:80"),
            ("https://localhost:8443/", "localhost:8443"),
        ] {
            assert_eq!(endpoint.parse::<Endpoint>().unwrap().host(), host);
        }
    }

    #[test]
    fn each_mistake_has_its_own_error() {
        use ConnectionStringError as E;
        for (raw, expected) in [
            ("", E::Empty),
            (" \n", E::Empty),
            ("https://contoso.communication.azure.com/", E::NotAPair(1)),
            ("endpoint=https://a.example;%", E::Missing("accesskey")),
            ("endpoint=https://a.example;abc", E::NotAPair(2)),
            ("accesskey=%", E::Missing("endpoint")),
            ("endpoint=https://a.example", E::Missing("accesskey")),
            ("endpoint=;accesskey=%", E::NoValue("endpoint")),
            ("endpoint=https://a.example;accesskey=", E::NoValue("accesskey")),
            ("accesskey=%;accesskey=%;endpoint=https://a.example", E::Repeated("accesskey")),
            ("endpoint=a.example;accesskey=%", E::EndpointNotUrl),
            ("endpoint=///;accesskey=%", E::EndpointNotUrl),
            ("endpoint=a.example:443;accesskey=%", E::EndpointNotUrl),
            ("endpoint=ftp://a.example;accesskey=%", E::EndpointNotHttps),
            ("endpoint=http://a.example;accesskey=%", E::EndpointNotHttps),
            ("endpoint=http://127.0.0.1.evil.example;accesskey=%", E::EndpointNotHttps),
            ("endpoint=https://a.example/path;accesskey=%", E::EndpointNotBare),
            ("endpoint=https://a.example?x=1;accesskey=%", E::EndpointNotBare),
            ("endpoint=https://u:p@a.example;accesskey=%", E::EndpointNotBare),
            ("endpoint=https://a.example;accesskey=not base64", E::KeyNotBase64),
            ("endpoint=https://a.example;accesskey=c2VjcmV0MQ=", E::KeyNotBase64),
        ] {
            assert_eq!(parse(&raw.replace('%', KEY)).unwrap_err(), expected, "{raw}");
        }
    }

    #[test]
    fn debug_shows_the_endpoint_and_not_the_key() {
        let read = parse(&format!("endpoint=https://a.example;accesskey={KEY}")).unwrap();
        let shown = format!("{read:?}");
        assert!(shown.contains("https://a.example/"), "{shown}");
        assert!(!shown.contains(&KEY[..8]) && !shown.contains("c2Vj"), "{shown}");
    }

    proptest! {
        #[test]
        fn an_error_never_quotes_the_connection_string(raw in "\\PC{0,60}CANARY\\PC{0,60}") {
            if let Err(error) = parse(&raw) {
                let text = format!("{error} {error:?}");
                prop_assert!(!text.contains("CANARY"));
            }
        }
    }
}
