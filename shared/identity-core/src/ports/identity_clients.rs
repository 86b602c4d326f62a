use std::collections::BTreeMap;
use std::fmt;

use crate::model::policy::Policy;
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

    /// The number of configured resources.
    fn count(&self) -> usize;
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

    fn count(&self) -> usize {
        1
    }
}

impl Policy {
    /// Whether each ACS resource that the policy names can get new identities.
    ///
    /// # Errors
    /// One has no connection string, or is draining.
    pub fn check_resources(&self, clients: &impl IdentityClients) -> Result<(), UnusableResource> {
        let mut unusable = self.resources().filter_map(|name| {
            let is_known = clients.client(name).is_ok();
            let reason = match (is_known, clients.is_draining(name)) {
                (false, _) => "has no connection string",
                (true, true) => "is draining",
                (true, false) => return None,
            };
            Some(UnusableResource(name.clone(), reason))
        });
        unusable.next().map_or(Ok(()), Err)
    }
}

/// The policy names a resource that cannot get new identities.
///
/// Its `Debug` output equals its `Display` output, because `main` prints `Debug` when it returns
/// an error.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("the policy names the resource `{0}`, which {1}: name an open resource, or leave it out")]
pub struct UnusableResource(pub ResourceName, &'static str);

impl fmt::Debug for UnusableResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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

    fn count(&self) -> usize {
        self.clients.len()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::resource::ResourceShare;
    use crate::testing::{MemoryIdentityClient, resource, user};

    /// The clients of these resources, of which the second one is draining.
    fn clients(names: [&str; 2]) -> ResourceClients<(&'static str, MemoryIdentityClient)> {
        let [open, draining] = names.map(resource);
        let placement = Placement::new(BTreeMap::from([
            (open.clone(), ResourceShare::OPEN),
            (draining.clone(), ResourceShare::Draining),
        ]));
        let clients = BTreeMap::from([
            (open, ("open", MemoryIdentityClient::of_resource(names[0]))),
            (draining, ("draining", MemoryIdentityClient::of_resource(names[1]))),
        ]);
        ResourceClients::new(clients, placement.unwrap()).unwrap()
    }

    #[test]
    fn the_first_resource_is_main_or_else_the_first_by_name() {
        for (names, first) in
            [(["eu1", "main"], "draining"), (["main", "eu1"], "open"), (["eu2", "eu1"], "draining")]
        {
            assert_eq!(clients(names).first().unwrap().0, first, "{names:?}");
            assert_eq!(clients(names).into_first().unwrap().0, first, "{names:?}");
        }
    }

    #[test]
    fn only_a_listed_resource_is_draining_and_gets_no_new_identity() {
        let clients = clients(["main", "old"]).map(|(_, client)| client);
        let draining = ["main", "old", "other"].map(|name| clients.is_draining(&resource(name)));
        assert_eq!(draining, [false, true, false]);
        assert_eq!(clients.place(&user("alice")), ResourceName::MAIN);
        let unknown = clients.client(&resource("other")).map(|_| ());
        assert!(matches!(unknown, Err(Error::UnknownResource(name)) if name.as_str() == "other"));
    }

    #[test]
    fn a_single_client_is_the_resource_main_which_never_drains() {
        let client = MemoryIdentityClient::of_resource("main");
        assert!(IdentityClients::client(&client, &ResourceName::MAIN).is_ok());
        assert!(IdentityClients::client(&client, &resource("eu1")).is_err());
        assert!(!client.is_draining(&ResourceName::MAIN));
        assert_eq!(client.place(&user("alice")), ResourceName::MAIN);
    }

    #[test]
    fn a_policy_may_only_name_resources_that_get_new_identities() {
        let clients = clients(["main", "old"]).map(|(_, client)| client);
        let check = |name: &str| {
            let rule = json!({ "if": { "a": "b" }, "scopes": ["voip"], "resource": name });
            let policy = json!({ "rules": [rule], "otherwise": { "scopes": ["voip"] } });
            let policy: Policy = serde_json::from_value(policy).unwrap();
            policy.check_resources(&clients).map_err(|error| format!("{error:?}"))
        };
        assert_eq!(check("main"), Ok(()));
        let text = |name, why| {
            Err(format!(
                "the policy names the resource `{name}`, which {why}: name an open resource, or \
                 leave it out"
            ))
        };
        assert_eq!(check("old"), text("old", "is draining"));
        assert_eq!(check("other"), text("other", "has no connection string"));
        assert_eq!(Policy::default().check_resources(&clients), Ok(()));
    }

    #[test]
    fn a_placement_needs_a_client_for_each_of_its_resources() {
        let none = BTreeMap::<ResourceName, MemoryIdentityClient>::new();
        let refused = ResourceClients::new(none, Placement::default()).err();
        assert_eq!(refused, Some(UnplacedResource(ResourceName::MAIN)));
    }
}
