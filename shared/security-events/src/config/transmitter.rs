use identity_core::event::{EventMode, EventSource};
use identity_core::ports::{ConfigError, Env};
use serde_json::Value;

use super::accepted_users::AcceptedUsers;
use super::kinds::TransmitterSettings;
use super::members::{Members, TransmitterError, invalid};

/// A configured transmitter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmitter {
    /// The name, which is the last part of its path.
    pub name: String,
    /// Whether its signals are applied, or only evaluated.
    pub mode: EventMode,
    /// What its kind needs to know.
    pub settings: TransmitterSettings,
}

impl Transmitter {
    fn parse(value: Value, users: &AcceptedUsers) -> Result<Self, TransmitterError> {
        let mut members = Members::new(value)?;
        let name = members.text("name")?;
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if name.len() > MAX_NAME_LENGTH || !name.bytes().all(is_plain) {
            return Err(invalid("name", "1 to 32 lower-case letters, digits and -"));
        }
        let kind = EventSource::parse(&members.text("kind")?).filter(|kind| kind.is_transmitter());
        let kind = kind.ok_or_else(|| invalid("kind", format!("one of {}", kinds())))?;
        let mode = members.optional_text("mode")?.map(|mode| mode.parse()).transpose();
        let mode = mode.map_err(|_| invalid("mode", "apply or shadow"))?.unwrap_or_default();
        let settings = TransmitterSettings::take(kind, &mut members, users)?;
        members.finish()?;
        Ok(Self { name, mode, settings })
    }
}

/// The kinds of transmitters, for an error.
fn kinds() -> String {
    let kinds = EventSource::ALL.into_iter().filter(|kind| kind.is_transmitter());
    kinds.map(EventSource::as_str).collect::<Vec<_>>().join(", ")
}

/// The length of a name that still reads well in a path and in a log.
const MAX_NAME_LENGTH: usize = 32;

/// All configured transmitters, each with a name of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transmitters(Vec<Transmitter>);

impl Transmitters {
    /// Reads `TRANSMITTERS`, and what [`AcceptedUsers::from_env`] reads. Without the variable,
    /// the list is empty.
    ///
    /// # Errors
    /// A variable is invalid. The error names the index and the member.
    pub fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        let Some(raw) = env(TRANSMITTERS).filter(|raw| !raw.trim().is_empty()) else {
            return Ok(Self::default());
        };
        Self::parse(&raw, &AcceptedUsers::from_env(env)?)
    }

    /// Reads a JSON array of transmitters.
    ///
    /// # Errors
    /// It is not one. The error names the index and the member.
    pub fn parse(raw: &str, users: &AcceptedUsers) -> Result<Self, ConfigError> {
        let problem = |why: String| ConfigError::new(TRANSMITTERS, why);
        let Ok(Value::Array(values)) = serde_json::from_str(raw) else {
            return Err(problem("is invalid: must be a JSON array of objects".to_owned()));
        };
        let mut transmitters: Vec<Transmitter> = Vec::new();
        for (index, value) in values.into_iter().enumerate() {
            let transmitter = Transmitter::parse(value, users)
                .map_err(|why| problem(format!("is invalid at index {index}: {why}")))?;
            if transmitters.iter().any(|other| other.name == transmitter.name) {
                let why = format!("is invalid at index {index}: the `name` is used twice");
                return Err(problem(why));
            }
            transmitters.push(transmitter);
        }
        Ok(Self(transmitters))
    }

    /// The transmitter with this name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<&Transmitter> {
        self.iter().find(|transmitter| transmitter.name == name)
    }

    /// All of them, in the configured order.
    pub fn iter(&self) -> impl Iterator<Item = &Transmitter> {
        self.0.iter()
    }
}

/// The variable of the configuration.
const TRANSMITTERS: &str = "TRANSMITTERS";
