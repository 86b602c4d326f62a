//! Verifies a SET with the keys of its stream's issuer, by the same rules as a pushed one.

use std::time::{Instant, SystemTime};

use bearer_verifier::{SignedToken, TokenRefusal};
use issuer_keys::{HttpsClientError, IssuerKeyCache, KeyDiscovery, KeyLocation, Unverified};
use security_events::SsfSettings;
use security_events::ssf::{SET_PROFILE, SetError, SetReading, read};

/// The keys of the issuers, kept between runs.
pub(crate) struct SetVerifier(IssuerKeyCache);

/// Why a SET was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnreadSet {
    /// It is invalid. The transmitter is told, and does not send it again.
    Refused(SetError),
    /// The keys of the issuer are not available now. The SET stays at the transmitter.
    KeysUnavailable,
}

impl SetVerifier {
    pub(crate) fn new(https_only: bool) -> Result<Self, HttpsClientError> {
        IssuerKeyCache::new(https_only).map(Self)
    }

    /// What a SET means, after its signature was verified.
    pub(crate) async fn read(
        &self,
        set: &str,
        settings: &SsfSettings,
        now: SystemTime,
    ) -> Result<SetReading, UnreadSet> {
        let refused = |refusal: TokenRefusal| UnreadSet::Refused(refusal.into());
        let token = SignedToken::parse_as(set, SET_PROFILE).map_err(refused)?;
        let location = KeyLocation {
            issuer: &settings.issuer.issuer,
            jwks_uri: settings.issuer.jwks_uri.as_deref(),
            discovery: KeyDiscovery::SharedSignals,
        };
        let claims = self.0.verified_claims(token, &location, Instant::now()).await;
        let claims = claims.map_err(|unverified| match unverified {
            Unverified::Refused(refusal) => refused(refusal),
            Unverified::KeysUnavailable => UnreadSet::KeysUnavailable,
        })?;
        read(&claims, settings, now).map_err(UnreadSet::Refused)
    }
}
