use identity_core::identity::{ExternalId, Issuer, SubjectClaims};
use identity_core::ports::{ConfigError, Env, optional, required};

use super::members::{TransmitterError, invalid};

/// Whose tokens the deployment accepts, and which claims name a user: what a transmitter's messages
/// must be translated to.
#[derive(Clone, Debug)]
pub struct AcceptedUsers {
    /// The issuer of the users' bearers.
    pub issuer: Issuer,
    /// Whether bearers of other issuers are accepted, too.
    pub other_issuers: bool,
    /// The claims that name a user.
    pub subject_claims: SubjectClaims,
}

impl AcceptedUsers {
    /// Reads `ISSUER`, `OTHER_ISSUERS` and `SUBJECT_CLAIMS`.
    ///
    /// # Errors
    /// `ISSUER` is not set, or `SUBJECT_CLAIMS` is not a list of claims.
    pub fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        let issuer: String = required(env, "ISSUER")?;
        let issuer =
            Issuer::parse(&issuer).ok_or_else(|| ConfigError::new("ISSUER", "is not set"))?;
        Ok(Self {
            issuer,
            other_issuers: env("OTHER_ISSUERS").is_some_and(|value| !value.is_empty()),
            subject_claims: optional(env, "SUBJECT_CLAIMS")?.unwrap_or_default(),
        })
    }

    /// The issuer of the bearers of a transmitter's users, in the spelling of their records. A
    /// record of another issuer would belong to a user who can never call.
    pub(crate) fn spelled(&self, token_issuer: String) -> Result<String, TransmitterError> {
        if self.issuer.is(&token_issuer) {
            return Ok(self.issuer.as_str().to_owned());
        }
        if !self.other_issuers {
            let expected = "an issuer whose tokens this deployment accepts (`Issuer`, `Issuers`)";
            return Err(invalid("tokenIssuer", expected));
        }
        Ok(token_issuer)
    }

    /// Whether one value names a user. With several claims, a message with one value cannot.
    pub(crate) fn have_one_claim(&self) -> bool {
        self.subject_claims.names().len() == 1
    }

    /// Whether an e-mail address names a user.
    pub(crate) fn are_named_by_email(&self) -> bool {
        self.subject_claims.names() == ["email"]
    }

    /// The user of `token_issuer` who is named by one value.
    pub(crate) fn named(token_issuer: &str, value: &str) -> Option<ExternalId> {
        ExternalId::of_subject(token_issuer, value)
    }
}
