//! The addresses to which a user may be sent back.

use reqwest::Url;

/// An address of an app that may receive authorization codes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RedirectUri {
    /// As the app wrote it: the token request must have the same text.
    text: String,
    url: Url,
}

impl RedirectUri {
    /// Accepts an address of this machine, or of an origin that `AllowedOrigins` names. A code that
    /// is sent to any other address would be given away.
    pub(super) fn parse(text: &str, allowed_origins: &[String]) -> Result<Self, String> {
        let invalid = |reason: &str| format!("invalid value `{text}` for `redirect_uri`: {reason}");
        let url = Url::parse(text).map_err(|_| invalid("must be an absolute URL"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("must begin with http:// or https://"));
        }
        if url.fragment().is_some() || !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("must have no fragment, no user name and no password"));
        }
        let host = url.host_str().unwrap_or_default();
        let is_local = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
        if !is_local && !allowed_origins.contains(&url.origin().ascii_serialization()) {
            return Err(invalid(
                "must be on 127.0.0.1, localhost or [::1], or on an origin of the parameter \
                 AllowedOrigins",
            ));
        }
        Ok(Self { text: text.to_owned(), url })
    }

    /// The text of the app.
    pub(super) fn as_str(&self) -> &str {
        &self.text
    }

    /// Scheme, host and port.
    pub(super) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    /// The address with further parameters; its own query is kept (RFC 6749 §3.1.2).
    pub(super) fn with(&self, parameters: &[(&str, &str)]) -> String {
        let mut url = self.url.clone();
        url.query_pairs_mut().extend_pairs(parameters);
        url.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<RedirectUri, String> {
        RedirectUri::parse(text, &["https://app.example.com".to_owned()])
    }

    #[test]
    fn loopback_and_allowed_origins_are_accepted() {
        for text in [
            "http://127.0.0.1:5173/callback",
            "http://localhost/",
            "https://localhost:8443/a?b=c",
            "http://[::1]:9/",
            "https://app.example.com/signed-in",
            "https://app.example.com:443/signed-in",
        ] {
            assert_eq!(parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn every_other_address_is_refused_and_the_error_says_why() {
        for (text, reason) in [
            ("", "must be an absolute URL"),
            ("/callback", "must be an absolute URL"),
            ("javascript:alert(1)", "must begin with http"),
            ("com.example.app:/callback", "must begin with http"),
            ("http://127.0.0.1/#x", "no fragment"),
            ("http://127.0.0.1@evil.example/", "no user name"),
            ("http://127.0.0.1.evil.example/", "must be on 127.0.0.1"),
            ("http://evil.example/", "must be on 127.0.0.1"),
            ("http://app.example.com/", "must be on 127.0.0.1"),
            ("https://app.example.com:8443/", "must be on 127.0.0.1"),
            ("https://app.example.com.evil.example/", "must be on 127.0.0.1"),
        ] {
            let problem = parse(text).unwrap_err();
            let begin = format!("invalid value `{text}` for `redirect_uri`: ");
            assert!(problem.starts_with(&begin) && problem.contains(reason), "{problem}");
        }
    }

    #[test]
    fn parameters_are_added_to_the_query_of_the_address() {
        let uri = parse("http://127.0.0.1:1/a?b=c").unwrap();
        assert_eq!(uri.with(&[("state", "x y&")]), "http://127.0.0.1:1/a?b=c&state=x+y%26");
    }
}
