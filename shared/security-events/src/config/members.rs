use serde_json::{Map, Value};

/// The members of a transmitter in the configuration. A kind takes those that it knows; one that is
/// left is an error, because a misspelled member would otherwise be ignored.
#[derive(Debug)]
pub struct Members(Map<String, Value>);

impl Members {
    pub(crate) fn new(value: Value) -> Result<Self, TransmitterError> {
        match value {
            Value::Object(members) => Ok(Self(members)),
            _ => Err(TransmitterError::NotAnObject),
        }
    }

    /// Sets members that are missing, unless `issuer` is there: another issuer has other keys.
    pub(crate) fn set_defaults_of_issuer(&mut self, defaults: &[(&str, &str)]) {
        if self.0.contains_key("issuer") {
            return;
        }
        for (name, value) in defaults {
            self.0.entry(*name).or_insert_with(|| Value::from(*value));
        }
    }

    /// Takes a text that must not be empty.
    ///
    /// # Errors
    /// The member is missing, empty or not a text.
    pub fn text(&mut self, name: &'static str) -> Result<String, TransmitterError> {
        self.optional_text(name)?.ok_or(TransmitterError::Missing(name))
    }

    /// Takes a text that may be missing, but not empty.
    ///
    /// # Errors
    /// The member is empty or not a text.
    pub fn optional_text(
        &mut self,
        name: &'static str,
    ) -> Result<Option<String>, TransmitterError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(_) => Err(invalid(name, "a text that is not empty")),
        }
    }

    /// Takes an array of texts, of which there must be at least one.
    ///
    /// # Errors
    /// The member is missing or something else.
    pub fn texts(&mut self, name: &'static str) -> Result<Vec<String>, TransmitterError> {
        self.optional_texts(name)?.ok_or(TransmitterError::Missing(name))
    }

    /// Takes an array of texts that may be missing, but not empty.
    ///
    /// # Errors
    /// The member is something else.
    pub fn optional_texts(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Vec<String>>, TransmitterError> {
        let problem = || invalid(name, "an array of texts, with at least one");
        let Some(value) = self.0.remove(name) else { return Ok(None) };
        let Value::Array(values) = value else { return Err(problem()) };
        let text = |value: Value| match value {
            Value::String(text) if !text.is_empty() => Some(text),
            _ => None,
        };
        let texts: Option<Vec<_>> = values.into_iter().map(text).collect();
        texts.filter(|texts| !texts.is_empty()).map(Some).ok_or_else(problem)
    }

    /// Takes a member that is true or false, or missing.
    ///
    /// # Errors
    /// The member is something else.
    pub fn optional_flag(&mut self, name: &'static str) -> Result<Option<bool>, TransmitterError> {
        match self.0.remove(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(invalid(name, "true or false")),
        }
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// A member is left, which nothing knows.
    pub fn finish(self) -> Result<(), TransmitterError> {
        match self.0.into_iter().next() {
            Some((name, _)) => Err(TransmitterError::Unknown(name)),
            None => Ok(()),
        }
    }
}

pub(crate) fn invalid(name: &'static str, expected: impl Into<String>) -> TransmitterError {
    TransmitterError::Invalid { name, expected: expected.into() }
}

/// Why a transmitter cannot be configured like this. Names the member, and quotes no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TransmitterError {
    /// The transmitter is not a JSON object.
    #[error("must be a JSON object")]
    NotAnObject,
    /// A member is missing.
    #[error("missing member `{0}`")]
    Missing(&'static str),
    /// A member has an unusable value.
    #[error("invalid member `{name}`: must be {expected}")]
    Invalid {
        /// The member.
        name: &'static str,
        /// What it must be.
        expected: String,
    },
    /// A member that this kind of transmitter does not have.
    #[error("unknown member `{0}`")]
    Unknown(String),
    /// The kind cannot name the users of this deployment.
    #[error(
        "its messages name a user by one value, but `SubjectClaims` has several claims; \
         this kind can only be used with one claim"
    )]
    SeveralSubjectClaims,
    /// Graph knows two claims of a user.
    #[error(
        "Microsoft Graph knows a user by tenant and object id, so that `SubjectClaims` must be \
         `oid` or `tid,oid`"
    )]
    GraphSubjectClaims,
}
