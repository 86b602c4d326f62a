use bearer_verifier::is_https_or_loopback;
use identity_core::identity::{ExternalId, Issuer};
use serde_json::Value;

use super::accepted_users::AcceptedUsers;
use super::members::{Members, TransmitterError, invalid};

/// Who signs the messages of a transmitter, for whom, and about whose users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MessageIssuer {
    /// The `iss` of the messages, compared letter by letter.
    pub issuer: String,
    /// The `aud` of the messages: one of these.
    pub audiences: Vec<String>,
    /// Where the keys of the issuer are. Without it, the issuer's metadata says so.
    pub jwks_uri: Option<String>,
    /// The `iss` of the bearers of the users that the messages are about.
    pub token_issuer: String,
    /// Whether an e-mail address in a message names a user of `token_issuer`.
    pub email_names_users: bool,
}

impl MessageIssuer {
    /// Takes the members `issuer`, `audiences`, `jwksUri`, `tokenIssuer` (default: `issuer`) and
    /// `emailIsSubject` (default: whether the claim `email` names the users).
    ///
    /// # Errors
    /// A member is missing or invalid, or one value cannot name a user of this deployment.
    pub fn take(members: &mut Members, users: &AcceptedUsers) -> Result<Self, TransmitterError> {
        let issuer = members.text("issuer")?;
        if !is_https_or_loopback(&issuer) {
            return Err(invalid("issuer", "an https URL"));
        }
        let audiences = members.texts("audiences")?;
        let jwks_uri = members.optional_text("jwksUri")?;
        if jwks_uri.as_deref().is_some_and(|uri| !is_https_or_loopback(uri)) {
            return Err(invalid("jwksUri", "an https URL"));
        }
        let token_issuer = members.optional_text("tokenIssuer")?;
        let email_names_users =
            members.optional_flag("emailIsSubject")?.unwrap_or_else(|| users.are_named_by_email());
        if !users.have_one_claim() {
            return Err(TransmitterError::SeveralSubjectClaims);
        }
        let token_issuer = users.spelled(token_issuer.unwrap_or_else(|| issuer.clone()))?;
        Ok(Self { issuer, audiences, jwks_uri, token_issuer, email_names_users })
    }

    /// Whether `aud`, a text or an array of texts, names us.
    #[must_use]
    pub fn is_addressed_by(&self, aud: Option<&Value>) -> bool {
        let ours = |name: &str| self.audiences.iter().any(|audience| audience == name);
        match aud {
            Some(Value::String(audience)) => ours(audience),
            Some(Value::Array(audiences)) => audiences.iter().filter_map(Value::as_str).any(ours),
            _ => false,
        }
    }

    /// Whether `issuer` is that of the messages or that of the bearers.
    #[must_use]
    pub fn covers(&self, issuer: &str) -> bool {
        Issuer::parse(&self.token_issuer).is_some_and(|ours| ours.is(issuer))
            || self.issuer == issuer
    }

    /// The user with this subject at `issuer`, which must be the issuer of the messages or that of
    /// the bearers. Subjects of other issuers name no user here.
    #[must_use]
    pub fn user_of(&self, issuer: &str, subject: &str) -> Option<ExternalId> {
        let named = || AcceptedUsers::named(&self.token_issuer, subject);
        self.covers(issuer).then(named).flatten()
    }

    /// The users whom an e-mail address may name: none, if addresses are unknown here. The domain
    /// is case-insensitive (RFC 9493 §3.2.2), and a record has the spelling of the bearer.
    #[must_use]
    pub fn users_of_email(&self, email: &str) -> Vec<ExternalId> {
        let Some((local, domain)) = email.rsplit_once('@').filter(|_| self.email_names_users)
        else {
            return Vec::new();
        };
        let lower = format!("{local}@{}", domain.to_ascii_lowercase());
        let mut users: Vec<_> =
            AcceptedUsers::named(&self.token_issuer, email).into_iter().collect();
        if lower != email {
            users.extend(AcceptedUsers::named(&self.token_issuer, &lower));
        }
        users
    }
}
