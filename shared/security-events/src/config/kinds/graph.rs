use entra_users::{DirectoryId, DirectoryUser, GraphApp};
use identity_core::identity::ExternalId;

use super::PartnerTopic;
use crate::config::members::{TransmitterError, invalid};
use crate::config::{AcceptedUsers, Members};

/// The settings of a transmitter of change notifications of Microsoft Graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphSettings {
    /// The app with which Graph is asked.
    pub app: GraphApp,
    /// Where Graph sends notifications: the URL of this transmitter's route, or a partner topic of
    /// Event Grid.
    pub notification_url: String,
    /// The partner topic, if `notification_url` names one. It sends the notifications to the route.
    pub partner_topic: Option<PartnerTopic>,
    tenants: Vec<AcceptedTenant>,
    subject_claims: Vec<UserClaim>,
}

/// A tenant, and the `iss` of the bearers of its users.
#[derive(Clone, Debug, PartialEq, Eq)]
struct AcceptedTenant {
    id: DirectoryId,
    token_issuer: String,
}

/// A claim whose value Graph knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UserClaim {
    Tenant,
    Object,
}

impl GraphSettings {
    /// Takes the members `tenants`, `clientId`, `notificationUrl`, `graphUrl` and `loginUrl`
    /// (default: the worldwide cloud), and `tokenIssuer` (default:
    /// `https://login.microsoftonline.com/{tenantid}/v2.0`, with the `loginUrl` in place of its
    /// host). `{tenantid}` stands for the id of the user's tenant.
    ///
    /// # Errors
    /// A member is missing or invalid, or `SubjectClaims` has other claims than `tid` and `oid`.
    pub fn take(members: &mut Members, users: &AcceptedUsers) -> Result<Self, TransmitterError> {
        let guid = "a GUID, such as 11111111-2222-3333-4444-555555555555";
        let tenants = members.texts("tenants")?;
        let client_id = members.text("clientId")?.parse().map_err(|_| invalid("clientId", guid))?;
        let notification_url = members.text("notificationUrl")?;
        let partner_topic = PartnerTopic::parse(&notification_url);
        if partner_topic.is_none() && !is_notification_url(&notification_url) {
            return Err(invalid("notificationUrl", NOTIFICATION_URL));
        }
        let mut base_url = |name: &'static str, default: &str| {
            let raw = members.optional_text(name)?.unwrap_or_else(|| default.to_owned());
            GraphApp::base_url(&raw).map_err(|why| invalid(name, expected(&why.to_string())))
        };
        let app = GraphApp {
            client_id,
            graph_url: base_url("graphUrl", GraphApp::GRAPH_URL)?,
            login_url: base_url("loginUrl", GraphApp::LOGIN_URL)?,
        };
        let issuer = members.optional_text("tokenIssuer")?;
        let issuer = issuer.unwrap_or_else(|| format!("{}/{TENANT}/v2.0", app.login_url));
        if tenants.len() > 1 && !issuer.contains(TENANT) {
            return Err(invalid(
                "tokenIssuer",
                "with {tenantid}, because there are several tenants",
            ));
        }
        let tenant = |raw: &String| {
            let id: DirectoryId =
                raw.parse().map_err(|_| invalid("tenants", format!("each {guid}")))?;
            let token_issuer = users.spelled(issuer.replace(TENANT, id.as_str()))?;
            Ok(AcceptedTenant { id, token_issuer })
        };
        let tenants = tenants.iter().map(tenant).collect::<Result<_, TransmitterError>>()?;
        let subject_claims = claims(users)?;
        Ok(Self { app, notification_url, partner_topic, tenants, subject_claims })
    }

    /// The tenants whose users' changes are followed.
    pub fn tenants(&self) -> impl Iterator<Item = &DirectoryId> {
        self.tenants.iter().map(|tenant| &tenant.id)
    }

    /// The external id of a user; `None` if the tenant is not a configured one.
    #[must_use]
    pub fn external_id(&self, user: &DirectoryUser) -> Option<ExternalId> {
        let tenant = self.tenants.iter().find(|tenant| tenant.id == user.tenant)?;
        let value = |claim: &UserClaim| match claim {
            UserClaim::Tenant => user.tenant.as_str(),
            UserClaim::Object => user.id.as_str(),
        };
        let values: Vec<_> = self.subject_claims.iter().map(value).collect();
        ExternalId::of_values(&tenant.token_issuer, &values)
    }
}

/// The claims that name a user, if Graph knows them. Entra's `sub` is another one in each app.
fn claims(users: &AcceptedUsers) -> Result<Vec<UserClaim>, TransmitterError> {
    let claim = |name: &String| match name.as_str() {
        "tid" => Some(UserClaim::Tenant),
        "oid" => Some(UserClaim::Object),
        _ => None,
    };
    let claims: Option<Vec<_>> = users.subject_claims.names().iter().map(claim).collect();
    let named = claims.filter(|claims| claims.contains(&UserClaim::Object));
    named.ok_or(TransmitterError::GraphSubjectClaims)
}

/// Graph requires https; the simulation of the local stack sends to this machine.
fn is_notification_url(url: &str) -> bool {
    let is_plain = !url.contains(['?', '#']) && !url.ends_with('/');
    is_plain && bearer_verifier::is_https_or_loopback(url)
}

/// The message of another crate, as the end of "must be …".
fn expected(message: &str) -> String {
    message.strip_prefix("must be ").unwrap_or(message).to_owned()
}

/// What `notificationUrl` must be.
const NOTIFICATION_URL: &str = "an https URL without a query, or `EventGrid:?` with \
    `azuresubscriptionid`, `resourcegroup`, `partnertopic` and `location`";

/// What stands for the id of the user's tenant, as in Microsoft's own metadata.
const TENANT: &str = "{tenantid}";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{TransmitterSettings, Transmitters};

    const TENANT_ID: &str = "11111111-2222-3333-4444-555555555555";
    const OTHER_TENANT: &str = "22222222-2222-3333-4444-555555555555";
    const USER: &str = "99999999-8888-7777-6666-555555555555";

    fn users(claims: &str) -> AcceptedUsers {
        let issuer = format!("https://login.microsoftonline.com/{TENANT_ID}/v2.0");
        AcceptedUsers {
            issuer: identity_core::identity::Issuer::parse(&issuer).unwrap(),
            other_issuers: false,
            subject_claims: claims.parse().unwrap(),
        }
    }

    fn transmitter() -> serde_json::Value {
        serde_json::json!({
            "name": "entra",
            "kind": "graph",
            "tenants": [TENANT_ID],
            "clientId": "aaaaaaaa-0000-0000-0000-000000000001",
            "notificationUrl": "https://api.example.com/v1/signals/entra",
        })
    }

    fn settings(
        transmitter: &serde_json::Value,
        users: &AcceptedUsers,
    ) -> Result<GraphSettings, String> {
        let parsed = Transmitters::parse(&format!("[{transmitter}]"), users);
        let parsed = parsed.map_err(|error| error.to_string())?;
        match &parsed.find("entra").unwrap().settings {
            TransmitterSettings::Graph(settings) => Ok(settings.clone()),
            other => panic!("{other:?}"),
        }
    }

    fn user_of(tenant: &str) -> DirectoryUser {
        DirectoryUser { tenant: tenant.parse().unwrap(), id: USER.parse().unwrap() }
    }

    #[test]
    fn the_defaults_are_those_of_the_worldwide_cloud() {
        let settings = settings(&transmitter(), &users("tid,oid")).unwrap();
        assert_eq!(settings.app.graph_url, "https://graph.microsoft.com");
        assert_eq!(settings.app.login_url, "https://login.microsoftonline.com");
        assert_eq!(settings.tenants().map(DirectoryId::as_str).collect::<Vec<_>>(), [TENANT_ID]);
        let issuer = format!("https://login.microsoftonline.com/{TENANT_ID}/v2.0");
        for (claims, expected) in [
            ("tid,oid", format!("{issuer}|{TENANT_ID}|{USER}")),
            ("oid,tid", format!("{issuer}|{USER}|{TENANT_ID}")),
            ("oid", format!("{issuer}|{USER}")),
        ] {
            let settings = super::tests::settings(&transmitter(), &users(claims)).unwrap();
            assert_eq!(settings.external_id(&user_of(TENANT_ID)).unwrap().as_str(), expected);
            assert_eq!(settings.external_id(&user_of(OTHER_TENANT)), None);
        }
    }

    #[test]
    fn a_national_cloud_has_its_own_addresses_and_issuer() {
        let mut gcc_high = transmitter();
        gcc_high["graphUrl"] = "https://graph.microsoft.us/".into();
        gcc_high["loginUrl"] = "https://login.microsoftonline.us".into();
        gcc_high["tenants"] = serde_json::json!([TENANT_ID.to_uppercase(), OTHER_TENANT]);
        let users = AcceptedUsers { other_issuers: true, ..users("oid") };
        let settings = settings(&gcc_high, &users).unwrap();
        assert_eq!(settings.app.graph_url, "https://graph.microsoft.us");
        let id = settings.external_id(&user_of(OTHER_TENANT)).unwrap();
        let expected = format!("https://login.microsoftonline.us/{OTHER_TENANT}/v2.0|{USER}");
        assert_eq!(id.as_str(), expected);
    }

    #[test]
    fn the_issuer_of_the_bearers_can_be_another_one() {
        let mut v1 = transmitter();
        v1["tokenIssuer"] = "https://sts.windows.net/{tenantid}/".into();
        assert!(settings(&v1, &users("oid")).unwrap_err().contains("`tokenIssuer`"));
        let users = AcceptedUsers { other_issuers: true, ..users("oid") };
        let id = settings(&v1, &users).unwrap().external_id(&user_of(TENANT_ID)).unwrap();
        assert_eq!(id.as_str(), format!("https://sts.windows.net/{TENANT_ID}/|{USER}"));
    }

    #[test]
    fn an_invalid_member_is_named() {
        let guid = "a GUID";
        let issuer = "with {tenantid}, because there are several tenants";
        for (name, value, expected) in [
            ("tenants", serde_json::json!(["contoso.com"]), guid),
            ("tenants", serde_json::json!([]), "an array of texts"),
            ("clientId", "app".into(), guid),
            ("notificationUrl", "http://api.example.com".into(), "an https URL without a query"),
            ("notificationUrl", "https://a.example/x?y".into(), "an https URL without a query"),
            ("notificationUrl", "https://a.example/x/".into(), "an https URL without a query"),
            ("notificationUrl", "EventGrid:?partnertopic=x".into(), "or `EventGrid:?` with"),
            ("graphUrl", "http://graph.microsoft.com".into(), "an https URL without a path"),
            ("loginUrl", "https://a.example/x".into(), "an https URL without a path"),
        ] {
            let mut wrong = transmitter();
            wrong[name] = value;
            let error = settings(&wrong, &users("oid")).unwrap_err();
            assert!(error.contains(&format!("`{name}`")) && error.contains(expected), "{error}");
        }
        let mut several = transmitter();
        several["tenants"] = serde_json::json!([TENANT_ID, OTHER_TENANT]);
        several["tokenIssuer"] = "https://login.example/v2.0".into();
        assert!(settings(&several, &users("oid")).unwrap_err().contains(issuer));
        for name in ["tenants", "clientId", "notificationUrl"] {
            let mut missing = transmitter();
            missing.as_object_mut().unwrap().remove(name);
            let error = settings(&missing, &users("oid")).unwrap_err();
            assert!(error.contains(&format!("missing member `{name}`")), "{error}");
        }
    }

    #[test]
    fn the_notifications_can_come_through_a_partner_topic() {
        assert_eq!(settings(&transmitter(), &users("oid")).unwrap().partner_topic, None);
        let url = format!(
            "EventGrid:?azuresubscriptionid={TENANT_ID}&resourcegroup=rg&partnertopic=t&location=l"
        );
        let mut grid = transmitter();
        grid["notificationUrl"] = url.clone().into();
        let found = settings(&grid, &users("oid")).unwrap();
        assert_eq!((found.partner_topic, found.notification_url), (PartnerTopic::parse(&url), url));
    }

    #[test]
    fn claims_that_graph_does_not_know_are_refused() {
        for claims in ["sub", "tid", "tid,sub", "tid,oid,sub"] {
            let error = settings(&transmitter(), &users(claims)).unwrap_err();
            assert!(error.contains("`SubjectClaims` must be `oid` or `tid,oid`"), "{error}");
        }
    }
}
