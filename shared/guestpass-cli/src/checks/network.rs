//! Says what the environment changes about connections: a proxy, and root certificates.

use reqwest::Url;

use crate::checks::Check;
use crate::report::innermost;
use crate::service::CliEnvironment;
use crate::service::internet::{EXCEPTIONS, PROXIES};

/// Reports the proxy, if there is one, and the root certificates. Sends no request.
pub(crate) fn look(environment: &CliEnvironment) -> Vec<Check> {
    proxy(environment).into_iter().chain([trust_roots(environment)]).collect()
}

fn proxy(environment: &CliEnvironment) -> Option<Check> {
    let (name, value) =
        PROXIES.iter().find_map(|name| Some((*name, environment.variable(name)?)))?;
    let Some(proxy) = shown(&value) else {
        return Some(Check::bad(
            "proxy",
            format!("{name} is not the URL of a proxy"),
            format!("set {name} to a URL like http://proxy.example:3128"),
        ));
    };
    let exceptions = EXCEPTIONS.iter().find_map(|name| environment.variable(name));
    let exceptions = exceptions.map(|hosts| format!(", except for {hosts} (NO_PROXY)"));
    Some(Check::note(
        "proxy",
        format!("https goes through {proxy} ({name}){}", exceptions.unwrap_or_default()),
    ))
}

/// The address of a proxy, without its credentials. It may have no scheme, as for curl.
fn shown(value: &str) -> Option<String> {
    let value = value.trim();
    let url = if value.contains("://") { value.to_owned() } else { format!("http://{value}") };
    let url: Url = url.parse().ok()?;
    let port = url.port().map(|port| format!(":{port}"));
    Some(format!("{}://{}{}", url.scheme(), url.host_str()?, port.unwrap_or_default()))
}

fn trust_roots(environment: &CliEnvironment) -> Check {
    let Some(path) = environment.variable(trust_roots::VARIABLE) else {
        return Check::good(ROOTS, "Mozilla's root certificates are trusted");
    };
    match trust_roots::added() {
        Ok(_) => Check::note(
            ROOTS,
            format!("Mozilla's root certificates and those in {path} (SSL_CERT_FILE) are trusted"),
        ),
        Err(error) => {
            let cause = std::error::Error::source(error).map(|_| format!(": {}", innermost(error)));
            Check::bad(
                ROOTS,
                format!("{error}{}", cause.unwrap_or_default()),
                format!("set {} to a file with certificates in PEM format", trust_roots::VARIABLE),
            )
        }
    }
}

const ROOTS: &str = "trust roots";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_shown_without_its_credentials() {
        for (value, expected) in [
            ("http://user:secret@proxy.example:3128/", Some("http://proxy.example:3128")),
            ("https://proxy.example", Some("https://proxy.example")),
            ("proxy.example:3128", Some("http://proxy.example:3128")),
            ("http://", None),
            ("not a proxy", None),
        ] {
            assert_eq!(shown(value).as_deref(), expected, "{value}");
        }
    }
}
