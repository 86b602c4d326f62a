//! The rules of the function.

use identity_core::Error;
use identity_core::phone::{PhoneFault, PhoneSettings, ResourceAccountName};
use lambda_edge::config::{ConfigError, Env, phone};
use lambda_edge::{Access, Problem};

/// The rules: who may assign whom.
pub(crate) struct PhoneRules {
    pub(crate) access: Access,
    pub(crate) settings: Option<PhoneSettings>,
}

impl PhoneRules {
    pub(crate) fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self { access: Access::from_env(env)?, settings: phone(env, "TEAMS_PHONE")? })
    }

    /// The policy, unless Teams Phone is off.
    pub(crate) fn settings(&self) -> Result<&PhoneSettings, Problem> {
        self.settings.as_ref().ok_or_else(|| Error::TeamsPhone(PhoneFault::Off).into())
    }

    pub(crate) fn resource_account_name(&self) -> ResourceAccountName {
        self.settings.as_ref().map(PhoneSettings::resource_account_name).unwrap_or_default()
    }
}
