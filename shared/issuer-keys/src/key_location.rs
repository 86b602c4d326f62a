/// Where the keys of an issuer are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyLocation<'a> {
    /// The issuer, as its tokens spell it.
    pub issuer: &'a str,
    /// The URL of the key set. Without it, the metadata of the issuer says so.
    pub jwks_uri: Option<&'a str>,
    /// Which metadata that is.
    pub discovery: KeyDiscovery,
}

/// The metadata of an issuer that names its key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyDiscovery {
    /// `OpenID` Connect Discovery 1.0 §4: the path of the document follows the issuer.
    OpenId,
    /// Shared Signals Framework 1.0 §7.2: the path of the document is between the host and the
    /// path of the issuer.
    SharedSignals,
    /// RISC drafts, as Google and login.gov have it: like [`SharedSignals`](Self::SharedSignals).
    Risc,
}

impl KeyLocation<'_> {
    /// The URL that is asked first: that of the key set, or that of the metadata.
    #[must_use]
    pub fn url(&self) -> String {
        if let Some(uri) = self.jwks_uri {
            return uri.to_owned();
        }
        let issuer = self.issuer.trim_end_matches('/');
        let name = match self.discovery {
            KeyDiscovery::OpenId => return format!("{issuer}/.well-known/openid-configuration"),
            KeyDiscovery::SharedSignals => "ssf-configuration",
            KeyDiscovery::Risc => "risc-configuration",
        };
        let host = issuer.find("://").map_or(0, |at| at + 3);
        let path = issuer.get(host..).and_then(|rest| rest.find('/')).map(|at| host + at);
        let (origin, path) = issuer.split_at(path.unwrap_or(issuer.len()));
        format!("{origin}/.well-known/{name}{path}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_metadata_of_an_issuer_has_its_place() {
        use KeyDiscovery::{OpenId, Risc, SharedSignals};
        for (issuer, discovery, expected) in [
            ("https://a.example", OpenId, "https://a.example/.well-known/openid-configuration"),
            (
                "https://a.example/x/",
                OpenId,
                "https://a.example/x/.well-known/openid-configuration",
            ),
            (
                "https://a.example/",
                SharedSignals,
                "https://a.example/.well-known/ssf-configuration",
            ),
            (
                "https://a.example/123/",
                SharedSignals,
                "https://a.example/.well-known/ssf-configuration/123",
            ),
            (
                "https://a.example:8443/1/2",
                Risc,
                "https://a.example:8443/.well-known/risc-configuration/1/2",
            ),
        ] {
            let location = KeyLocation { issuer, jwks_uri: None, discovery };
            assert_eq!(location.url(), expected);
            let uri = "https://keys.example/jwks";
            assert_eq!(KeyLocation { jwks_uri: Some(uri), ..location }.url(), uri);
        }
    }
}
