//! The configuration from the environment.

use aws_secrets::SecretArn;
use lambda_edge::config::{ConfigError, Env, required};
use security_events::{SsfDelivery, SsfSettings, Transmitter, TransmitterSettings, Transmitters};

/// The configuration of the function.
pub(crate) struct PollConfig {
    /// The streams that are polled. There may be none.
    pub(crate) streams: Vec<PolledStream>,
    /// The secret with the credentials.
    pub(crate) secret: SecretArn,
    /// The queue of events.
    pub(crate) queue_url: String,
    /// Only a development transmitter is on this machine, and speaks plain HTTP.
    pub(crate) https_only: bool,
}

/// A stream that is polled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolledStream {
    pub(crate) transmitter: Transmitter,
    pub(crate) settings: SsfSettings,
    /// The stream's endpoint.
    pub(crate) url: String,
}

impl PollConfig {
    /// Reads `TRANSMITTERS` (with `ISSUER`, `OTHER_ISSUERS` and `SUBJECT_CLAIMS`),
    /// `TRANSMITTER_SECRET_ARN` and `EVENT_QUEUE_URL`.
    pub(crate) fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        let transmitters = Transmitters::from_env(env)?;
        let streams: Vec<_> = transmitters.iter().filter_map(PolledStream::of).collect();
        let https_only = streams.iter().all(|stream| stream.url.starts_with("https:"));
        Ok(Self {
            streams,
            secret: required(env, "TRANSMITTER_SECRET_ARN")?,
            queue_url: required(env, "EVENT_QUEUE_URL")?,
            https_only,
        })
    }
}

impl PolledStream {
    /// The stream of a transmitter that is polled.
    pub(crate) fn of(transmitter: &Transmitter) -> Option<Self> {
        let TransmitterSettings::Ssf(settings) = &transmitter.settings else { return None };
        let SsfDelivery::Poll { url } = &settings.delivery else { return None };
        Some(Self {
            transmitter: transmitter.clone(),
            settings: settings.clone(),
            url: url.clone(),
        })
    }
}
