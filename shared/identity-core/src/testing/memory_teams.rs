use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::model::{AccessToken, Admission, Error, Secret};
use crate::operations::exchange_teams_token::TeamsTokenFault;
use crate::ports::TeamsTokenExchange;

type Meanwhile = Box<dyn FnOnce() + Send>;

/// An in-memory exchange, which accepts every token until [`refuse`](Self::refuse) is called.
#[derive(Default)]
pub struct MemoryTeamsTokenExchange {
    asked: Mutex<Vec<(String, String)>>,
    fault: Mutex<Option<TeamsTokenFault>>,
    meanwhile: Mutex<Option<Meanwhile>>,
}

impl MemoryTeamsTokenExchange {
    /// Refuses every token with this fault from now on.
    pub fn refuse(&self, fault: TeamsTokenFault) {
        *self.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }

    /// Runs `action` during the next exchange, after ACS decided and before it answers.
    pub fn while_answering(&self, action: impl FnOnce() + Send + 'static) {
        let mut meanwhile = self.meanwhile.lock().unwrap_or_else(PoisonError::into_inner);
        *meanwhile = Some(Box::new(action));
    }

    /// The applications and users for which ACS was called.
    #[must_use]
    pub fn asked(&self) -> Vec<(String, String)> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl TeamsTokenExchange for MemoryTeamsTokenExchange {
    async fn exchange_teams_user_token(
        &self,
        _: Admission,
        _: &Secret,
        app_id: &str,
        user_id: &str,
        _: SystemTime,
    ) -> Result<AccessToken, Error> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.push((app_id.to_owned(), user_id.to_owned()));
        let meanwhile = self.meanwhile.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(action) = meanwhile {
            action();
        }
        match *self.fault.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(fault) => Err(Error::TeamsToken(fault)),
            None => Ok(AccessToken {
                token: Secret::new(format!("token-for-8:orgid:{user_id}")),
                expires_on: SystemTime::UNIX_EPOCH + Duration::from_hours(500_001),
            }),
        }
    }
}
