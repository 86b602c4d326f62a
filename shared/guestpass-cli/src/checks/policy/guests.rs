//! Checks what a policy gives to guests, and the page on which they join.

use identity_core::identity::Scope;
use identity_core::policy::GuestPolicy;
use identity_core::resource::{Placement, ResourceName, ResourceShare};

use crate::checks::Check;
use crate::service::{ConfiguredResources, PLACEMENT};

/// Checks the ACS resource of the guests and their scopes.
pub(super) fn look(guests: &GuestPolicy, resources: Option<&ConfiguredResources>) -> Check {
    let is_missing = |name: &&ResourceName| resources.is_some_and(|known| !known.has(name));
    match guests.resource().filter(is_missing) {
        Some(name) => Check::bad(
            GUESTS,
            format!(
                "`guests.resource` is {name:?}, which has no connection string",
                name = name.as_str()
            ),
            format!("run `make secret RESOURCE={name}`, or correct `guests.resource`"),
        ),
        None => judged(guests, resources.and_then(ConfiguredResources::placement)),
    }
}

/// Judges a resource that may exist, beside the placement of users if it is known.
fn judged(guests: &GuestPolicy, placement: Option<&Placement>) -> Check {
    let shared = match (guests.resource(), placement) {
        (None, _) => Some(
            "`guests` has no `resource`, so guests can call users and share their limits; give \
             them an ACS resource of their own, without phone numbers"
                .to_owned(),
        ),
        (Some(name), Some(placement)) => misplaced(name, placement),
        (Some(name), None) => Some(format!(
            "it is unknown whether users are placed in {name}, too: set {PLACEMENT} to the \
             parameter AcsPlacement of the deployed stack"
        )),
    };
    let calls = guests.scopes().as_slice().contains(&Scope::Voip).then(|| {
        "with `voip` in `guests.scopes`, a guest can start calls; `voip.join` only joins them"
            .to_owned()
    });
    let notes: Vec<String> = shared.into_iter().chain(calls).chain(chat(guests)).collect();
    if !notes.is_empty() {
        return Check::note(GUESTS, notes.join("; "));
    }
    Check::good(GUESTS, "guests only join calls, in an ACS resource of their own")
}

/// A warning if invitations can give a scope that ends with ACS Chat.
fn chat(guests: &GuestPolicy) -> Option<String> {
    let scopes = guests.scopes().as_slice().iter();
    let ending: Vec<&str> =
        scopes.filter(|scope| Scope::Chat.includes(**scope)).map(|scope| scope.as_str()).collect();
    (!ending.is_empty()).then(|| {
        format!(
            "`guests.scopes` has {}, which loses its service on 2028-09-30: an invitation with it \
             must close by then; voip and voip.join stay",
            ending.join(", ")
        )
    })
}

/// A warning if the placement also names the resource of the guests.
fn misplaced(name: &ResourceName, placement: &Placement) -> Option<String> {
    let share = placement.shares().find(|(listed, _)| *listed == name).map(|(_, share)| share);
    match share? {
        ResourceShare::Open { .. } => Some(format!(
            "AcsPlacement puts users into {name}, the resource of the guests, so guests can call \
             them and share their limits; remove it from AcsPlacement"
        )),
        ResourceShare::Draining => Some(format!(
            "AcsPlacement drains {name}, the resource of the guests, which still gets new guests; \
             remove it from AcsPlacement"
        )),
    }
}

/// Checks the link of the page to which the handle is added.
pub(super) fn look_at_page(url: &str) -> Check {
    let host = url.strip_prefix("https://").map(|rest| rest.split(['/', '?']).next());
    let has_host = host.flatten().is_some_and(|host| !host.is_empty());
    if !has_host || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Check::bad(
            PAGE,
            format!("{url:?} is not an https link"),
            "set GuestJoinUrl to the https link of your page: the handle in it is a password",
        );
    }
    if url.contains('#') {
        return Check::bad(
            PAGE,
            format!("{url:?} has a fragment"),
            "remove # and what is behind it from GuestJoinUrl: the handle takes its place",
        );
    }
    Check::good(PAGE, format!("invitations are links to {url}"))
}

/// The name of the check of what guests get.
pub(crate) const GUESTS: &str = "guests";
const PAGE: &str = "guest page";

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    fn placement(shares: &[(&str, ResourceShare)]) -> Placement {
        let named =
            |(name, share): &(&str, ResourceShare)| (ResourceName::parse(name).unwrap(), *share);
        Placement::new(shares.iter().map(named).collect::<BTreeMap<_, _>>()).unwrap()
    }

    /// The check as JSON: its verdict, and what it says.
    fn told(check: &Check) -> (String, String) {
        let check = serde_json::to_value(check).unwrap();
        let text = |name: &str| check[name].as_str().unwrap_or_default().to_owned();
        (text("verdict"), text("finding"))
    }

    #[test]
    fn guests_who_can_call_users_are_a_note() {
        let users = placement(&[("main", ResourceShare::OPEN)]);
        let look = |policy: serde_json::Value| {
            told(&judged(&serde_json::from_value(policy).unwrap(), Some(&users)))
        };
        let (verdict, finding) = look(json!({}));
        assert!(verdict == "note" && finding.contains("no `resource`"), "{finding}");
        let (verdict, finding) = look(json!({ "resource": "guests", "scopes": ["voip"] }));
        assert!(verdict == "note" && finding.starts_with("with `voip`"), "{finding}");
        assert_eq!(look(json!({ "resource": "guests" })).0, "good");
        assert!(
            look(json!({ "resource": "main" })).1.contains("AcsPlacement puts users into main")
        );
    }

    #[test]
    fn a_resource_of_guests_is_not_good_while_the_placement_of_users_is_unknown() {
        let guests = serde_json::from_value(json!({ "resource": "main" })).unwrap();
        let (verdict, finding) = told(&look(&guests, None));
        assert!(verdict == "note" && finding.contains("GUESTPASS_PLACEMENT"), "{finding}");
    }

    #[test]
    fn scopes_of_guests_that_end_with_acs_chat_are_a_note() {
        let users = placement(&[("main", ResourceShare::OPEN)]);
        let look = |scopes: &[&str]| {
            let policy = json!({ "resource": "guests", "scopes": scopes });
            told(&judged(&serde_json::from_value(policy).unwrap(), Some(&users)))
        };
        for scope in ["chat", "chat.join", "chat.join.limited"] {
            let (verdict, finding) = look(&["voip.join", scope]);
            let expected = format!("`guests.scopes` has {scope}, which loses its service on 2028");
            assert!(verdict == "note" && finding.starts_with(&expected), "{finding}");
        }
        let both = look(&["chat", "voip"]).1;
        assert!(both.contains("can start calls") && both.contains("2028-09-30"), "{both}");
        assert_eq!(look(&["voip.join"]).0, "good");
    }

    #[test]
    fn the_resource_of_guests_is_not_one_of_the_placement() {
        let guests = ResourceName::parse("guests").unwrap();
        let open = [("main", ResourceShare::OPEN), ("guests", ResourceShare::OPEN)];
        assert!(misplaced(&guests, &placement(&open)).unwrap().starts_with("AcsPlacement puts"));
        let drained = [("main", ResourceShare::OPEN), ("guests", ResourceShare::Draining)];
        let drained = misplaced(&guests, &placement(&drained)).unwrap();
        assert!(drained.starts_with("AcsPlacement drains guests"), "{drained}");
        assert_eq!(misplaced(&guests, &placement(&[("main", ResourceShare::OPEN)])), None);
    }

    #[test]
    fn the_page_of_guests_is_an_https_link_without_a_fragment() {
        for (url, verdict) in [
            ("https://app.example.com/join", "good"),
            ("https://app.example.com/join?lang=de", "good"),
            ("http://app.example.com/join", "bad"),
            ("https:///join", "bad"),
            ("app.example.com", "bad"),
            ("https://app.example.com/jo in", "bad"),
            ("https://app.example.com/#join", "bad"),
        ] {
            assert_eq!(told(&look_at_page(url)).0, verdict, "{url}");
        }
    }
}
