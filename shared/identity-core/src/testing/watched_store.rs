use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::model::{
    AcsId, Active, AuditPage, AuditQuery, CleanupRun, Error, ExternalId, Invitation, InvitationId,
    InvitationStep, Record, StateName,
};
use crate::ports::{
    AuditTrail, Change, Count, DueGuestPage, DueGuestQuery, IdentityStore, InvitationChange,
    InvitationPage, InvitationQuery, InvitationStore, ListQuery, Orphan, OrphanStore, Page, RunLog,
    Step, Usage,
};

/// A request to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreCall {
    /// A consistent read.
    Find,
    /// A read of the index.
    FindByAcsId,
    /// A read of one page.
    List,
    /// A count.
    Count,
    /// The number of identities.
    Total,
    /// A conditional write, to this state.
    Advance(StateName),
    /// The write that commits a token.
    RecordUse,
    /// A write of the time when an unknown ACS ID was first requested.
    FirstMissedAt,
    /// A write of a possible orphan.
    NoteOrphan,
    /// A read of the orphans.
    Orphans,
    /// A removal of an orphan.
    ForgetOrphan,
    /// A read of a run.
    FindRun,
    /// A write of a run.
    SaveRun,
    /// A read of one page of the audit log.
    AuditEntries,
    /// A consistent read of an invitation.
    FindInvitation,
    /// A write of a new invitation.
    AddInvitation,
    /// A conditional write of an invitation.
    ChangeInvitation,
    /// A read of one page of invitations.
    ListInvitations,
    /// A read of one page of due guests.
    ListDueGuests,
}

/// The part of a request that is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The request, which never arrived.
    Request,
    /// The response; the request was carried out.
    Answer,
}

type Trouble = Box<dyn FnMut(StoreCall) -> Option<Loss> + Send>;

/// A store that records its requests, and loses some of them if a test asks for it.
#[derive(Clone)]
pub struct WatchedStore<S> {
    inner: S,
    calls: Arc<Mutex<Vec<StoreCall>>>,
    trouble: Arc<Mutex<Option<Trouble>>>,
}

impl<S> WatchedStore<S> {
    /// Watches `inner`.
    pub fn new(inner: S) -> Self {
        Self { inner, calls: Arc::default(), trouble: Arc::default() }
    }

    /// Loses requests or responses for which `trouble` returns a [`Loss`].
    pub fn lose(&self, trouble: impl FnMut(StoreCall) -> Option<Loss> + Send + 'static) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(trouble));
    }

    /// Every request so far.
    #[must_use]
    pub fn calls(&self) -> Vec<StoreCall> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn watch<T>(
        &self,
        call: StoreCall,
        request: impl Future<Output = Result<T, Error>> + Send,
    ) -> Result<T, Error> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        let loss = {
            let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
            trouble.as_mut().and_then(|trouble| trouble(call))
        };
        match loss {
            None => request.await,
            Some(Loss::Request) => Err(Error::StoreUnavailable("the request was lost".into())),
            Some(Loss::Answer) => {
                request.await?;
                Err(Error::StoreUnavailable("the answer was lost".into()))
            }
        }
    }
}

impl<S: IdentityStore + Send> IdentityStore for WatchedStore<S> {
    async fn find(&self, user: &ExternalId) -> Result<Option<Record>, Error> {
        self.watch(StoreCall::Find, self.inner.find(user)).await
    }

    async fn find_by_acs_id(&self, id: &AcsId) -> Result<Option<ExternalId>, Error> {
        self.watch(StoreCall::FindByAcsId, self.inner.find_by_acs_id(id)).await
    }

    async fn list(&self, query: &ListQuery) -> Result<Page, Error> {
        self.watch(StoreCall::List, self.inner.list(query)).await
    }

    async fn count(&self, query: &ListQuery) -> Result<Count, Error> {
        self.watch(StoreCall::Count, self.inner.count(query)).await
    }

    async fn users_at_least(&self) -> Result<u64, Error> {
        self.watch(StoreCall::Total, self.inner.users_at_least()).await
    }

    async fn commit(&self, step: Step<'_>) -> Result<Change, Error> {
        let call = StoreCall::Advance(step.next.state.name());
        self.watch(call, self.inner.commit(step)).await
    }

    async fn record_use(
        &self,
        user: &ExternalId,
        seen: &Active,
        usage: &Usage<'_>,
    ) -> Result<Change, Error> {
        self.watch(StoreCall::RecordUse, self.inner.record_use(user, seen, usage)).await
    }

    async fn first_missed_at(&self, id: &AcsId, now: SystemTime) -> Result<SystemTime, Error> {
        self.watch(StoreCall::FirstMissedAt, self.inner.first_missed_at(id, now)).await
    }

    async fn note_orphan(&self, orphan: &Orphan) -> Result<(), Error> {
        self.watch(StoreCall::NoteOrphan, self.inner.note_orphan(orphan)).await
    }
}

impl<S: OrphanStore + Send> OrphanStore for WatchedStore<S> {
    async fn orphans(&self) -> Result<Vec<Orphan>, Error> {
        self.watch(StoreCall::Orphans, self.inner.orphans()).await
    }

    async fn forget_orphan(&self, acs_id: &AcsId) -> Result<(), Error> {
        self.watch(StoreCall::ForgetOrphan, self.inner.forget_orphan(acs_id)).await
    }
}

impl<S: RunLog + Send> RunLog for WatchedStore<S> {
    async fn latest_run(&self) -> Result<Option<CleanupRun>, Error> {
        self.watch(StoreCall::FindRun, self.inner.latest_run()).await
    }

    async fn find_run(&self, id: &str) -> Result<Option<CleanupRun>, Error> {
        self.watch(StoreCall::FindRun, self.inner.find_run(id)).await
    }

    async fn save_run(&self, run: &CleanupRun) -> Result<(), Error> {
        self.watch(StoreCall::SaveRun, self.inner.save_run(run)).await
    }
}

impl<S: AuditTrail + Send> AuditTrail for WatchedStore<S> {
    async fn audit_entries(&self, query: &AuditQuery) -> Result<AuditPage, Error> {
        self.watch(StoreCall::AuditEntries, self.inner.audit_entries(query)).await
    }
}

impl<S: InvitationStore + Send> InvitationStore for WatchedStore<S> {
    async fn find_invitation(&self, id: &InvitationId) -> Result<Option<Invitation>, Error> {
        self.watch(StoreCall::FindInvitation, self.inner.find_invitation(id)).await
    }

    async fn add_invitation(&self, invitation: &Invitation) -> Result<(), Error> {
        self.watch(StoreCall::AddInvitation, self.inner.add_invitation(invitation)).await
    }

    async fn change_invitation(
        &self,
        id: &InvitationId,
        step: &InvitationStep<'_>,
    ) -> Result<InvitationChange, Error> {
        self.watch(StoreCall::ChangeInvitation, self.inner.change_invitation(id, step)).await
    }

    async fn list_invitations(&self, query: &InvitationQuery) -> Result<InvitationPage, Error> {
        self.watch(StoreCall::ListInvitations, self.inner.list_invitations(query)).await
    }

    async fn list_due_guests(&self, query: &DueGuestQuery) -> Result<DueGuestPage, Error> {
        self.watch(StoreCall::ListDueGuests, self.inner.list_due_guests(query)).await
    }
}
