//! Limits the calls to ACS to the share of its rate limit that is reserved for events.

use std::time::{Duration, SystemTime};

use identity_core::Error;
use identity_core::admission::Admission;
use identity_core::identity::{AccessToken, AcsId, TokenRequest};
use identity_core::pacer::Pacer;
use identity_core::phone::{PhonePrincipal, TeamsExtensionAssignment};
use identity_core::ports::{Clock, IdentityClient, TeamsPhoneClient};
use identity_core::secret::Secret;

/// Calls ACS at an even rate across all batches of one execution environment. Only these calls
/// wait: the record already blocks the user before them.
pub(crate) struct Paced<A, C> {
    acs: A,
    clock: C,
    pacer: Pacer,
}

impl<A, C> Paced<A, C> {
    /// Allows `many` requests per second.
    pub(crate) fn per_second(many: u32, acs: A, clock: C) -> Self {
        Self { acs, clock, pacer: Pacer::per_second(many) }
    }
}

impl<A, C: Clock> Paced<A, C> {
    /// Waits for the turn of a call that must end by `deadline`. A turn that would come later is
    /// left to other calls, and the event is delivered again.
    async fn turn(&self, deadline: SystemTime) -> Result<(), Error> {
        if self.pacer.turn(&self.clock, deadline).await {
            return Ok(());
        }
        let source = "the share of the limit of ACS that events have is used up until then".into();
        Err(Error::Throttled { retry_after: Duration::from_secs(1), source })
    }
}

impl<A: IdentityClient, C: Clock> IdentityClient for Paced<A, C> {
    fn is_creation_held(&self) -> bool {
        self.acs.is_creation_held()
    }

    async fn create_identity(&self, deadline: SystemTime) -> Result<AcsId, Error> {
        self.turn(deadline).await?;
        self.acs.create_identity(deadline).await
    }

    async fn create_identity_with_token(
        &self,
        admission: Admission,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        self.turn(deadline).await?;
        self.acs.create_identity_with_token(admission, token, deadline).await
    }

    async fn issue_access_token(
        &self,
        admission: Admission,
        identity: &AcsId,
        token: &TokenRequest,
        deadline: SystemTime,
    ) -> Result<AccessToken, Error> {
        self.turn(deadline).await?;
        self.acs.issue_access_token(admission, identity, token, deadline).await
    }

    async fn revoke_access_tokens(
        &self,
        identity: &AcsId,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        self.turn(deadline).await?;
        self.acs.revoke_access_tokens(identity, deadline).await
    }

    async fn delete_identity(&self, identity: &AcsId, deadline: SystemTime) -> Result<(), Error> {
        self.turn(deadline).await?;
        self.acs.delete_identity(identity, deadline).await
    }
}

impl<A: TeamsPhoneClient, C: Clock> TeamsPhoneClient for Paced<A, C> {
    async fn exchange_phone_token(
        &self,
        admission: Admission,
        token: &Secret,
        deadline: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        self.turn(deadline).await?;
        self.acs.exchange_phone_token(admission, token, deadline).await
    }

    async fn find_assignment(
        &self,
        principal: &PhonePrincipal,
        deadline: SystemTime,
    ) -> Result<Option<TeamsExtensionAssignment>, Error> {
        self.turn(deadline).await?;
        self.acs.find_assignment(principal, deadline).await
    }

    async fn put_assignment(
        &self,
        assignment: &TeamsExtensionAssignment,
        deadline: SystemTime,
    ) -> Result<TeamsExtensionAssignment, Error> {
        self.turn(deadline).await?;
        self.acs.put_assignment(assignment, deadline).await
    }

    async fn delete_assignment(
        &self,
        principal: &PhonePrincipal,
        deadline: SystemTime,
    ) -> Result<(), Error> {
        self.turn(deadline).await?;
        self.acs.delete_assignment(principal, deadline).await
    }
}

#[cfg(test)]
mod tests {
    use identity_core::record::State;
    use identity_core::testing::{ClientCall, CoreFixture, ManualClock, acs_id};

    use super::*;

    #[tokio::test]
    async fn revocations_and_deletions_share_one_pace() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let paced = Paced::per_second(2, fixture.acs.clone(), ManualClock::default());
        let (alice, deadline) = (acs_id("8:acs:1"), paced.clock.now() + Duration::from_secs(9));
        for _ in 0..3 {
            paced.revoke_access_tokens(&alice, deadline).await.unwrap();
        }
        paced.delete_identity(&alice, deadline).await.unwrap();
        assert_eq!(paced.clock.elapsed(), Duration::from_millis(1500));
        let [.., last] = &*fixture.acs.calls() else { panic!("ACS was not asked") };
        assert_eq!((last, fixture.acs.calls().len()), (&ClientCall::Delete, 4));
    }
    #[tokio::test]
    async fn a_call_whose_turn_comes_after_its_deadline_is_not_sent_and_takes_no_turn() {
        let fixture = CoreFixture::where_alice_is(State::active("8:acs:1"));
        let paced = Paced::per_second(2, fixture.acs.clone(), ManualClock::default());
        let (alice, began) = (acs_id("8:acs:1"), paced.clock.now());
        paced.revoke_access_tokens(&alice, began).await.unwrap();
        for _ in 0..5 {
            let late = paced.revoke_access_tokens(&alice, began).await;
            assert!(matches!(late, Err(Error::Throttled { .. })), "{late:?}");
        }
        paced.revoke_access_tokens(&alice, began + Duration::from_secs(1)).await.unwrap();
        assert_eq!(paced.clock.elapsed(), Duration::from_millis(500));
        assert_eq!(fixture.acs.calls().len(), 2);
    }
}
