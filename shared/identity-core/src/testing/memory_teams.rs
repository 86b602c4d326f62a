use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use crate::{
    Error, exchange_teams_token::TeamsTokenFault, identity::AccessToken, ports::TeamsTokenExchange,
    secret::Secret,
};

/// An exchange in memory, which accepts every token until told otherwise.
#[derive(Debug, Default)]
pub struct MemoryTeamsTokenExchange {
    asked: Mutex<Vec<(String, String)>>,
    fault: Mutex<Option<TeamsTokenFault>>,
}

impl MemoryTeamsTokenExchange {
    /// Finds this fault with every token from now on.
    pub fn refuse(&self, fault: TeamsTokenFault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }

    /// The applications and users that ACS was asked for.
    #[must_use]
    pub fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl TeamsTokenExchange for MemoryTeamsTokenExchange {
    async fn exchange_teams_user_token(
        &self,
        _: &Secret,
        app_id: &str,
        user_id: &str,
        _: SystemTime,
    ) -> Result<AccessToken, Error> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push((app_id.to_owned(), user_id.to_owned()));
        match *self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(fault) => Err(Error::TeamsToken(fault)),
            None => Ok(AccessToken {
                token: Secret::new(format!("token-for-8:orgid:{user_id}")),
                expires_on: SystemTime::UNIX_EPOCH + Duration::from_hours(500_001),
            }),
        }
    }
}
