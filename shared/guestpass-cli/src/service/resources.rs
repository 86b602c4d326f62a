//! The ACS resources of the selected service: how each is reached, and which get new identities.

use std::collections::BTreeMap;
use std::iter::once;
use std::time::Duration;

use acs_client::{AcsIdentityClient, ApiVersion, Config, INSECURE_HOSTS, connection_strings};
use identity_core::ports::{ResourceClients, SystemClock};
use identity_core::resource::{Placement, ResourceName, ResourceShare};
use identity_core::secret::Secret;

use crate::options::ServiceOptions;
use crate::report::{CliError, Result};
use crate::service::CliEnvironment;

/// The ACS resources, each with the configuration of its client.
pub(crate) struct ConfiguredResources {
    /// The resource `main`, or else the first by name.
    first: (ResourceName, Config),
    others: BTreeMap<ResourceName, Config>,
    /// `None` if it is unknown which of several resources get new identities.
    placement: Option<Placement>,
}

impl ConfiguredResources {
    /// Those of a local stack, which a proxy cannot reach. Its placement is a default.
    pub(crate) fn of_stack<'a>(
        secret: &'a Secret,
        placement: Option<String>,
        remedy: &'a str,
    ) -> ResourceSource<'a> {
        ResourceSource { secret, remedy, placement, uses_proxy: false }
    }

    /// Those of a deployed service.
    pub(crate) fn of_service<'a>(secret: &'a Secret, remedy: &'a str) -> ResourceSource<'a> {
        ResourceSource { secret, remedy, placement: None, uses_proxy: true }
    }

    /// The only resource of an endpoint, with another credential than a key.
    pub(crate) fn of_endpoint(
        config: Config,
        options: &ServiceOptions,
        environment: &CliEnvironment,
    ) -> Result<Self> {
        let config = for_operator(config, true, api_version(options, environment)?.as_ref());
        Ok(Self {
            placement: only(&ResourceName::MAIN),
            first: (ResourceName::MAIN, config),
            others: BTreeMap::new(),
        })
    }

    /// The resources by name; `None` for an empty map. A single one gets all new identities.
    pub(crate) fn new(
        mut configs: BTreeMap<ResourceName, Config>,
        placement: Option<Placement>,
    ) -> Result<Option<Self>> {
        let missing = placement.iter().flat_map(Placement::shares);
        if let Some((name, _)) = missing.into_iter().find(|(name, _)| !configs.contains_key(name)) {
            return Err(CliError::usage(format!(
                "the placement names the resource `{name}`, which has no connection string"
            ))
            .because(format!("known resources: {}", joined(configs.keys())))
            .hint("use the secret of the deployed service (--secret), or correct --placement"));
        }
        let main = configs.remove_entry(&ResourceName::MAIN);
        let Some(first) = main.or_else(|| configs.pop_first()) else { return Ok(None) };
        let placement = placement.or_else(|| configs.is_empty().then(|| only(&first.0)).flatten());
        Ok(Some(Self { first, others: configs, placement }))
    }

    /// Whether the service has more than one resource.
    pub(crate) fn are_several(&self) -> bool {
        !self.others.is_empty()
    }

    /// The configuration of the first resource, for operations that concern no identity.
    pub(crate) fn first(&self) -> &Config {
        &self.first.1
    }

    /// All resources, the first one first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&ResourceName, &Config)> {
        let (name, config) = &self.first;
        once((name, config)).chain(&self.others)
    }

    /// The names, for a message.
    pub(crate) fn names(&self) -> String {
        joined(self.iter().map(|(name, _)| name))
    }

    /// Whether there is a resource with this name.
    pub(crate) fn has(&self, name: &ResourceName) -> bool {
        self.iter().any(|(known, _)| known == name)
    }

    /// The resource with the name that the user gave.
    pub(crate) fn named(&self, raw: &str) -> Result<ResourceName> {
        let name = ResourceName::parse(raw).filter(|name| self.has(name));
        name.ok_or_else(|| {
            CliError::usage(format!("unknown resource `{raw}`"))
                .because("the secret has no connection string of it")
                .hint(format!("name one of: {}", self.names()))
        })
    }

    /// Which resources get new identities; `None` if it is unknown.
    pub(crate) fn placement(&self) -> Option<&Placement> {
        self.placement.as_ref()
    }

    /// The resource of a new identity that the user named; `None` if the placement chooses it.
    /// An error if neither is known.
    pub(crate) fn for_new_identity(&self, named: Option<&str>) -> Result<Option<ResourceName>> {
        match (named, &self.placement) {
            (Some(raw), _) => self.named(raw).map(Some),
            (None, Some(_)) => Ok(None),
            (None, None) => Err(self.unknown_placement().hint(format!(
                "set {PLACEMENT} to the parameter `AcsPlacement` of the deployed stack, or name \
                 the resource with --resource"
            ))),
        }
    }

    /// The resource of an existing identity that no record names.
    pub(crate) fn of_unrecorded(&self, named: Option<&str>) -> Result<ResourceName> {
        match named {
            Some(raw) => self.named(raw),
            None if self.are_several() => Err(CliError::usage("no resource is named")
                .because("the service has several, and an identity belongs to one of them")
                .hint(format!("give --resource with one of: {}", self.names()))),
            None => Ok(self.first.0.clone()),
        }
    }

    /// The error for a question that only the placement answers.
    pub(crate) fn unknown_placement(&self) -> CliError {
        CliError::usage("it is unknown which resource gets new identities").because(format!(
            "the service has several ({}), and neither --placement nor {PLACEMENT} is given",
            self.names()
        ))
    }

    /// The clients of all resources. Opens no connection.
    pub(crate) fn clients(
        &self,
        clock: SystemClock,
    ) -> Result<ResourceClients<AcsIdentityClient<SystemClock>>> {
        let client = |(name, config): (&ResourceName, &Config)| {
            AcsIdentityClient::new(config.clone(), clock)
                .map(|client| (name.clone(), client))
                .map_err(|error| unreachable(error.to_string()))
        };
        let clients = self.iter().map(client).collect::<Result<_>>()?;
        // Without a placement, no command asks where to place an identity.
        let first =
            || Placement::new(BTreeMap::from([(self.first.0.clone(), ResourceShare::OPEN)]));
        let placement = self.placement.clone().map_or_else(first, Ok);
        let placement = placement.map_err(|why| unreachable(why.to_owned()))?;
        ResourceClients::new(clients, placement).map_err(|error| unreachable(error.to_string()))
    }
}

/// The text with the connection strings, and how the resources are reached.
pub(crate) struct ResourceSource<'a> {
    secret: &'a Secret,
    /// What to do if the text is invalid.
    remedy: &'a str,
    /// The placement, if the user gives no other.
    placement: Option<String>,
    uses_proxy: bool,
}

impl ResourceSource<'_> {
    /// Reads the text, with the options of the user.
    pub(crate) fn read(
        self,
        options: &ServiceOptions,
        environment: &CliEnvironment,
    ) -> Result<ConfiguredResources> {
        let invalid = |why: String| {
            // The error of an endpoint that is http names the variable.
            let is_http = why.contains(INSECURE_HOSTS);
            let remedy = if is_http { LIST_HOST } else { self.remedy };
            CliError::usage("invalid connection string").because(why).hint(remedy)
        };
        let strings = connection_strings(self.secret.expose()).map_err(invalid)?;
        let version = api_version(options, environment)?;
        let config = |string| for_operator(Config::new(string), self.uses_proxy, version.as_ref());
        let configs = strings.into_iter().map(|(name, string)| (name, config(string))).collect();
        let given = options.placement.clone().or_else(|| environment.variable(PLACEMENT));
        let placement = given.or_else(|| self.placement.clone());
        let placement = placement.as_deref().map(parse_placement).transpose()?;
        let resources = ConfiguredResources::new(configs, placement)?;
        resources.ok_or_else(|| invalid("it names no resource".to_owned()))
    }
}

/// What to do about an endpoint that is http.
pub(super) const LIST_HOST: &str = "use https; or, for an emulator in a network that you trust, set GUESTPASS_INSECURE_HOSTS to the name of its host";

/// The configuration for a machine that may be further away from ACS than a function is.
fn for_operator(mut config: Config, uses_proxy: bool, version: Option<&ApiVersion>) -> Config {
    config.limits.connect = Duration::from_secs(3);
    config.limits.attempt = Duration::from_secs(5);
    config.uses_proxy = uses_proxy;
    // Users' tokens for Teams Phone: the emulator of this machine speaks http.
    config.bearer_over_loopback_http = true;
    if let Some(version) = version {
        config.api_version = version.clone();
    }
    config
}

/// The placement for the only resource.
fn only(name: &ResourceName) -> Option<Placement> {
    Placement::new(BTreeMap::from([(name.clone(), ResourceShare::OPEN)])).ok()
}

fn api_version(
    options: &ServiceOptions,
    environment: &CliEnvironment,
) -> Result<Option<ApiVersion>> {
    let version = options.api_version.clone().or_else(|| environment.variable("ACS_API_VERSION"));
    let parsed = version.map(|version| {
        version.parse::<ApiVersion>().map_err(|error| {
            CliError::usage(format!("{version:?} is not a valid API version"))
                .because(error.to_string())
                .hint("leave it out, or write one like 2026-09-23")
        })
    });
    parsed.transpose()
}

fn parse_placement(json: &str) -> Result<Placement> {
    serde_json::from_str(json).map_err(|error| {
        CliError::usage("invalid placement").because(error.to_string()).hint(
            "give the parameter `AcsPlacement` of the deployed stack, for example {\"main\": {}, \
             \"old\": {\"state\": \"draining\"}}",
        )
    })
}

/// The error for a client that cannot be created.
pub(crate) fn unreachable(why: String) -> CliError {
    CliError::usage("ACS cannot be reached").because(why)
}

fn joined<'a>(names: impl Iterator<Item = &'a ResourceName>) -> String {
    names.map(ResourceName::as_str).collect::<Vec<_>>().join(", ")
}

/// The variable with the placement of a deployed service.
pub(crate) const PLACEMENT: &str = "GUESTPASS_PLACEMENT";

#[cfg(test)]
mod tests {
    use super::*;

    fn resources(names: &[&str], placement: Option<&str>) -> Result<ConfiguredResources> {
        let config = |name: &&str| {
            let string = format!("endpoint=https://{name}.example/;accesskey=c2VjcmV0");
            (ResourceName::parse(name).unwrap(), Config::new(string.parse().unwrap()))
        };
        let placement = placement.map(|json| serde_json::from_str(json).unwrap());
        let configs = names.iter().map(config).collect();
        ConfiguredResources::new(configs, placement).map(Option::unwrap)
    }

    fn text(failure: &CliError) -> String {
        format!("{}: {}", failure.in_short(), failure.hint_text().unwrap_or_default())
    }

    #[test]
    fn the_first_resource_is_main_or_else_the_first_by_name() {
        for (names, expected) in
            [(&["eu2", "main"][..], "main, eu2"), (&["eu2", "eu1"], "eu1, eu2"), (&["x"], "x")]
        {
            let found = resources(names, None).unwrap();
            assert_eq!(found.names(), expected);
            assert!(expected.starts_with(found.first().endpoint.host().split('.').next().unwrap()));
        }
        assert!(ConfiguredResources::new(BTreeMap::new(), None).unwrap().is_none());
    }

    #[test]
    fn a_single_resource_gets_all_new_identities_and_needs_no_name() {
        let only = resources(&["eu1"], None).unwrap();
        assert!(!only.are_several());
        assert_eq!(only.for_new_identity(None).unwrap(), None);
        assert_eq!(only.placement().unwrap().shares().count(), 1);
        assert_eq!(only.of_unrecorded(None).unwrap().as_str(), "eu1");
        assert!(only.clients(SystemClock::default()).is_ok());
    }

    #[test]
    fn of_several_resources_one_must_be_named_or_chosen_by_the_placement() {
        let unknown = resources(&["main", "eu2"], None).unwrap();
        assert!(unknown.are_several());
        let refused = text(&unknown.for_new_identity(None).unwrap_err());
        assert!(refused.contains("(main, eu2)") && refused.contains("--resource"), "{refused}");
        assert_eq!(unknown.for_new_identity(Some("eu2")).unwrap().unwrap().as_str(), "eu2");
        let refused = text(&unknown.of_unrecorded(None).unwrap_err());
        assert!(refused.contains("one of: main, eu2"), "{refused}");
        assert_eq!(unknown.of_unrecorded(Some("eu2")).unwrap().as_str(), "eu2");
        assert!(unknown.clients(SystemClock::default()).is_ok());

        let known = resources(&["main", "eu2"], Some(r#"{"eu2": {}}"#)).unwrap();
        assert_eq!(known.for_new_identity(None).unwrap(), None);
        let clients = known.clients(SystemClock::default()).unwrap();
        let user = identity_core::identity::ExternalId::parse("alice").unwrap();
        let placed = identity_core::ports::IdentityClients::place(&clients, &user);
        assert_eq!(placed.as_str(), "eu2");
    }

    #[test]
    fn an_unknown_name_is_refused_with_the_known_ones() {
        let found = resources(&["main", "eu2"], None).unwrap();
        for raw in ["eu3", "Not a name", ""] {
            let refused = text(&found.named(raw).unwrap_err());
            assert!(refused.contains(&format!("`{raw}`")), "{refused}");
            assert!(refused.contains("one of: main, eu2"), "{refused}");
        }
        let refused = text(&resources(&["main"], Some(r#"{"eu2": {}}"#)).err().unwrap());
        assert!(
            refused.contains("`eu2`") && refused.contains("known resources: main"),
            "{refused}"
        );
    }
}
