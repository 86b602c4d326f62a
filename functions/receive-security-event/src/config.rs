//! The configuration from the environment.

use aws_secrets::SecretArn;
use lambda_edge::config::{ConfigError, Env, optional, required};
use security_events::Transmitters;

/// The configuration of the function.
pub(crate) struct ReceiverConfig {
    pub(crate) transmitters: Transmitters,
    /// The secret of the transmitters, if they have some.
    pub(crate) secret: Option<SecretArn>,
    /// The queue of events.
    pub(crate) queue_url: String,
    /// The table of the users of SCIM transmitters.
    pub(crate) scim_table: String,
}

impl ReceiverConfig {
    /// Reads `TRANSMITTERS` (with `ISSUER`, `OTHER_ISSUERS` and `SUBJECT_CLAIMS`),
    /// `TRANSMITTER_SECRET_ARN`, `EVENT_QUEUE_URL` and `SCIM_TABLE_NAME`.
    pub(crate) fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        let transmitters = Transmitters::from_env(env)?;
        if transmitters.iter().next().is_none() {
            return Err(ConfigError::new("TRANSMITTERS", "is not set"));
        }
        Ok(Self {
            transmitters,
            secret: optional(env, "TRANSMITTER_SECRET_ARN")?,
            queue_url: required(env, "EVENT_QUEUE_URL")?,
            scim_table: required(env, "SCIM_TABLE_NAME")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSMITTERS: &str = r#"[{"name": "idp", "kind": "ssf",
        "issuer": "https://idp.example", "audiences": ["a"]}]"#;

    fn config(name: &str, value: &str) -> Result<ReceiverConfig, String> {
        let config = ReceiverConfig::from_env(&|asked: &str| match asked {
            _ if asked == name => Some(value.to_owned()),
            "TRANSMITTERS" => Some(TRANSMITTERS.to_owned()),
            "ISSUER" => Some("https://idp.example".to_owned()),
            "EVENT_QUEUE_URL" => Some("https://sqs.example/events".to_owned()),
            "SCIM_TABLE_NAME" => Some("ScimUsers".to_owned()),
            _ => None,
        });
        config.map_err(|error| error.to_string())
    }

    #[test]
    fn transmitters_are_valid_exactly_if_make_deploy_accepts_them() {
        let values = include_str!("../../../tests/infra/parameter_values.txt");
        let cases = values.lines().filter_map(|line| line.strip_prefix("Transmitters/"));
        let mut count = 0;
        for case in cases {
            let (users, case) = case.split_once(' ').unwrap();
            let (expected, transmitters) = case.split_once(' ').unwrap();
            let (claims, others) = users.split_once('/').unwrap_or((users, ""));
            let config = ReceiverConfig::from_env(&|asked: &str| match asked {
                "TRANSMITTERS" => Some(transmitters.to_owned()),
                "ISSUER" => Some("https://idp.example".to_owned()),
                "OTHER_ISSUERS" => Some(others.to_owned()),
                "SUBJECT_CLAIMS" => Some(claims.to_owned()),
                "EVENT_QUEUE_URL" => Some("https://sqs.example/events".to_owned()),
                "SCIM_TABLE_NAME" => Some("ScimUsers".to_owned()),
                _ => None,
            });
            assert_eq!(config.is_ok(), expected == "valid", "{users} {transmitters}");
            count += 1;
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn the_function_refuses_to_start_without_transmitters_or_a_queue() {
        let started = config("", "").unwrap();
        assert!(started.transmitters.find("idp").is_some());
        assert_eq!(
            (started.secret, started.queue_url.as_str()),
            (None, "https://sqs.example/events")
        );
        for (name, value, problem) in [
            ("TRANSMITTERS", "", "TRANSMITTERS is not set"),
            ("TRANSMITTERS", "[]", "TRANSMITTERS is not set"),
            ("TRANSMITTERS", "[{}]", "TRANSMITTERS is invalid at index 0: missing member `name`"),
            ("EVENT_QUEUE_URL", "", "EVENT_QUEUE_URL is not set"),
            ("SCIM_TABLE_NAME", "", "SCIM_TABLE_NAME is not set"),
            ("TRANSMITTER_SECRET_ARN", "secret", "TRANSMITTER_SECRET_ARN is invalid"),
            ("ISSUER", "", "ISSUER is not set"),
        ] {
            let found = config(name, value).err().unwrap();
            assert!(found.contains(problem), "{found}");
        }
    }
}
