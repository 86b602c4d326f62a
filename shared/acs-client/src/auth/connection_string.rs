//! Connection strings, in the form in which the Azure portal shows them.

mod error;
mod pasted;

use std::fmt;
use std::str::FromStr;

use base64::{DecodeError, Engine as _};
use error::{ACCESS_KEY, ENDPOINT};
use hmac::{Hmac, KeyInit as _, Mac as _};
use pasted::{BASE64, clean, find_other_shape, refuse_placeholder, trim};
use reqwest::Url;
use sha2::Sha256;

use super::insecure_hosts::{InsecureHosts, is_loopback};
use crate::api_version::ApiVersion;

pub use error::ConnectionStringError;

/// The endpoint and the access key of a resource.
///
/// Parsed from `endpoint=https://<host>/;accesskey=<base64>`. The names may be in any case and
/// in any order; other pairs are ignored. What copying adds is removed: quotes, invisible
/// characters, line breaks, and the name of a variable in front.
#[derive(Clone, Debug)]
pub struct ConnectionString {
    /// The address of the resource.
    pub endpoint: Endpoint,
    /// The access key of the resource.
    pub key: AccessKey,
}

impl FromStr for ConnectionString {
    type Err = ConnectionStringError;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let text = clean(raw);
        if text.is_empty() {
            return Err(ConnectionStringError::Empty);
        }
        if let Some((index, code)) = text.chars().enumerate().find(|(_, c)| !c.is_ascii()) {
            return Err(ConnectionStringError::NotAscii(index + 1, u32::from(code)));
        }
        let parts = text.split(';').map(trim);
        let parts: Vec<&str> = parts.filter(|part| !part.is_empty()).collect();
        if let Some(error) = find_other_shape(&parts) {
            return Err(error);
        }
        let (mut endpoint, mut key) = (None, None);
        for (index, part) in parts.into_iter().enumerate() {
            // Splits at the first `=` only, because a key can end in `=`.
            let (name, value) =
                part.split_once('=').ok_or(ConnectionStringError::NotAPair(index + 1))?;
            let (name, slot) = match trim(name).to_ascii_lowercase().as_str() {
                ENDPOINT => (ENDPOINT, &mut endpoint),
                ACCESS_KEY => (ACCESS_KEY, &mut key),
                _ => continue,
            };
            match (trim(value), &slot) {
                (_, Some(_)) => return Err(ConnectionStringError::Repeated(name)),
                ("", _) => return Err(ConnectionStringError::NoValue(name)),
                (value, None) => *slot = Some(value),
            }
        }
        Ok(Self {
            endpoint: endpoint.ok_or(ConnectionStringError::Missing(ENDPOINT))?.parse()?,
            key: key.ok_or(ConnectionStringError::Missing(ACCESS_KEY))?.parse()?,
        })
    }
}

/// The hosts of services whose connection strings have the same names.
const OTHER_HOSTS: [(&str, &str); 2] = [
    (".service.signalr.net", "Azure SignalR Service"),
    (".webpubsub.azure.com", "Azure Web PubSub"),
];

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

    pub(crate) fn is_loopback(&self) -> bool {
        self.root.host_str().is_some_and(is_loopback)
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

    /// Parses a URL. It must be https, except for this machine and the hosts of
    /// [`INSECURE_HOSTS`](super::INSECURE_HOSTS).
    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        Self::parse(raw, InsecureHosts::of_process())
    }
}

impl Endpoint {
    fn parse(raw: &str, insecure: &InsecureHosts) -> Result<Self, ConnectionStringError> {
        refuse_placeholder(ENDPOINT, raw)?;
        // No host of ACS needs an escape, and the parser of internationalised names, which has no
        // tables here, does not expect the capitals that can be in one.
        if raw.contains('%') {
            return Err(ConnectionStringError::EndpointNotUrl);
        }
        // A shell script escapes the semicolon after the endpoint with a backslash.
        let root = Url::parse(raw.trim_end_matches(['/', '\\']))
            .map_err(|_| ConnectionStringError::EndpointNotUrl)?;
        let host = root.host_str().ok_or(ConnectionStringError::EndpointNotUrl)?;
        if let Some((_, service)) = OTHER_HOSTS.iter().find(|(suffix, _)| host.ends_with(suffix)) {
            return Err(ConnectionStringError::AnotherService(service));
        }
        match root.scheme() {
            "https" => {}
            "http" if insecure.has(host) => {}
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

    /// Parses standard base64, with or without padding.
    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        refuse_placeholder(ACCESS_KEY, raw)?;
        let bytes = BASE64.decode(raw).map_err(|error| match error {
            DecodeError::InvalidByte(_, b'%') => ConnectionStringError::KeyUrlEncoded,
            DecodeError::InvalidByte(index, b' ') => ConnectionStringError::KeySpace(index + 1),
            DecodeError::InvalidByte(index, _) => ConnectionStringError::KeyCharacter(index + 1),
            _ => ConnectionStringError::KeyIncomplete,
        })?;
        if bytes.is_empty() {
            return Err(ConnectionStringError::NoValue(ACCESS_KEY));
        }
        let state =
            Hmac::new_from_slice(&bytes).map_err(|_| ConnectionStringError::KeyIncomplete)?;
        Ok(Self(state))
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessKey(…)")
    }
}

#[cfg(test)]
mod tests;
