use std::{borrow::Cow, str::FromStr};

use crate::model::identity::ExternalId;

/// The claims whose values together name a user within their issuer: `sub` by default.
///
/// A provider whose `sub` differs between apps has other claims for this. Entra's are `tid,oid`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectClaims(Vec<String>);

impl Default for SubjectClaims {
    fn default() -> Self {
        Self(vec!["sub".to_owned()])
    }
}

/// The text is not a list of claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one to five different names of claims, separated by commas, such as `tid,oid`")]
pub struct InvalidSubjectClaims;

/// Why the claims of a token name no user.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnnamedUser {
    /// The token lacks this claim, or the claim is empty or neither text nor a number.
    #[error("the claim `{0}` is missing or empty")]
    MissingClaim(String),
    /// The values do not fit into an external id.
    #[error("the claims that name the user are too long, or the issuer contains `|`")]
    Unusable,
}

impl FromStr for SubjectClaims {
    type Err = InvalidSubjectClaims;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let mut names: Vec<String> = Vec::new();
        for name in raw.split(',').map(str::trim) {
            let is_name = name.bytes().all(|byte| byte.is_ascii_graphic()) && !name.is_empty();
            if !is_name || names.iter().any(|other| other == name) {
                return Err(InvalidSubjectClaims);
            }
            names.push(name.to_owned());
        }
        if names.len() > Self::MOST { Err(InvalidSubjectClaims) } else { Ok(Self(names)) }
    }
}

impl SubjectClaims {
    const MOST: usize = 5;

    /// The names of the claims, in the order of their values in an external id.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }

    /// The external id of the user with these claims; `claim` returns the value of a claim. It is
    /// `<issuer>|<value>`, or `<issuer>|<value>|<value>` for two claims.
    pub fn external_id<'a>(
        &self,
        claim: impl Fn(&str) -> Option<Cow<'a, str>>,
    ) -> Result<ExternalId, UnnamedUser> {
        let value = |name: &str| {
            let value = claim(name).filter(|value| !value.is_empty());
            value.ok_or_else(|| UnnamedUser::MissingClaim(name.to_owned()))
        };
        let issuer = value("iss")?;
        let values: Vec<_> = self.0.iter().map(|name| value(name)).collect::<Result<_, _>>()?;
        ExternalId::of_values(&issuer, &values).ok_or(UnnamedUser::Unusable)
    }

    /// Whether these claims may have given a user this id. An id without the URL of an issuer was
    /// chosen by an administrator. With one claim, every id is possible, because a value can
    /// contain the separator.
    #[must_use]
    pub fn may_have_given(&self, user: &ExternalId) -> bool {
        let mut parts = user.as_str().split('|');
        let is_chosen = parts.next().is_none_or(|issuer| !issuer.contains("://"));
        let values = parts.count();
        is_chosen || self.0.len() == 1 || values == self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ISSUER: &str = "https://idp.example";

    fn id(names: &str, claims: &[(&str, &str)]) -> Result<String, UnnamedUser> {
        let names: SubjectClaims = names.parse().unwrap();
        let claim = |name: &str| {
            let found = claims.iter().find(|(other, _)| *other == name);
            found.map(|(_, value)| Cow::Owned((*value).to_owned()))
        };
        names.external_id(claim).map(|id| id.as_str().to_owned())
    }

    #[test]
    fn the_default_is_the_subject_as_it_always_was() {
        assert_eq!("sub".parse(), Ok(SubjectClaims::default()));
        for subject in ["auth0|1", "a b", "é", "a%20b"] {
            let expected = ExternalId::of_subject(ISSUER, subject).unwrap();
            let found = id("sub", &[("iss", ISSUER), ("sub", subject)]).unwrap();
            assert_eq!(found, expected.as_str());
        }
    }

    #[test]
    fn a_list_is_valid_exactly_if_make_deploy_accepts_it() {
        let values = include_str!("../../../../../tests/infra/parameter_values.txt");
        let cases = values.lines().filter_map(|line| line.strip_prefix("SubjectClaims "));
        let mut count = 0;
        for (expected, names) in cases.filter_map(|case| case.split_once(' ')) {
            assert_eq!(names.parse::<SubjectClaims>().is_ok(), expected == "valid", "{names}");
            count += 1;
        }
        assert!(count > 5, "{count}");
    }

    #[test]
    fn several_claims_are_joined_in_their_order() {
        let claims = [("iss", ISSUER), ("tid", "t"), ("oid", "o|1")];
        assert_eq!(id("tid,oid", &claims).unwrap(), "https://idp.example|t|o%7C1");
        assert_eq!(id("oid, tid", &claims).unwrap(), "https://idp.example|o%7C1|t");
    }

    #[test]
    fn the_missing_claim_is_named() {
        let missing = |name: &str| Err(UnnamedUser::MissingClaim(name.to_owned()));
        assert_eq!(id("tid,oid", &[("iss", ISSUER), ("tid", "t")]), missing("oid"));
        assert_eq!(id("oid", &[("iss", ISSUER), ("oid", "")]), missing("oid"));
        assert_eq!(id("sub", &[("sub", "a")]), missing("iss"));
        let long = "x".repeat(1024);
        assert_eq!(id("sub", &[("iss", ISSUER), ("sub", &long)]), Err(UnnamedUser::Unusable));
        assert_eq!(ExternalId::of_values(ISSUER, &[] as &[&str]), None);
        assert_eq!(ExternalId::of_values(ISSUER, &["a", ""]), None);
    }

    #[test]
    fn the_names_are_one_to_five_and_different() {
        for bad in ["", "sub,", ",sub", "sub,sub", "a b", "é", "a,b,c,d,e,f"] {
            assert_eq!(bad.parse::<SubjectClaims>(), Err(InvalidSubjectClaims), "{bad}");
        }
        let five: SubjectClaims = "a,b,c,d,e".parse().unwrap();
        assert_eq!(five.names(), ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn an_id_of_another_number_of_claims_is_recognised() {
        let user = |raw: &str| ExternalId::parse(raw).unwrap();
        let two: SubjectClaims = "tid,oid".parse().unwrap();
        for (raw, may_be) in [
            ("https://a|t|o", true),
            ("https://a|s", false),
            ("https://a|t|o|x", false),
            ("crm-7", true),
            ("generated|r-1", true),
        ] {
            assert_eq!(two.may_have_given(&user(raw)), may_be, "{raw}");
            assert!(SubjectClaims::default().may_have_given(&user(raw)), "{raw}");
        }
    }

    proptest! {
        #[test]
        fn r01_different_users_never_have_the_same_id(
            a in prop::collection::vec("[ab|%7C é]{1,4}", 2..4),
            b in prop::collection::vec("[ab|%7C é]{1,4}", 2..4),
        ) {
            prop_assume!(a.len() == b.len() && a != b);
            prop_assert_ne!(ExternalId::of_values(ISSUER, &a), ExternalId::of_values(ISSUER, &b));
        }
    }
}
