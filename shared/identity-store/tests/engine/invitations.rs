//! R73: what the file of a table says about invitations.

use std::time::Duration;

use dynoxide::Database;
use harness::create_tables;
use identity_core::{
    create_invitation::{CreateInvitationRequest, create_invitation},
    exchange_guest_pass::{ExchangeGuestPassRequest, exchange_guest_pass},
    guest::Meeting,
    identity::Invocation,
    inviter::Inviter,
    ports::{Clock, SystemRandom},
    secret::Secret,
    testing::{
        ManualClock, MemoryIdentityClient, invitation,
        invitations::{device, guest_policy},
        invocation, user,
    },
};
use identity_store::DynamoIdentityStore;

use crate::{Client, config_of, template};

#[tokio::test]
async fn r73_the_file_of_the_table_does_not_say_who_was_invited_to_what() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("table");
    let (database, template) = (Database::new(file.to_str().unwrap()).unwrap(), template());
    create_tables(&database, &template);
    let table = template.table("Identities").unwrap().name.clone();
    let client = Client::from_conf(config_of(database).await.build());
    let store = DynamoIdentityStore::new(client, table);
    let (clock, acs) = (ManualClock::default(), MemoryIdentityClient::default());
    let request = CreateInvitationRequest {
        meeting: Meeting::Link(Secret::new("https://teams.microsoft.com/l/CANARY-link")),
        opens_at: None,
        closes_at: clock.now() + Duration::from_hours(1),
        display_name: Some(Secret::new("Ada CANARY-name")),
        scopes: None,
        devices: None,
        pin: Some(true),
        delete_after_hours: None,
        reference: Some(Secret::new("order 7")),
        by: Inviter::operator(user("inviter")),
    };
    let policy = guest_policy();
    let created =
        create_invitation(&store, &clock, &SystemRandom, Some(&policy), request).await.unwrap();
    let (handle, pin) = (created.handle.clone(), created.pin.clone().unwrap());
    let exchange = ExchangeGuestPassRequest {
        handle: handle.clone(),
        device: device('d'),
        pin: Some(pin.clone()),
        pace: None,
        invocation: Invocation { id: "exchange".to_owned(), ..invocation("exchange", &clock) },
    };
    let pass = exchange_guest_pass(&store, &acs, &clock, Some(&policy), exchange).await.unwrap();
    assert!(pass.created && acs.is_alive(&pass.token));

    let mut text = Vec::new();
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        text.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let holds = |part: &str| text.windows(part.len()).any(|window| window == part.as_bytes());
    assert!(holds(created.invitation.id.as_str()), "the file has the invitation");
    // As a whole value: six digits can occur in a time.
    let pin = format!("\"{}\"", pin.expose());
    for secret in [handle.expose(), &pin, "CANARY", "Ada", "teams.microsoft", &"d".repeat(22)] {
        assert!(!holds(secret), "{secret}");
    }
    assert_ne!(created.invitation.id, invitation("handle").id);
}
