mod entra;
mod invitation_rules;

use std::time::Duration;

use api_types::ProblemType;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};
use identity_core::administrator::Administrator;
use identity_core::identity::{ExternalId, IdentityRef, Issuer, SubjectClaims};
use identity_core::policy::Condition;
use identity_core::ports::{Clock, IdentityStore};
use lambda_http::{Request, RequestExt};
use tracing::warn;

use crate::config::{ConfigError, Env, optional, required};
use crate::{Caller, Problem};

pub use entra::unverified_claims;
pub use invitation_rules::{InvitationRules, named_invitation};

/// Decides which caller may use which route. No other code decides about access.
#[derive(Clone, Debug)]
pub struct Access {
    /// The OAuth scope for the caller's own identity. Without one, every token that the authorizer
    /// accepts is enough: some providers issue tokens without scopes.
    token_scope: Option<String>,
    /// The OAuth scope for other users' identities.
    admin_scope: String,
    /// The OAuth scope for invitations. Without one, no caller may invite guests.
    invite_scope: Option<String>,
    /// The condition that an administrator's claims must meet besides the scope. Without a
    /// condition, all are refused: any app of the same audience can request a scope.
    admin_condition: Option<Condition>,
    /// The claims that name a user within the issuer.
    subject_claims: SubjectClaims,
    /// The issuer whose users are stored.
    issuer: Option<Issuer>,
    /// Whether bearers of other issuers are accepted, too. Their list is known to the authorizer.
    has_other_issuers: bool,
    /// How much earlier than the real time that issuer dates its tokens.
    issued_early: Duration,
}

impl Access {
    /// Reads `TOKEN_SCOPE`, `ADMIN_SCOPE`, `INVITE_SCOPE`, `ADMIN_CONDITION`, `SUBJECT_CLAIMS`,
    /// `ISSUER`, `OTHER_ISSUERS` and `ISSUED_EARLY_SECONDS`.
    ///
    /// `TOKEN_SCOPE` must be set, but may be empty: then callers need no scope for their own
    /// identity. `ADMIN_SCOPE` must not be empty.
    pub fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        let token_scope =
            env("TOKEN_SCOPE").ok_or_else(|| ConfigError::new("TOKEN_SCOPE", "is not set"))?;
        Ok(Self {
            token_scope: Some(token_scope).filter(|scope| !scope.is_empty()),
            admin_scope: required(env, "ADMIN_SCOPE")?,
            invite_scope: optional(env, "INVITE_SCOPE")?,
            admin_condition: crate::config::condition(env, "ADMIN_CONDITION")?,
            subject_claims: optional(env, "SUBJECT_CLAIMS")?.unwrap_or_default(),
            issuer: optional::<String>(env, "ISSUER")?.and_then(|raw| Issuer::parse(&raw)),
            has_other_issuers: optional::<String>(env, "OTHER_ISSUERS")?.is_some(),
            issued_early: Duration::from_secs(optional(env, "ISSUED_EARLY_SECONDS")?.unwrap_or(0)),
        })
    }

    /// The claims that name a user within the issuer.
    #[must_use]
    pub fn subject_claims(&self) -> &SubjectClaims {
        &self.subject_claims
    }

    /// The caller of a route for the caller's own identity.
    pub fn user(&self, request: &Request) -> Result<Caller, Problem> {
        self.caller(request, self.token_scope.as_deref())
    }

    /// The caller of a route for other users' identities. The caller must have the scope, must
    /// have claims that meet the condition, and must not have been cut off since the bearer was
    /// issued.
    pub async fn administrator(
        &self,
        store: &impl IdentityStore,
        clock: &impl Clock,
        request: &Request,
    ) -> Result<Administrator, Problem> {
        self.administrator_with(None, store, clock, request).await
    }

    /// The same for a route whose administrators must have claims that also meet `condition`.
    pub async fn administrator_with(
        &self,
        condition: Option<&Condition>,
        store: &impl IdentityStore,
        clock: &impl Clock,
        request: &Request,
    ) -> Result<Administrator, Problem> {
        let caller = self.claimed_administrator(request)?;
        if let Some(claim) = condition.and_then(|it| it.unmet(caller.claims()).next()) {
            warn!(claim, "administrator refused: claim does not meet the condition of the route");
            return Err(ProblemType::NOT_AN_ADMINISTRATOR.into());
        }
        let (id, bearer) = (caller.user().clone(), caller.bearer());
        Ok(Administrator::admitted(store, id, bearer, clock.now()).await?)
    }

    /// Whether the bearer is of the issuer in the parameter `Issuer`, not of one in `Issuers`.
    ///
    /// The administrator of another issuer chooses the claims of its users.
    #[must_use]
    pub fn is_of_main_issuer(&self, caller: &Caller) -> bool {
        self.issuer.as_ref().is_none_or(|issuer| issuer.is(&caller.issuer()))
    }

    fn claimed_administrator(&self, request: &Request) -> Result<Caller, Problem> {
        let caller = self.caller(request, Some(&self.admin_scope))?;
        self.may_administer(&caller)?;
        Ok(caller)
    }

    /// Checks that the caller, who has the scope of administrators, has claims that meet the
    /// condition.
    fn may_administer(&self, caller: &Caller) -> Result<(), Problem> {
        let Some(condition) = &self.admin_condition else {
            warn!("administrator refused: parameter AdminCondition is empty");
            return Err(ProblemType::NOT_AN_ADMINISTRATOR.into());
        };
        if !condition.compares("iss") && !self.is_of_main_issuer(caller) {
            warn!(
                "administrator refused: the bearer is of another issuer than parameter Issuer; to \
                 accept it, compare `iss` in AdminCondition"
            );
            return Err(ProblemType::NOT_AN_ADMINISTRATOR.into());
        }
        if let Some(claim) = condition.unmet(caller.claims()).next() {
            warn!(claim, "administrator refused: claim does not meet AdminCondition");
            return Err(ProblemType::NOT_AN_ADMINISTRATOR.into());
        }
        Ok(())
    }

    fn caller(&self, request: &Request, scope: Option<&str>) -> Result<Caller, Problem> {
        let caller = Caller::of(request, &self.subject_claims).inspect_err(|problem| {
            warn!(reason = problem.detail(), "caller refused");
        })?;
        if let Some(scope) = scope {
            caller.has_scope(scope)?;
        }
        let is_main = self.is_of_main_issuer(&caller);
        Ok(caller.issued_later(if is_main { self.issued_early } else { Duration::ZERO }))
    }

    /// Reads which identity the request is about, and checks that the caller may access it. A
    /// route with `{id}` is for administrators; a route without it is about the caller.
    ///
    /// A name that no identity can have is [`ProblemType::NOT_FOUND`].
    pub async fn addressed(
        &self,
        store: &impl IdentityStore,
        clock: &impl Clock,
        request: &Request,
    ) -> Result<Addressed, Problem> {
        let parameters = request.path_parameters_ref();
        match parameters.and_then(|parameters| parameters.first("id")) {
            None => Ok(Addressed::Own(self.user(request)?)),
            Some(raw) => {
                let by = self.administrator(store, clock, request).await?;
                match named(raw).ok_or(ProblemType::NOT_FOUND)? {
                    IdentityRef::External(user) => {
                        Ok(Addressed::Named(IdentityRef::External(self.resolve(user)?), by))
                    }
                    acs_id @ IdentityRef::Acs(_) => Ok(Addressed::Named(acs_id, by)),
                }
            }
        }
    }

    /// The external id as it is stored; [`ProblemType::ANOTHER_ISSUER`] if no accepted token can
    /// name that user.
    pub fn resolve(&self, user: ExternalId) -> Result<ExternalId, Problem> {
        let Some(issuer) = &self.issuer else { return Ok(user) };
        match issuer.resolve(user.clone()) {
            Ok(user) => Ok(user),
            Err(_) if self.has_other_issuers => Ok(user),
            Err(_) => Err(ProblemType::ANOTHER_ISSUER.into()),
        }
    }
}

/// The identity that a request is about. In both cases the caller may access it.
pub enum Addressed {
    /// The caller's own identity.
    Own(Caller),
    /// The identity in the path, named by an administrator.
    Named(IdentityRef, Administrator),
}

/// Reads a name from a path: an ACS id or an external id, either of them also in base64 after
/// [`ENCODED`].
fn named(raw: &str) -> Option<IdentityRef> {
    let Some(encoded) = raw.strip_prefix(ENCODED) else { return IdentityRef::parse(raw) };
    let name = BASE64URL.decode(encoded).ok()?;
    IdentityRef::parse(str::from_utf8(&name).ok()?)
}

/// API Gateway decodes a path before it matches the route. A name with a slash, such as
/// `https://issuer|subject`, therefore cannot be in a path, neither as it is nor
/// percent-encoded.
const ENCODED: &str = "base64url:";

/// Accepts base64 with or without padding, because many encoders omit it.
const BASE64URL: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

impl From<Addressed> for IdentityRef {
    fn from(addressed: Addressed) -> Self {
        match addressed {
            Addressed::Own(caller) => Self::External(caller.user().clone()),
            Addressed::Named(identity, _) => identity,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use serde_json::json;

    use super::*;
    use crate::testing;

    fn name(raw: &str) -> Option<String> {
        named(raw).map(|identity| match identity {
            IdentityRef::Acs(id) => id.as_str().to_owned(),
            IdentityRef::External(id) => id.as_str().to_owned(),
        })
    }

    #[test]
    fn r58_a_bearer_of_a_provider_that_dates_early_is_as_new_as_it_really_is() {
        let early = |name: &str| match name {
            "ISSUED_EARLY_SECONDS" => Some("300".to_owned()),
            name => testing::env(name),
        };
        let usual = testing::TestRequest::new("POST /v1/token").claim("iat", "1000");
        let with_context = |issuer: &str, early: Option<u64>| {
            let claims = json!({ "iss": issuer, "sub": "alice", "iat": 1000,
                                 "scope": "guestpass.token" });
            let context = json!({ "claims": claims, "issuedEarlySeconds": early });
            usual.clone().authorizer(json!({ "lambda": context }))
        };
        let (own, other) = ("https://idp.example", "https://other.example");
        for (is_set, request, expected) in [
            (false, usual.clone(), 1000),
            (true, usual.clone(), 1300),
            (true, with_context(own, None), 1300),
            (true, with_context(own, Some(60)), 1060),
            // The setting of one issuer would make old bearers of another one look new.
            (true, with_context(other, None), 1000),
            (false, with_context(other, Some(300)), 1300),
        ] {
            let access = if is_set { testing::access_in(&early) } else { testing::access() };
            let bearer = access.user(&request.request()).ok().unwrap().bearer();
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(expected);
            assert_eq!(bearer.issued_at, Some(at), "{request:?}");
        }
    }

    #[test]
    fn a_user_of_another_issuer_can_be_named_only_if_there_are_other_issuers() {
        let resolved = |others: &'static str, user: &str| {
            let env = move |name: &str| match name {
                "OTHER_ISSUERS" => Some(others.to_owned()),
                name => testing::env(name),
            };
            let user = ExternalId::parse(user).unwrap();
            Some(testing::access_in(&env).resolve(user).ok()?.as_str().to_owned())
        };
        let (own, other) = ("https://idp.example/|bob", "https://other.example|bob");
        for others in ["", "yes"] {
            assert_eq!(resolved(others, own).as_deref(), Some("https://idp.example|bob"));
        }
        assert_eq!(resolved("", other), None);
        assert_eq!(resolved("yes", other).as_deref(), Some(other));
    }

    #[test]
    fn any_name_can_stand_in_a_path() {
        let slashes = Some("https://idp.example|alice".to_owned());
        for (raw, expected) in [
            ("alice", Some("alice".to_owned())),
            ("8:acs:1", Some("8:acs:1".to_owned())),
            ("base64url:aHR0cHM6Ly9pZHAuZXhhbXBsZXxhbGljZQ", slashes.clone()),
            ("base64url:aHR0cHM6Ly9pZHAuZXhhbXBsZXxhbGljZQ==", slashes),
            ("base64url:ODphY3M6MQ", Some("8:acs:1".to_owned())),
            // The decoded name may itself begin with the prefix of an encoded name.
            ("base64url:YmFzZTY0dXJsOng", Some("base64url:x".to_owned())),
        ] {
            assert_eq!(name(raw), expected, "{raw}");
        }
        for raw in ["", "base64url:", "base64url:a b", "base64url:a+/b", "base64url:_w"] {
            assert_eq!(name(raw), None, "{raw}");
        }
    }
}
