//! The metadata by which a receiver finds the endpoints of a transmitter: SSF 1.0 §7.

use reqwest::{Client, Url};
use serde::Deserialize;

use crate::report::{CliError, Exit, Result, innermost};
use crate::service::internet::TIMEOUT;
use crate::service::is_loopback;

/// The members that the tool uses.
#[derive(Deserialize)]
pub(super) struct TransmitterMetadata {
    pub(super) issuer: String,
    pub(super) configuration_endpoint: Option<String>,
    pub(super) status_endpoint: Option<String>,
    pub(super) verification_endpoint: Option<String>,
}

/// Reads the metadata of `issuer`. Its endpoints get credentials, so they must be encrypted.
pub(super) async fn discover(client: &Client, issuer: &str) -> Result<TransmitterMetadata> {
    let url = metadata_url(issuer)?;
    let failed = |why: String| {
        CliError::new(Exit::Failed, format!("cannot read the transmitter's metadata at {url}"))
            .because(why)
            .hint("check --transmitter: it is the `iss` of the transmitter's events")
    };
    let answer = client.get(url.clone()).timeout(TIMEOUT).send().await.map_err(|error| {
        CliError::new(Exit::Later, format!("the transmitter does not answer at {url}"))
            .because(innermost(&error))
            .hint("check --transmitter, and that this machine reaches it")
    })?;
    let status = answer.status().as_u16();
    if status != 200 {
        return Err(failed(format!("it answered {status} instead of 200")));
    }
    let body = answer.bytes().await.map_err(|error| failed(innermost(&error)))?;
    let metadata: TransmitterMetadata = serde_json::from_slice(&body)
        .map_err(|error| failed(format!("invalid metadata: {error}")))?;
    if metadata.issuer != issuer {
        let named = &metadata.issuer;
        return Err(failed(format!("the issuer's name there is {named:?}")));
    }
    for endpoint in [
        &metadata.configuration_endpoint,
        &metadata.status_endpoint,
        &metadata.verification_endpoint,
    ] {
        if endpoint.as_deref().is_some_and(|url| !is_confidential(url)) {
            return Err(failed("an endpoint is not an https URL".to_owned()));
        }
    }
    Ok(metadata)
}

/// Whether a credential can be sent to `url`.
pub(super) fn is_confidential(url: &str) -> bool {
    let is_https = url.parse::<Url>().is_ok_and(|url| url.scheme() == "https");
    is_https || is_loopback(url)
}

/// SSF 1.0 §7.2: the well-known part comes between the host and the path of the issuer.
fn metadata_url(issuer: &str) -> Result<Url> {
    let invalid = || {
        CliError::usage(format!("invalid value {issuer:?} for --transmitter"))
            .because("a transmitter's issuer is an https URL without query")
            .hint("give the `iss` of the transmitter's events")
    };
    let mut url: Url = issuer.parse().map_err(|_| invalid())?;
    if !is_confidential(issuer) || url.query().is_some() || url.fragment().is_some() {
        return Err(invalid());
    }
    let path = url.path().trim_end_matches('/');
    url.set_path(&format!("/.well-known/ssf-configuration{path}"));
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_are_between_the_host_and_the_path() {
        for (issuer, expected) in [
            ("https://idp.example", "https://idp.example/.well-known/ssf-configuration"),
            ("https://idp.example/", "https://idp.example/.well-known/ssf-configuration"),
            ("https://idp.example/a/b/", "https://idp.example/.well-known/ssf-configuration/a/b"),
            ("http://127.0.0.1:1/x", "http://127.0.0.1:1/.well-known/ssf-configuration/x"),
        ] {
            assert_eq!(metadata_url(issuer).unwrap().as_str(), expected);
        }
    }

    #[test]
    fn an_issuer_that_cannot_be_trusted_is_refused() {
        for issuer in ["http://idp.example", "idp.example", "https://idp.example?a", "https://i#a"]
        {
            let problem = metadata_url(issuer).unwrap_err().to_string();
            assert!(problem.contains("invalid value"), "{problem}");
        }
    }
}
