//! The form of `POST /token`.

use serde_json::{Map, Value};

use super::key::IssuerAlgorithm;
use super::profile::{ProviderProfile, TokenSubjectValues};

/// An hour, as with most providers.
pub(super) const DEFAULT_LIFETIME: i64 = 3600;

/// A parsed form.
#[derive(Default)]
pub(super) struct TokenForm {
    profile: Option<ProviderProfile>,
    algorithm: Option<IssuerAlgorithm>,
    audience: Option<Vec<Value>>,
    lifetime: Option<i64>,
    issued_early: Option<i64>,
    not_before: Option<i64>,
    /// All other fields, which become claims.
    claims: Map<String, Value>,
}

/// The values of the issuer for what the form does not name.
pub(super) struct TokenDefaults<'a> {
    pub(super) issuer: &'a str,
    pub(super) audience: &'a str,
    pub(super) scope: &'a str,
    /// Seconds since the epoch.
    pub(super) now: i64,
}

impl TokenForm {
    /// Parses a form. The error names the invalid parameter.
    pub(super) fn parse(form: &[u8]) -> Result<Self, String> {
        let mut read = Self::default();
        for (name, value) in form_urlencoded::parse(form) {
            match &*name {
                "aud" => read.audience.get_or_insert_default().extend(audiences(&value)),
                "profile" => read.profile = Some(ProviderProfile::parse(&value)?),
                "alg" => read.algorithm = Some(algorithm(&value)?),
                "expires_in" => read.lifetime = Some(seconds(&name, &value)?),
                "issued_early" => read.issued_early = Some(seconds(&name, &value)?),
                "not_before" => read.not_before = Some(seconds(&name, &value)?),
                "exp" | "iat" | "nbf" | "jti" => {
                    let help = "use expires_in, not_before or issued_early, in seconds";
                    return Err(format!("unsupported parameter `{name}`: {help}"));
                }
                _ if read.claims.contains_key(&*name) => {
                    return Err(format!("duplicate parameter `{name}`"));
                }
                _ => drop(read.claims.insert(name.into_owned(), claim(&value))),
            }
        }
        let subject = read.claims.get("sub").map(|subject| subject.as_str().unwrap_or_default());
        if subject.map_or(read.profile.is_none(), str::is_empty) {
            return Err(
                "missing parameter `sub`: the user of the token, for example sub=alice".to_owned()
            );
        }
        Ok(read)
    }

    pub(super) fn algorithm(&self) -> IssuerAlgorithm {
        let of_profile = self.profile.map(ProviderProfile::algorithm);
        self.algorithm.or(of_profile).unwrap_or(IssuerAlgorithm::Rs256)
    }

    /// Seconds.
    pub(super) fn lifetime(&self) -> i64 {
        self.lifetime.unwrap_or(DEFAULT_LIFETIME)
    }

    /// The claims: those of the profile, overridden by the fields of the form.
    pub(super) fn into_claims(mut self, defaults: &TokenDefaults<'_>) -> Map<String, Value> {
        let (now, lifetime) = (defaults.now, self.lifetime());
        let early = self.profile.map_or(0, ProviderProfile::issued_early);
        let issued = now.saturating_sub(self.issued_early.unwrap_or(early));
        let mut claims = match self.profile {
            Some(profile) => self.claims_of(profile, defaults, issued),
            None => Map::from_iter([
                ("iss".to_owned(), defaults.issuer.into()),
                ("aud".to_owned(), defaults.audience.into()),
                ("scope".to_owned(), defaults.scope.into()),
            ]),
        };
        claims.append(&mut self.claims);
        match self.audience.as_deref() {
            None => {}
            // `aud=` requests a token without `aud`, like Amazon Cognito's access tokens.
            Some([Value::String(one)]) if one.is_empty() => drop(claims.remove("aud")),
            Some([one]) => drop(claims.insert("aud".to_owned(), one.clone())),
            Some(several) => drop(claims.insert("aud".to_owned(), several.into())),
        }
        if let Some(seconds) = self.not_before {
            claims.insert("nbf".to_owned(), now.saturating_add(seconds).into());
        }
        claims.insert("iat".to_owned(), issued.into());
        claims.insert("exp".to_owned(), now.saturating_add(lifetime).into());
        claims.insert("jti".to_owned(), uuid::Uuid::new_v4().to_string().into());
        claims
    }

    /// The claims of a provider. The form's `scope` is put where the provider has the scopes.
    fn claims_of(
        &mut self,
        profile: ProviderProfile,
        defaults: &TokenDefaults<'_>,
        issued: i64,
    ) -> Map<String, Value> {
        let asked = |name: &str| self.claims.get(name).and_then(Value::as_str);
        let values = TokenSubjectValues {
            issuer: defaults.issuer,
            audience: defaults.audience,
            scope: asked("scope").unwrap_or(defaults.scope),
            subject: asked("sub").unwrap_or(profile.subject()),
            issued,
        };
        let claims = profile.claims(&values);
        let has_scopes = claims.contains_key("scope") || claims.contains_key("scp");
        if has_scopes && asked("scope").is_some() {
            self.claims.remove("scope");
        }
        claims
    }
}

/// A JSON object or array for a nested claim; anything else is text.
fn claim(text: &str) -> Value {
    match serde_json::from_str(text) {
        Ok(nested @ (Value::Object(_) | Value::Array(_))) => nested,
        _ => text.into(),
    }
}

fn audiences(text: &str) -> Vec<Value> {
    match claim(text) {
        Value::Array(audiences) => audiences,
        one => vec![one],
    }
}

fn algorithm(name: &str) -> Result<IssuerAlgorithm, String> {
    let known = [IssuerAlgorithm::Rs256, IssuerAlgorithm::Es256];
    known
        .into_iter()
        .find(|algorithm| algorithm.name() == name)
        .ok_or_else(|| format!("invalid value `{name}` for `alg`: must be RS256 or ES256"))
}

fn seconds(name: &str, value: &str) -> Result<i64, String> {
    value
        .parse()
        .map_err(|_| format!("invalid value for `{name}`: must be a whole number of seconds"))
}
