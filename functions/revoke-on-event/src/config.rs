//! The configuration from the environment.

use std::str::FromStr;

use acs_secret::AcsResources;
use graph_transmitters::GraphTransmitters;
use identity_core::event::{EventMode, EventSource};
use identity_core::identity::Issuer;
use identity_events::{EventIssuers, EventSettings};
use identity_store::Tables;
use lambda_edge::config::{ConfigError, Env, optional, required};

pub(crate) struct EventConfig {
    pub(crate) tables: Tables,
    pub(crate) acs: AcsResources,
    pub(crate) rules: EventRules,
    /// The directories of which messages ask to look an account up.
    pub(crate) graph: GraphTransmitters,
}

impl EventConfig {
    pub(crate) fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::from_env(env)?,
            acs: AcsResources::from_env(env)?,
            rules: EventRules {
                settings: settings(env)?,
                guestpass: mode(env, "EVENT_MODE_GUESTPASS")?,
                cognito: mode(env, "EVENT_MODE_COGNITO")?,
                auth0: mode(env, "EVENT_MODE_AUTH0")?,
                okta: mode(env, "EVENT_MODE_OKTA")?,
            },
            graph: GraphTransmitters::from_env(env)?,
        })
    }
}

/// Which users the events are about, and the mode of each event source.
#[derive(Clone, Debug)]
pub(crate) struct EventRules {
    pub(crate) settings: EventSettings,
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
            EventSource::Okta | EventSource::OktaApp => self.okta,
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

/// The settings that decide which users an event is about. A variable that is not set has the
/// meaning of the previous release.
fn settings(env: &impl Env) -> Result<EventSettings, ConfigError> {
    let issuer = issuer(env)?;
    let issuers = match optional::<String>(env, "ISSUERS")? {
        None => EventIssuers::new(issuer, []),
        Some(raw) => EventIssuers::parse(issuer, &raw)
            .map_err(|error| ConfigError::new("ISSUERS", error.to_string()))?,
    };
    Ok(EventSettings {
        issuers,
        subject_claims: optional(env, "SUBJECT_CLAIMS")?.unwrap_or_default(),
        okta_subject: optional(env, "OKTA_SUBJECT")?.unwrap_or_default(),
        okta_app: optional(env, "OKTA_APP")?,
    })
}

/// The issuer of events that do not name theirs.
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
    use identity_events::OktaSubject;

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
        let configured = of_a_bus().filter(|one| *one != EventSource::OktaApp);
        for source in configured {
            let name = format!("EVENT_MODE_{}", source.as_str().to_uppercase());
            let rules = config(&name, "shadow").unwrap().rules;
            for other in of_a_bus() {
                // The assignments to an app have the mode of Okta.
                let is_its = other == source
                    || (other == EventSource::OktaApp && source == EventSource::Okta);
                let expected = if is_its { EventMode::Shadow } else { EventMode::Apply };
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

    #[test]
    fn the_settings_say_which_users_the_events_are_about() {
        let settings = |name, value| config(name, value).unwrap().rules.settings;
        let default = settings("", "");
        assert_eq!(default.issuers.iter().count(), 1);
        assert_eq!(default.subject_claims.names(), ["sub"]);
        assert_eq!((default.okta_subject, default.okta_app), (OktaSubject::Both, None));
        let issuers = r#"[{"issuer": "https://other.example", "audiences": ["app"]}]"#;
        assert!(settings("ISSUERS", issuers).issuers.named("https://other.example").is_some());
        assert_eq!(settings("SUBJECT_CLAIMS", "uid").subject_claims.names(), ["uid"]);
        assert_eq!(settings("OKTA_SUBJECT", "id").okta_subject, OktaSubject::Id);
        assert_eq!(settings("OKTA_APP", "0oa1").okta_app.as_deref(), Some("0oa1"));
    }

    #[test]
    fn an_invalid_setting_is_refused_by_its_name() {
        for name in ["ISSUERS", "OKTA_SUBJECT"] {
            let problem = config(name, "x").err().unwrap().to_string();
            assert!(problem.contains(name), "{problem}");
        }
        assert!(config("SUBJECT_CLAIMS", "a,a").is_err());
    }
}
