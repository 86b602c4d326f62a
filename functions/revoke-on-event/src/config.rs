//! The configuration from the environment.

use std::str::FromStr;

use acs_secret::AcsResource;
use identity_core::event::{EventMode, EventSource};
use identity_core::identity::Issuer;
use identity_store::Tables;
use lambda_edge::config::{ConfigError, Env, required};

pub(crate) struct EventConfig {
    pub(crate) tables: Tables,
    pub(crate) acs: AcsResource,
    pub(crate) rules: EventRules,
}

impl EventConfig {
    pub(crate) fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::from_env(env)?,
            acs: AcsResource::from_env(env)?,
            rules: EventRules {
                issuer: issuer(env)?,
                guestpass: mode(env, "EVENT_MODE_GUESTPASS")?,
                cognito: mode(env, "EVENT_MODE_COGNITO")?,
                auth0: mode(env, "EVENT_MODE_AUTH0")?,
                okta: mode(env, "EVENT_MODE_OKTA")?,
            },
        })
    }
}

/// The issuer of the tokens, and the mode of each event source.
#[derive(Clone, Debug)]
pub(crate) struct EventRules {
    /// The `iss` of the tokens.
    pub(crate) issuer: Issuer,
    pub(crate) guestpass: EventMode,
    pub(crate) cognito: EventMode,
    pub(crate) auth0: EventMode,
    pub(crate) okta: EventMode,
}

impl EventRules {
    /// The mode of a message of `source`. A message of a transmitter says itself what mode was
    /// configured for the transmitter when the message was accepted.
    pub(crate) fn mode_of(&self, source: EventSource, asked: Option<EventMode>) -> EventMode {
        match source {
            EventSource::Guestpass => self.guestpass,
            EventSource::Cognito => self.cognito,
            EventSource::Auth0 => self.auth0,
            EventSource::Okta => self.okta,
            EventSource::Ssf
            | EventSource::BackChannelLogout
            | EventSource::GlobalTokenRevocation
            | EventSource::Apple
            | EventSource::Google
            | EventSource::Scim
            | EventSource::Graph => asked.unwrap_or_default(),
        }
    }
}

/// The issuer whose users the events are about.
fn issuer(env: &impl Env) -> Result<Issuer, ConfigError> {
    struct Spelled(Issuer);
    impl FromStr for Spelled {
        type Err = &'static str;

        fn from_str(raw: &str) -> Result<Self, Self::Err> {
            Issuer::parse(raw).map(Self).ok_or("it is the `iss` of the tokens")
        }
    }
    required(env, "ISSUER").map(|Spelled(issuer)| issuer)
}

/// A source without a setting is applied: events are sent here only on purpose.
fn mode(env: &impl Env, name: &'static str) -> Result<EventMode, ConfigError> {
    match env(name).filter(|raw| !raw.is_empty()) {
        None => Ok(EventMode::Apply),
        Some(_) => required(env, name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(name: &str, value: &str) -> Result<EventConfig, ConfigError> {
        EventConfig::from_env(&|asked: &str| match asked {
            _ if asked == name => Some(value.to_owned()),
            "TABLE_NAME" => Some("identities".to_owned()),
            "ACS_SECRET_ARN" => {
                Some("arn:aws:secretsmanager:eu-west-1:123456789012:secret:acs".to_owned())
            }
            "ACS_API_VERSION" => Some("2026-09-23".to_owned()),
            "ISSUER" => Some("https://idp.example".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn each_source_has_its_own_mode_and_is_applied_by_default() {
        for source in of_a_bus() {
            let name = format!("EVENT_MODE_{}", source.as_str().to_uppercase());
            let rules = config(&name, "shadow").unwrap().rules;
            for other in of_a_bus() {
                let expected = if other == source { EventMode::Shadow } else { EventMode::Apply };
                assert_eq!(rules.mode_of(other, None), expected, "{name}, {other:?}");
            }
            assert_eq!(config(&name, "").unwrap().rules.mode_of(source, None), EventMode::Apply);
            let problem = config(&name, "off").err().unwrap().to_string();
            assert!(problem.contains(&name) && problem.contains("apply or shadow"), "{problem}");
        }
        assert!(config("ISSUER", "").is_err(), "whose users are they?");
    }

    #[test]
    fn a_message_of_a_transmitter_says_its_mode_and_a_message_of_a_bus_does_not() {
        let rules = config("EVENT_MODE_OKTA", "shadow").unwrap().rules;
        for source in EventSource::ALL {
            for asked in [EventMode::Apply, EventMode::Shadow] {
                let expected =
                    if source.is_transmitter() { asked } else { rules.mode_of(source, None) };
                assert_eq!(rules.mode_of(source, Some(asked)), expected, "{source:?}");
            }
        }
    }

    fn of_a_bus() -> impl Iterator<Item = EventSource> {
        EventSource::ALL.into_iter().filter(|source| !source.is_transmitter())
    }
}
