use std::collections::BTreeMap;

use crate::model::{Error, ExternalId, Placement, ResourceName};
use crate::ports::IdentityClient;

/// The ACS resources of a deployment, each with its client.
///
/// A single [`IdentityClient`] is a deployment with the one resource [`ResourceName::MAIN`].
pub trait IdentityClients: Sync {
    /// The client of one resource.
    type Client: IdentityClient;

    /// The client of this resource; [`Error::UnknownResource`] if it is not configured. Only this
    /// client may be asked for the identities of the resource.
    fn client(&self, resource: &ResourceName) -> Result<&Self::Client, Error>;

    /// The resource in which a new identity of this user is created.
    fn place(&self, user: &ExternalId) -> ResourceName;

    /// Whether the identities of this resource are to be replaced.
    fn is_draining(&self, resource: &ResourceName) -> bool;
}

impl<A: IdentityClient> IdentityClients for A {
    type Client = Self;

    fn client(&self, resource: &ResourceName) -> Result<&Self, Error> {
        if resource.is_main() { Ok(self) } else { Err(Error::UnknownResource(resource.clone())) }
    }

    fn place(&self, _: &ExternalId) -> ResourceName {
        ResourceName::MAIN
    }

    fn is_draining(&self, _: &ResourceName) -> bool {
        false
    }
}

/// The clients of several resources, and the rule that distributes new identities over them.
#[derive(Debug)]
pub struct ResourceClients<A> {
    clients: BTreeMap<ResourceName, A>,
    placement: Placement,
}

/// The placement names a resource that has no client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the placement names the resource `{0}`, which has no connection string")]
pub struct UnplacedResource(pub ResourceName);

impl<A> ResourceClients<A> {
    /// The clients by resource. Each resource of the placement must have one.
    pub fn new(
        clients: BTreeMap<ResourceName, A>,
        placement: Placement,
    ) -> Result<Self, UnplacedResource> {
        let missing = placement.shares().find(|(name, _)| !clients.contains_key(*name));
        if let Some((name, _)) = missing {
            return Err(UnplacedResource(name.clone()));
        }
        Ok(Self { clients, placement })
    }

    /// The clients with the names of their resources.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceName, &A)> {
        self.clients.iter()
    }

    /// The client of [`ResourceName::MAIN`], or else of the first resource by name.
    #[must_use]
    pub fn first(&self) -> Option<&A> {
        self.clients.get(&ResourceName::MAIN).or_else(|| self.clients.values().next())
    }

    /// Like [`first`](Self::first), without the other clients.
    #[must_use]
    pub fn into_first(mut self) -> Option<A> {
        self.clients.remove(&ResourceName::MAIN).or_else(|| self.clients.into_values().next())
    }

    /// The rule that distributes new identities.
    #[must_use]
    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Replaces each client by what `change` makes of it.
    #[must_use]
    pub fn map<B>(self, mut change: impl FnMut(A) -> B) -> ResourceClients<B> {
        let clients = self.clients.into_iter().map(|(name, client)| (name, change(client)));
        ResourceClients { clients: clients.collect(), placement: self.placement }
    }
}

impl<A: IdentityClient> IdentityClients for ResourceClients<A> {
    type Client = A;

    fn client(&self, resource: &ResourceName) -> Result<&A, Error> {
        self.clients.get(resource).ok_or_else(|| Error::UnknownResource(resource.clone()))
    }

    fn place(&self, user: &ExternalId) -> ResourceName {
        let is_held = |name: &ResourceName| {
            self.clients.get(name).is_some_and(IdentityClient::is_creation_held)
        };
        self.placement.choose(user, is_held)
    }

    fn is_draining(&self, resource: &ResourceName) -> bool {
        self.placement.is_draining(resource)
    }
}
