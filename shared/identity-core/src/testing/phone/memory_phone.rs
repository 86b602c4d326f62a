use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use crate::model::phone::{PhoneFault, PhonePrincipal, TeamsExtensionAssignment};
use crate::model::{AccessToken, AcsId, Admission, Error, Secret};
use crate::ports::{EntraKeys, TeamsPhoneClient};

/// Teams Phone at ACS, in memory, and the keys of Entra. Clones share their contents.
#[derive(Clone, Default)]
pub struct MemoryPhone(Arc<Mutex<Contents>>);

#[derive(Default)]
struct Contents {
    assignments: BTreeMap<PhonePrincipal, TeamsExtensionAssignment>,
    calls: Vec<PhoneCall>,
    failures: Vec<Error>,
    keys_fault: Option<PhoneFault>,
    meanwhile: Option<Box<dyn FnOnce() + Send>>,
    deleted: BTreeSet<PhonePrincipal>,
}

/// A call of the port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PhoneCall {
    /// The exchange of a token.
    Exchange,
    /// The search for an assignment.
    Find,
    /// A new assignment.
    Put,
    /// The end of an assignment.
    Delete,
    /// The verification of a signature.
    Verify,
}

impl MemoryPhone {
    /// Has this assignment.
    pub fn know(&self, assignment: &TeamsExtensionAssignment) {
        self.lock().assignments.insert(assignment.principal(), assignment.clone());
    }

    /// Refuses the next calls with these errors, the last one first. ACS does nothing then.
    pub fn fail(&self, errors: impl IntoIterator<Item = Error>) {
        self.lock().failures.extend(errors);
    }

    /// Answers every verification of a signature with this fault.
    pub fn refuse_signatures(&self, fault: PhoneFault) {
        self.lock().keys_fault = Some(fault);
    }

    /// Runs `action` during the next call, after ACS decided and before it answers.
    pub fn while_answering(&self, action: impl FnOnce() + Send + 'static) {
        self.lock().meanwhile = Some(Box::new(action));
    }

    /// The calls so far.
    #[must_use]
    pub fn calls(&self) -> Vec<PhoneCall> {
        self.lock().calls.clone()
    }

    /// The assignments at ACS.
    #[must_use]
    pub fn assignments(&self) -> Vec<TeamsExtensionAssignment> {
        self.lock().assignments.values().cloned().collect()
    }

    /// Whether ACS was ever asked to delete the assignment of this principal, which revokes tokens.
    #[must_use]
    pub fn was_deleted(&self, principal: &PhonePrincipal) -> bool {
        self.lock().deleted.contains(principal)
    }

    fn lock(&self) -> MutexGuard<'_, Contents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a call, and performs it unless it shall fail.
    fn call<R>(&self, call: PhoneCall, act: impl FnOnce(&mut Contents) -> R) -> Result<R, Error> {
        let (done, meanwhile) = {
            let mut contents = self.lock();
            contents.calls.push(call);
            let done = match contents.failures.pop() {
                Some(error) => Err(error),
                None => Ok(act(&mut contents)),
            };
            (done, contents.meanwhile.take())
        };
        if let Some(action) = meanwhile {
            action();
        }
        done
    }
}

impl TeamsPhoneClient for MemoryPhone {
    async fn exchange_phone_token(
        &self,
        _: Admission,
        token: &Secret,
        _: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        let exchanged = AccessToken {
            token: Secret::new(format!("acs-{}", token.expose())),
            expires_on: SystemTime::UNIX_EPOCH + Duration::from_hours(500_001),
        };
        let acs_id = AcsId::parse("8:acs:1_2_3").ok_or(Error::Internal("invalid ACS ID"))?;
        self.call(PhoneCall::Exchange, |_| (acs_id, exchanged))
    }

    async fn find_assignment(
        &self,
        principal: &PhonePrincipal,
        _: SystemTime,
    ) -> Result<Option<TeamsExtensionAssignment>, Error> {
        self.call(PhoneCall::Find, |contents| contents.assignments.get(principal).cloned())
    }

    async fn put_assignment(
        &self,
        assignment: &TeamsExtensionAssignment,
        _: SystemTime,
    ) -> Result<TeamsExtensionAssignment, Error> {
        self.call(PhoneCall::Put, |contents| {
            contents.assignments.insert(assignment.principal(), assignment.clone());
            assignment.clone()
        })
    }

    async fn delete_assignment(
        &self,
        principal: &PhonePrincipal,
        _: SystemTime,
    ) -> Result<(), Error> {
        self.call(PhoneCall::Delete, |contents| {
            contents.deleted.insert(principal.clone());
            contents.assignments.remove(principal);
        })
    }
}

impl EntraKeys for MemoryPhone {
    async fn verify(&self, _: &Secret, _: &str, _: &str) -> Result<(), PhoneFault> {
        let mut contents = self.lock();
        contents.calls.push(PhoneCall::Verify);
        contents.keys_fault.map_or(Ok(()), Err)
    }
}
