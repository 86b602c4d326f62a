//! The text that the program prints after the start, and the commands that the console shows.

use super::stack_file::StackAddresses;
use crate::clock::StackClock;
use crate::issuer::WARNING;
use crate::output::say;

/// The default scopes of the issuer's tokens.
pub(super) const SCOPE: &str = "guestpass.token";

/// A shell command that extracts the token from the issuer's response.
const EXTRACT_TOKEN: &str =
    r#"python3 -c 'import json,sys; print(json.load(sys.stdin)["access_token"])'"#;

/// Prints the addresses of all services, and the commands for the first requests.
pub(super) fn print(addresses: &StackAddresses, clock: &StackClock) {
    say("Guestpass is running on this machine:\n");
    for (name, address) in [
        ("gateway", addresses.gateway.public.as_str()),
        ("console", &addresses.console),
        ("issuer", &addresses.issuer.public),
        ("events", &addresses.events),
        ("ACS", &addresses.acs.http),
        ("", &addresses.acs.https),
        ("DynamoDB", &addresses.dynamodb),
        ("secrets", &addresses.secrets),
        ("Entra", &addresses.entra),
    ] {
        say(format_args!("  {name:<9} {address}"));
    }
    if let Some(issuer) = &addresses.api_issuer {
        say(format_args!("\nThe gateway accepts the tokens of {issuer}"));
        say("and none of the development issuer.");
    } else {
        say(format_args!("\nIssuer: {WARNING}."));
    }
    if let Some(path) = &addresses.ca_cert {
        say(format_args!("\nClients of gateway and issuer must trust {}", path.display()));
    }
    let (console, ahead) = (&addresses.console, clock.offset_ms() / 1000);
    if ahead != 0 {
        say(format_args!(
            "\nThe clock is {ahead} s ahead of the system's: an earlier run moved it."
        ));
    }
    say(format_args!(
        "\nTo send events: aws events put-events --endpoint-url {} …",
        addresses.events
    ));
    if let Some(bus) = &addresses.event_bus {
        say(format_args!("For events of your own, set EventBusName to {bus} in each entry."));
    }
    say(format_args!(
        "To move the clock by an hour: curl -d '{{\"advanceSeconds\": 3600}}' {console}/_local/clock"
    ));
    say(format_args!("\nTo get an administrator's token:\n\n{}", administrator_token(addresses)));
    say(format_args!("\nTo make a first request:\n\n{}\n", first_request(addresses)));
}

/// curl, with the certificate that it must trust.
fn curl(addresses: &StackAddresses) -> String {
    match &addresses.ca_cert {
        Some(path) => format!("curl -s --cacert '{}'", path.display()),
        None => "curl -s".to_owned(),
    }
}

/// A shell command that gets an administrator's token.
pub(super) fn administrator_token(addresses: &StackAddresses) -> String {
    if let Some(issuer) = &addresses.api_issuer {
        return format!("read -rs ADMIN # paste an administrator's access token of {issuer}");
    }
    let (issuer, curl) = (&addresses.issuer.public, curl(addresses));
    format!(
        "ADMIN=$({curl} -d sub=root -d scope=guestpass.admin -d role=guestpass-admin {issuer}/token | {EXTRACT_TOKEN})"
    )
}

/// Two shell commands that get a user's token and make a request with it.
pub(super) fn first_request(addresses: &StackAddresses) -> String {
    let (issuer, gateway) = (&addresses.issuer.public, &addresses.gateway.public);
    let curl = curl(addresses);
    if let Some(issuer) = &addresses.api_issuer {
        return format!(
            "read -rs TOKEN # paste an access token of {issuer}\n\
             {curl} -X POST -H \"Authorization: Bearer $TOKEN\" {gateway}/v1/token"
        );
    }
    format!(
        "TOKEN=$({curl} -d 'sub=alice' -d 'scope={SCOPE}' {issuer}/token | {EXTRACT_TOKEN})\n\
         {curl} -X POST -H \"Authorization: Bearer $TOKEN\" {gateway}/v1/token"
    )
}
