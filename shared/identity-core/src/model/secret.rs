//! Values that must not be logged.

use std::fmt;

/// A string that cannot be printed by accident: it has no `Display`, no `Serialize`, and its
/// `Debug` output hides the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The secret itself. Review every call of this method.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;
    use crate::{
        model::{admission::Bearer, identity::AccessToken, record::State},
        operations::{
            exchange_teams_token::{
                EntraUser, Exchange, ExchangeTeamsTokenRequest, UnverifiedClaims,
            },
            issue_access_token::IssuedToken,
        },
        protocol::ensure_identity::EnsuredIdentity,
        testing::{ManualClock, acs_id, invocation, record, user},
    };

    fn printed(values: &[&dyn fmt::Debug]) -> String {
        values.iter().fold(String::new(), |text, value| text + &format!("{value:?} {value:#?}\n"))
    }

    proptest! {
        #[test]
        fn r51_nothing_that_holds_a_secret_prints_it(raw in "[!-~]{12,60}") {
            let secret = Secret::new(&raw);
            let token = AccessToken { token: secret.clone(), expires_on: SystemTime::UNIX_EPOCH };
            let acs_id = acs_id("8:acs:1");
            let ensured = EnsuredIdentity {
                record: record("alice", State::active("8:acs:1"), SystemTime::UNIX_EPOCH),
                acs_id: acs_id.clone(),
                token: Some(token.clone()),
                created: true,
            };
            let issued = IssuedToken { acs_id, token: token.clone(), created: true };
            let exchange = Exchange {
                token: secret.clone(),
                claims: UnverifiedClaims::default(),
                app_id: "app".to_owned(),
                caller: EntraUser { oid: "o-1".to_owned(), tid: "t-1".to_owned() },
                invocation: invocation("exchange", &ManualClock::default()),
            };
            let bearer = Bearer { issued_at: None, authenticated_at: None };
            let request = ExchangeTeamsTokenRequest { exchange: exchange.clone(), user: user("alice"), bearer };
            let text = printed(&[&secret, &token, &ensured, &issued, &exchange, &request]);
            prop_assert!(!text.contains(&raw), "{text}");
        }
    }
}
