use serde::Deserialize;

use super::{
    Guid, PhoneClaims, PhoneFault, PhonePrincipal, PrincipalType, ResourceAccountName,
    TeamsExtensionAssignment,
};
use crate::model::policy::Condition;

/// The policy of Teams Phone: the deployment parameter `TeamsPhone`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct PhoneSettings {
    /// The tenants whose principals may use Teams Phone.
    tenants: Vec<Guid>,
    /// The Entra apps that may request tokens of Teams Phone.
    clients: Vec<Guid>,
    /// The kinds of principals that may be assigned.
    #[serde(default = "known_kinds")]
    principal_types: Vec<PrincipalType>,
    /// The claims that an administrator needs, in addition to `AdminCondition`.
    #[serde(default)]
    administrators: Option<Condition>,
    /// Whether the first exchange of an allowed user assigns them.
    #[serde(default)]
    assign_on_first_exchange: bool,
    /// How ACS spells a resource account.
    #[serde(default)]
    resource_account_name: ResourceAccountName,
    /// Where Entra signs users in. It differs between the clouds of Microsoft.
    #[serde(default = "public_authority")]
    authority: String,
}

fn known_kinds() -> Vec<PrincipalType> {
    vec![PrincipalType::User, PrincipalType::ResourceAccount]
}

fn public_authority() -> String {
    "https://login.microsoftonline.com".to_owned()
}

impl PhoneSettings {
    /// Parses the parameter.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn parse(json: &str) -> Result<Self, String> {
        let settings: Self = serde_json::from_str(json).map_err(|error| error.to_string())?;
        for (name, is_empty) in [
            ("tenants", settings.tenants.is_empty()),
            ("clients", settings.clients.is_empty()),
            ("principalTypes", settings.principal_types.is_empty()),
        ] {
            if is_empty {
                return Err(format!("`{name}` is empty: name at least one"));
            }
        }
        let has_host = ["https://", "http://127.0.0.1:", "http://localhost:"];
        if !has_host.iter().any(|start| settings.authority.starts_with(start))
            || settings.authority.ends_with('/')
        {
            return Err("`authority` must be an https URL without a slash at its end".to_owned());
        }
        Ok(settings)
    }

    /// The policy of an operator, whose authority comes from the cloud account: it allows
    /// `assignment`.
    #[must_use]
    pub fn of_operator(assignment: &TeamsExtensionAssignment) -> Self {
        Self {
            tenants: vec![assignment.tenant_id.clone()],
            clients: assignment.client_ids.clone(),
            principal_types: vec![assignment.principal_type.clone()],
            administrators: None,
            assign_on_first_exchange: false,
            resource_account_name: ResourceAccountName::default(),
            authority: public_authority(),
        }
    }

    /// The claims that an administrator needs, in addition to `AdminCondition`.
    #[must_use]
    pub fn administrators(&self) -> Option<&Condition> {
        self.administrators.as_ref()
    }

    /// Whether the first exchange of an allowed user assigns them.
    #[must_use]
    pub fn assigns_on_first_exchange(&self) -> bool {
        self.assign_on_first_exchange && self.principal_types.contains(&PrincipalType::User)
    }

    /// How ACS spells a resource account.
    #[must_use]
    pub fn resource_account_name(&self) -> ResourceAccountName {
        self.resource_account_name
    }

    /// The issuers of the tokens of a tenant: versions 2.0 and 1.0.
    #[must_use]
    pub fn issuers(&self, tenant: &Guid) -> [String; 2] {
        let first = if self.authority == CHINA {
            format!("https://sts.chinacloudapi.cn/{tenant}/")
        } else {
            format!("https://sts.windows.net/{tenant}/")
        };
        [format!("{}/{tenant}/v2.0", self.authority), first]
    }

    /// Whether the authority is in the internet, and not a simulated one of this machine.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.authority.starts_with("https://")
    }

    /// Where the keys of a tenant are. The token has no influence on it.
    #[must_use]
    pub fn keys_url(&self, tenant: &Guid) -> String {
        format!("{}/{tenant}/discovery/v2.0/keys", self.authority)
    }

    /// The principal of a token with these claims, and its app, if both are allowed.
    pub(super) fn check_token(
        &self,
        claims: &PhoneClaims,
    ) -> Result<(PhonePrincipal, Guid), PhoneFault> {
        if !claims.is_for_acs() {
            return Err(PhoneFault::WrongAudience);
        }
        if !claims.permits(PERMISSION) {
            return Err(PhoneFault::MissingConsent);
        }
        let principal = claims.principal().ok_or(PhoneFault::Forged)?;
        if !self.tenants.contains(&principal.tenant_id) {
            return Err(PhoneFault::WrongTenant);
        }
        let client = claims.client().filter(|client| self.clients.contains(client));
        Ok((principal, client.ok_or(PhoneFault::WrongClient)?))
    }

    /// Refuses an assignment that this policy does not allow.
    pub(crate) fn check(&self, assignment: &TeamsExtensionAssignment) -> Result<(), PhoneFault> {
        let TeamsExtensionAssignment { tenant_id, principal_type, client_ids, .. } = assignment;
        if !self.tenants.contains(tenant_id) {
            return Err(PhoneFault::WrongTenant);
        }
        if !self.principal_types.contains(principal_type) {
            return Err(PhoneFault::WrongKind);
        }
        if !client_ids.iter().all(|client| self.clients.contains(client)) {
            return Err(PhoneFault::WrongClient);
        }
        if *principal_type == PrincipalType::User && client_ids.is_empty() {
            return Err(PhoneFault::NoClient);
        }
        Ok(())
    }
}

/// Where Entra signs users in, in the cloud of China.
const CHINA: &str = "https://login.partner.microsoftonline.cn";

/// The delegated permission that ACS requires.
const PERMISSION: &str = "TeamsExtension.ManageCalls";

#[cfg(test)]
mod tests {
    use super::*;

    const TENANT: &str = "aaaaaaaa-2222-3333-4444-555555555555";
    const CLIENT: &str = "cccccccc-2222-3333-4444-555555555555";

    fn parse(more: &str) -> Result<PhoneSettings, String> {
        PhoneSettings::parse(&format!(
            r#"{{"tenants": ["{TENANT}"], "clients": ["{CLIENT}"]{more}}}"#
        ))
    }

    #[test]
    fn tenants_and_clients_are_compulsory_and_the_rest_has_defaults() {
        let settings = parse("").unwrap();
        assert!(!settings.assigns_on_first_exchange());
        assert_eq!(settings.resource_account_name(), ResourceAccountName::Specified);
        assert_eq!(settings.administrators(), None);
        for (bad, why) in [
            (r#", "tenant": "x""#, "unknown field `tenant`"),
            (r#", "principalTypes": []"#, "`principalTypes` is empty"),
            (r#", "authority": "http://login.example""#, "`authority` must be an https URL"),
            (r#", "authority": "https://login.example/""#, "`authority` must be an https URL"),
            (r#", "administrators": {}"#, "at least one claim"),
        ] {
            let error = parse(bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
        let none = PhoneSettings::parse(r#"{"tenants": [], "clients": []}"#).unwrap_err();
        assert!(none.contains("`tenants` is empty"), "{none}");
        assert!(PhoneSettings::parse("{}").unwrap_err().contains("missing field `tenants`"));
        assert!(PhoneSettings::parse(r#"{"tenants": ["x"], "clients": []}"#).is_err());
    }

    #[test]
    fn each_cloud_has_its_issuers_and_its_keys() {
        let tenant: Guid = TENANT.parse().unwrap();
        let settings = parse("").unwrap();
        let url = |rest: &str| format!("https://login.microsoftonline.com/{TENANT}{rest}");
        assert_eq!(settings.keys_url(&tenant), url("/discovery/v2.0/keys"));
        assert_eq!(
            settings.issuers(&tenant),
            [url("/v2.0"), format!("https://sts.windows.net/{TENANT}/")]
        );
        let china = parse(r#", "authority": "https://login.partner.microsoftonline.cn""#).unwrap();
        assert_eq!(china.issuers(&tenant)[1], format!("https://sts.chinacloudapi.cn/{TENANT}/"));
    }

    #[test]
    fn an_assignment_needs_an_allowed_tenant_kind_and_client() {
        let settings = parse(r#", "principalTypes": ["user", "teamsResourceAccount"]"#).unwrap();
        let good = TeamsExtensionAssignment {
            tenant_id: TENANT.parse().unwrap(),
            object_id: CLIENT.parse().unwrap(),
            principal_type: PrincipalType::User,
            client_ids: vec![CLIENT.parse().unwrap()],
        };
        assert_eq!(settings.check(&good), Ok(()));
        let account = PrincipalType::ResourceAccount;
        let account = TeamsExtensionAssignment {
            principal_type: account,
            client_ids: Vec::new(),
            ..good.clone()
        };
        assert_eq!(settings.check(&account), Ok(()));
        let other: Guid = "dddddddd-2222-3333-4444-555555555555".parse().unwrap();
        let robot = PrincipalType::Other("robot".to_owned());
        for (bad, fault) in [
            (
                TeamsExtensionAssignment { tenant_id: other.clone(), ..good.clone() },
                PhoneFault::WrongTenant,
            ),
            (
                TeamsExtensionAssignment { principal_type: robot, ..good.clone() },
                PhoneFault::WrongKind,
            ),
            (
                TeamsExtensionAssignment { client_ids: vec![other], ..good.clone() },
                PhoneFault::WrongClient,
            ),
            (TeamsExtensionAssignment { client_ids: Vec::new(), ..good }, PhoneFault::NoClient),
        ] {
            assert_eq!(settings.check(&bad), Err(fault));
        }
    }

    #[test]
    fn an_authority_with_http_is_one_of_this_machine() {
        let settings = |authority: &str| {
            let client = "bbbbbbbb-2222-3333-4444-555555555555";
            let text = format!(
                r#"{{"tenants": ["{client}"], "clients": ["{client}"], "authority": "{authority}"}}"#
            );
            PhoneSettings::parse(&text).unwrap().is_public()
        };
        assert!(settings("https://login.microsoftonline.us"));
        assert!(!settings("http://127.0.0.1:3002/entra"));
    }
}
