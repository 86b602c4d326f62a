use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::client_contract::Introspect;
use crate::model::{AccessToken, AcsId, Admission, Error, Secret, TokenRequest};
use crate::ports::IdentityClient;

/// A call to ACS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCall {
    /// Create identity, without a token.
    Create,
    /// Create identity, with its first token.
    CreateWithToken,
    /// Issue access token.
    Issue,
    /// Revoke access tokens.
    Revoke,
    /// Delete identity.
    Delete,
}

type Meanwhile = Box<dyn FnOnce() + Send>;
type Trouble = Box<dyn FnMut(ClientCall) -> Option<Error> + Send>;

/// An in-memory ACS: identities, valid and revoked tokens, and a list of calls. Clones share its
/// state.
#[derive(Clone, Default)]
pub struct MemoryIdentityClient(Arc<Mutex<AcsContents>>);

#[derive(Default)]
struct AcsContents {
    made: u32,
    /// Identities and their valid tokens.
    identities: BTreeMap<AcsId, Vec<String>>,
    /// The identities that belong to another resource.
    foreign: BTreeSet<AcsId>,
    /// The part of all its identities that names the resource; `None` accepts all identities.
    resource: Option<String>,
    calls: Vec<ClientCall>,
    requests: Vec<TokenRequest>,
    meanwhile: Option<Meanwhile>,
    trouble: Option<Trouble>,
    issues_for_the_dead: bool,
    minted_for_the_dead: Vec<String>,
    holds_creations: bool,
}

impl MemoryIdentityClient {
    /// An ACS resource that refuses the identities of others. The IDs of its own begin with
    /// `8:acs:<resource>_`.
    #[must_use]
    pub fn of_resource(resource: &str) -> Self {
        let resource = Some(resource.to_owned());
        Self(Arc::new(Mutex::new(AcsContents { resource, ..AcsContents::default() })))
    }

    /// Runs `action` during the next call, after ACS decided and before it answers.
    pub fn while_answering(&self, action: impl FnOnce() + Send + 'static) {
        self.lock().meanwhile = Some(Box::new(action));
    }

    /// Makes a call fail before it has an effect if `trouble` returns an error for it.
    pub fn fail(&self, trouble: impl FnMut(ClientCall) -> Option<Error> + Send + 'static) {
        self.lock().trouble = Some(Box::new(trouble));
    }

    /// Makes ACS issue tokens for deleted identities. The behavior of the real ACS is not
    /// documented, so no code may depend on it.
    pub fn issue_for_the_dead(&self) {
        self.lock().issues_for_the_dead = true;
    }

    /// Reports that ACS has throttled creations.
    pub fn hold_creations(&self) {
        self.lock().holds_creations = true;
    }

    /// Adds an identity, as if it was created earlier.
    pub fn know(&self, id: &AcsId) {
        self.lock().identities.insert(id.clone(), Vec::new());
    }

    /// Issues a token without the admission check, as if it was issued earlier.
    ///
    /// # Panics
    /// If the identity does not exist.
    #[must_use]
    pub fn token_from_before(&self, id: &AcsId) -> AccessToken {
        let mut fixture = self.lock();
        assert!(fixture.identities.contains_key(id), "an identity of this ACS");
        fixture.mint(id, &super::an_hour())
    }

    /// Moves an identity to another resource: it still exists there, and calls for it are refused
    /// here.
    pub fn disown(&self, id: &AcsId) {
        self.lock().foreign.insert(id.clone());
    }

    /// Moves an identity back.
    pub fn own(&self, id: &AcsId) {
        self.lock().foreign.remove(id);
    }

    /// Every call so far, including failed ones.
    #[must_use]
    pub fn calls(&self) -> Vec<ClientCall> {
        self.lock().calls.clone()
    }

    /// Every token request that reached ACS.
    #[must_use]
    pub fn requests(&self) -> Vec<TokenRequest> {
        self.lock().requests.clone()
    }

    /// All existing identities.
    #[must_use]
    pub fn identities(&self) -> Vec<AcsId> {
        self.lock().identities.keys().cloned().collect()
    }

    /// Whether the token is valid.
    #[must_use]
    pub fn is_alive(&self, token: &AccessToken) -> bool {
        let fixture = self.lock();
        fixture.identities.values().flatten().any(|live| live == token.token.expose())
    }

    /// Whether any of these tokens was issued for an identity that was already deleted.
    pub fn handed_out_for_the_dead<'a>(
        &self,
        mut tokens: impl Iterator<Item = &'a AccessToken>,
    ) -> bool {
        let fixture = self.lock();
        tokens.any(|token| {
            fixture.minted_for_the_dead.iter().any(|dead| dead == token.token.expose())
        })
    }

    /// The number of valid tokens.
    #[must_use]
    pub fn live_tokens(&self) -> usize {
        self.lock().identities.values().map(Vec::len).sum()
    }

    fn lock(&self) -> MutexGuard<'_, AcsContents> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn call<T>(
        &self,
        call: ClientCall,
        effect: impl FnOnce(&mut AcsContents) -> T,
    ) -> Result<T, Error> {
        let mut fixture = self.lock();
        fixture.calls.push(call);
        if let Some(error) = fixture.trouble.as_mut().and_then(|trouble| trouble(call)) {
            return Err(error);
        }
        let result = effect(&mut fixture);
        let meanwhile = fixture.meanwhile.take();
        drop(fixture);
        if let Some(action) = meanwhile {
            action();
        }
        Ok(result)
    }
}

impl AcsContents {
    fn create(&mut self) -> AcsId {
        self.made += 1;
        let resource = self.resource.as_deref().unwrap_or("res");
        let id = super::acs_id(&format!("8:acs:{resource}_{}", self.made));
        self.identities.insert(id.clone(), Vec::new());
        id
    }

    fn check_owner(&self, id: &AcsId) -> Result<(), Error> {
        let mut own = self.resource.iter().map(|resource| format!("8:acs:{resource}_"));
        let is_of_another = own.any(|own| !id.as_str().starts_with(&own));
        if is_of_another || self.foreign.contains(id) {
            return Err(Error::ForeignIdentity("401 IdentityNotOwned".into()));
        }
        Ok(())
    }

    fn mint(&mut self, id: &AcsId, request: &TokenRequest) -> AccessToken {
        self.made += 1;
        self.requests.push(request.clone());
        let token = format!("token-{}-for-{id}", self.made);
        match self.identities.get_mut(id) {
            Some(live) => live.push(token.clone()),
            None => self.minted_for_the_dead.push(token.clone()),
        }
        let life = Duration::from_mins(u64::from(request.lifetime.minutes()));
        AccessToken {
            token: Secret::new(token),
            expires_on: SystemTime::UNIX_EPOCH + Duration::from_hours(500_000) + life,
        }
    }
}

impl IdentityClient for MemoryIdentityClient {
    fn is_creation_held(&self) -> bool {
        self.lock().holds_creations
    }

    async fn create_identity(&self, _: SystemTime) -> Result<AcsId, Error> {
        self.call(ClientCall::Create, AcsContents::create)
    }

    async fn create_identity_with_token(
        &self,
        _: Admission,
        token: &TokenRequest,
        _: SystemTime,
    ) -> Result<(AcsId, AccessToken), Error> {
        self.call(ClientCall::CreateWithToken, |fixture| {
            let id = fixture.create();
            let token = fixture.mint(&id, token);
            (id, token)
        })
    }

    async fn issue_access_token(
        &self,
        _: Admission,
        identity: &AcsId,
        token: &TokenRequest,
        _: SystemTime,
    ) -> Result<AccessToken, Error> {
        self.call(ClientCall::Issue, |fixture| {
            fixture.check_owner(identity)?;
            let known = fixture.identities.contains_key(identity) || fixture.issues_for_the_dead;
            known
                .then(|| fixture.mint(identity, token))
                .ok_or_else(|| Error::AcsRefused("ACS does not know the identity".into()))
        })?
    }

    async fn revoke_access_tokens(&self, identity: &AcsId, _: SystemTime) -> Result<(), Error> {
        self.call(ClientCall::Revoke, |fixture| {
            fixture.check_owner(identity)?;
            if let Some(live) = fixture.identities.get_mut(identity) {
                live.clear();
            }
            Ok(())
        })?
    }

    async fn delete_identity(&self, identity: &AcsId, _: SystemTime) -> Result<(), Error> {
        self.call(ClientCall::Delete, |fixture| {
            fixture.check_owner(identity)?;
            fixture.identities.remove(identity);
            Ok(())
        })?
    }
}

impl Introspect for MemoryIdentityClient {
    async fn lives(&self, token: &AccessToken) -> bool {
        self.is_alive(token)
    }

    async fn foreign(&self) -> AcsId {
        let mut fixture = self.lock();
        let id = fixture.create();
        fixture.foreign.insert(id.clone());
        id
    }

    async fn a_moment_passes(&self) {}

    fn deadline(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH
    }
}
