use std::borrow::Cow;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::grant::{LIFETIME, RESOURCE, SCOPES};
use crate::model::{
    identity::{Lifetime, Scopes},
    resource::ResourceName,
};

/// What invitations may give to guests. Without it, invitations are not enabled.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Map<String, Value>")]
pub struct GuestPolicy {
    scopes: Scopes,
    max_lifetime: Lifetime,
    max_days: u64,
    max_devices: u8,
    requires_pin: bool,
    delete_after_hours: u64,
    resource: Option<ResourceName>,
    meeting_hosts: Vec<String>,
}

impl GuestPolicy {
    /// The most hours between the end of an invitation and the deletion of its guests: a week.
    pub const MAX_DELETE_AFTER_HOURS: u64 = 168;

    /// The scopes that a guest may have.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The longest lifetime of a guest's token.
    #[must_use]
    pub fn max_lifetime(&self) -> Lifetime {
        self.max_lifetime
    }

    /// How many days ahead an invitation may end.
    #[must_use]
    pub fn max_days(&self) -> u64 {
        self.max_days
    }

    /// How far ahead an invitation may end.
    #[must_use]
    pub fn max_duration(&self) -> Duration {
        Duration::from_hours(24 * self.max_days)
    }

    /// The number of devices that one invitation may admit.
    #[must_use]
    pub fn max_devices(&self) -> u8 {
        self.max_devices
    }

    /// Whether each invitation must have a PIN.
    #[must_use]
    pub fn requires_pin(&self) -> bool {
        self.requires_pin
    }

    /// How many hours after the end of an invitation its guests are deleted, unless the invitation
    /// says so itself.
    #[must_use]
    pub fn delete_after_hours(&self) -> u64 {
        self.delete_after_hours
    }

    /// The ACS resource of the guests; `None` for the one of the placement.
    #[must_use]
    pub fn resource(&self) -> Option<&ResourceName> {
        self.resource.as_ref()
    }

    /// Whether a meeting's link may be on this host.
    #[must_use]
    pub fn is_meeting_host(&self, host: &str) -> bool {
        let is_it = |known: &str| known.eq_ignore_ascii_case(host);
        TEAMS.into_iter().any(is_it) || self.meeting_hosts.iter().any(|known| is_it(known))
    }
}

/// The hosts of the links of Teams meetings, outside the sovereign clouds.
const TEAMS: [&str; 2] = ["teams.microsoft.com", "teams.live.com"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
struct RawGuests {
    scopes: Vec<String>,
    max_lifetime_minutes: u64,
    max_days: u64,
    max_devices: u64,
    pin: String,
    delete_after_hours: u64,
    resource: Option<String>,
    meeting_hosts: Vec<String>,
}

impl Default for RawGuests {
    fn default() -> Self {
        Self {
            scopes: vec!["voip.join".to_owned()],
            max_lifetime_minutes: 60,
            max_days: 30,
            max_devices: 10,
            pin: "optional".to_owned(),
            delete_after_hours: 2,
            resource: None,
            meeting_hosts: Vec::new(),
        }
    }
}

/// From an object only: serde would also read a structure from a list of its values.
impl TryFrom<Map<String, Value>> for GuestPolicy {
    type Error = Cow<'static, str>;

    fn try_from(object: Map<String, Value>) -> Result<Self, Self::Error> {
        let raw: RawGuests =
            serde_json::from_value(Value::Object(object)).map_err(|error| error.to_string())?;
        Self::try_from(raw)
    }
}

impl TryFrom<RawGuests> for GuestPolicy {
    type Error = Cow<'static, str>;

    fn try_from(raw: RawGuests) -> Result<Self, Self::Error> {
        let devices = u8::try_from(raw.max_devices).ok();
        let max_devices = devices.filter(|most| (1..=100).contains(most));
        let requires_pin = match &*raw.pin {
            "optional" => false,
            "required" => true,
            _ => return Err("guests: pin must be `optional` or `required`".into()),
        };
        if !(1..=366).contains(&raw.max_days) {
            return Err("guests: maxDays must be 1 to 366".into());
        }
        if raw.delete_after_hours > Self::MAX_DELETE_AFTER_HOURS {
            return Err("guests: deleteAfterHours must be 0 to 168".into());
        }
        if !raw.meeting_hosts.iter().all(|host| is_host(host)) {
            let wrong = "guests: meetingHosts must be names of hosts, such as teams.example.com";
            return Err(wrong.into());
        }
        let resource =
            raw.resource.map(|name| ResourceName::parse(&name).ok_or(RESOURCE)).transpose();
        let parsed = || -> Result<Self, &'static str> {
            Ok(Self {
                scopes: Scopes::parse(raw.scopes.iter().map(String::as_str)).ok_or(SCOPES)?,
                max_lifetime: Lifetime::from_minutes(raw.max_lifetime_minutes).ok_or(LIFETIME)?,
                max_days: raw.max_days,
                max_devices: max_devices.ok_or("maxDevices must be 1 to 100")?,
                requires_pin,
                delete_after_hours: raw.delete_after_hours,
                resource: resource?,
                meeting_hosts: raw.meeting_hosts.clone(),
            })
        };
        parsed().map_err(|reason| format!("guests: {reason}").into())
    }
}

/// Whether it is the name of a host: letters, digits and hyphens, with at least one dot.
fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !label.is_empty() && label.bytes().all(plain)
    };
    host.len() <= 253 && host.contains('.') && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::model::policy::{GuestPolicy, Policy};
    use crate::testing::resource;

    fn parsed(guests: Value) -> Result<GuestPolicy, String> {
        serde_json::from_value(guests).map_err(|error| error.to_string())
    }

    #[test]
    fn without_the_member_there_are_no_guests_and_an_empty_one_has_the_defaults() {
        assert_eq!(Policy::default().guests(), None);
        let policy: Policy = serde_json::from_value(json!({ "guests": {} })).unwrap();
        let guests = policy.guests().unwrap();
        let scopes: Vec<_> = guests.scopes().as_slice().iter().map(|s| s.as_str()).collect();
        assert_eq!(scopes, ["voip.join"]);
        assert_eq!((guests.max_lifetime().minutes(), guests.max_days()), (60, 30));
        assert_eq!((guests.max_devices(), guests.delete_after_hours()), (10, 2));
        assert_eq!((guests.requires_pin(), guests.resource()), (false, None));
    }

    #[test]
    fn the_resource_of_guests_is_a_resource_of_the_policy() {
        let policy: Policy =
            serde_json::from_value(json!({ "guests": { "resource": "guests" } })).unwrap();
        assert!(policy.resources().eq([&resource("guests")]));
    }

    #[test]
    fn only_hosts_of_teams_and_of_the_policy_have_meetings() {
        let guests = parsed(json!({ "meetingHosts": ["Teams.example.com"] })).unwrap();
        for (host, is_known) in [
            ("teams.microsoft.com", true),
            ("TEAMS.live.com", true),
            ("teams.example.com", true),
            ("evil.example.com", false),
            ("teams.microsoft.com.evil.example", false),
            ("", false),
        ] {
            assert_eq!(guests.is_meeting_host(host), is_known, "{host}");
        }
    }

    #[test]
    fn a_value_out_of_bounds_is_refused_with_its_name() {
        for (guests, reason) in [
            (json!({ "scopes": ["root"] }), "guests: scopes must be one or more of"),
            (json!({ "scopes": [] }), "guests: scopes must be one or more of"),
            (json!({ "maxLifetimeMinutes": 59 }), "guests: a lifetime must be 60 to 1440"),
            (json!({ "maxDays": 0 }), "guests: maxDays must be 1 to 366"),
            (json!({ "maxDays": 367 }), "guests: maxDays must be 1 to 366"),
            (json!({ "maxDevices": 0 }), "guests: maxDevices must be 1 to 100"),
            (json!({ "maxDevices": 101 }), "guests: maxDevices must be 1 to 100"),
            (json!({ "pin": "never" }), "guests: pin must be `optional` or `required`"),
            (json!({ "deleteAfterHours": 169 }), "guests: deleteAfterHours must be 0 to 168"),
            (json!({ "resource": "Guests" }), "guests: resource must be the name of"),
            (json!({ "meetingHosts": ["https://a.example"] }), "guests: meetingHosts must be"),
            (json!({ "meetingHosts": ["localhost"] }), "guests: meetingHosts must be"),
            (json!({ "maxDevice": 1 }), "unknown field `maxDevice`"),
            (json!([]), "invalid type: sequence"),
        ] {
            let refusal = parsed(guests.clone()).unwrap_err();
            assert!(refusal.starts_with(reason), "{guests}: {refusal}");
        }
        let extremes = json!({ "maxDevices": 100, "maxDays": 366, "deleteAfterHours": 0 });
        assert!(parsed(extremes).is_ok());
    }
}
