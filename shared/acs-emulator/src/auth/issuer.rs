//! The development issuer: Entra-like tokens for tests, signed with the emulator's own key.

use std::sync::OnceLock;

use serde::Serialize;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tracing::error;

use super::is_resource;
use super::trusted_key::TrustedKey;
use crate::state::{DataDir, ENTRA_SIGNING_KEY, EmulatorClock, EmulatorStartError, TokenSigner};

/// Generates its key at the first request for a token or for its keys, because most emulators never
/// need it.
pub(crate) struct DevelopmentIssuer {
    key: OnceLock<Option<TokenSigner>>,
    data_dir: Option<DataDir>,
}

impl DevelopmentIssuer {
    /// Uses the given key, or the stored key.
    pub(crate) fn new(
        given: Option<Vec<u8>>,
        data_dir: Option<DataDir>,
    ) -> Result<Self, EmulatorStartError> {
        let key = OnceLock::new();
        if let Some(der) = given {
            // The cell is still empty here.
            let _ = key.set(Some(TokenSigner::from_pkcs8(&der)?));
        } else if let Some(dir) = &data_dir
            && let Some(der) = dir.read(ENTRA_SIGNING_KEY)?
        {
            let path = dir.path().join(ENTRA_SIGNING_KEY);
            let kept = TokenSigner::from_pkcs8(&der);
            let kept = kept.map_err(|_| EmulatorStartError::DataFileUnreadable { path })?;
            let _ = key.set(Some(kept));
        }
        Ok(Self { key, data_dir })
    }

    /// A signed token; `None` if the key could not be generated.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Option<String> {
        self.signer()?.sign(claims)
    }

    /// The public key as a JWK set.
    pub(crate) fn jwks(&self) -> Value {
        self.signer().map_or_else(|| json!({"keys": []}), TokenSigner::jwks)
    }

    /// The key that verifies tokens; `None` if no token can have been signed.
    pub(super) fn trusted_key(&self) -> Option<TrustedKey> {
        let signer = self.key.get()?.as_ref()?;
        TrustedKey::of_set(&signer.jwks())?.pop()
    }

    fn signer(&self) -> Option<&TokenSigner> {
        let made = || {
            let made = self.generate();
            made.inspect_err(
                |cause| error!(error = %cause, "failed to generate the key for Entra tokens"),
            )
            .ok()
        };
        self.key.get_or_init(made).as_ref()
    }

    fn generate(&self) -> Result<TokenSigner, EmulatorStartError> {
        let made = TokenSigner::generate()?;
        if let Some(dir) = &self.data_dir {
            dir.write(ENTRA_SIGNING_KEY, &made.to_pkcs8()?)?;
        }
        Ok(made)
    }
}

/// The clock for the dates of a token for `audience`. An operator's token is a credential like a
/// signature, which the movable clock does not affect; users' tokens use the movable clock.
pub(crate) fn now_for(audience: &str, clock: &EmulatorClock) -> OffsetDateTime {
    if is_resource(audience) { EmulatorClock::system_now() } else { clock.now() }
}
