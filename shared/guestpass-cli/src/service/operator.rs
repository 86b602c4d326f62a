//! The operator's name, which the record of an administrator's action keeps.

use identity_core::administrator::Administrator;
use identity_core::admission::Admission;
use identity_core::identity::ExternalId;

use crate::service::CliEnvironment;

/// The operator as an administrator. The authority comes from the cloud account, so no
/// bearer is checked.
pub(crate) fn administrator() -> Administrator {
    Administrator::operator(operator_name(&CliEnvironment::of_process()))
}

/// An admission to a token that no user of the service gets: the operator uses it for a test.
#[expect(clippy::disallowed_methods, reason = "this is the operator's tool")]
pub(crate) fn admission() -> Admission {
    Admission::of_operator()
}

/// The operator's name in a record: `cli|` and the name of the user account on this machine, or
/// `cli|unknown`.
///
/// The machine reports the name, and the machine's administrator can choose any name. The
/// cloud's own audit log shows whose rights were used.
fn operator_name(environment: &CliEnvironment) -> ExternalId {
    // Accounts of a directory, of macOS or of Windows are not in the file: the login sets a variable.
    let variable =
        || ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| environment.variable(name));
    named(&account().or_else(variable).unwrap_or_default())
}

/// The name of the account that runs this process, if the file of the accounts has it.
#[cfg(unix)]
fn account() -> Option<String> {
    let accounts = std::fs::read("/etc/passwd").unwrap_or_default();
    name_of(rustix::process::getuid().as_raw(), &String::from_utf8_lossy(&accounts))
}

#[cfg(not(unix))]
fn account() -> Option<String> {
    None
}

/// The name of an account, as `passwd(5)` has it: `name:password:uid:…`.
#[cfg(unix)]
fn name_of(uid: u32, accounts: &str) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// Percent-encodes everything but visible ASCII, so that two accounts never share a name.
#[expect(clippy::expect_used, reason = "it is a constant, which a test reads")]
fn named(account: &str) -> ExternalId {
    let short: String = account.trim().chars().take(LONGEST).collect();
    ExternalId::of_subject(TOOL, &short)
        .or_else(|| ExternalId::of_subject(TOOL, "unknown"))
        .expect("the name is a valid external id")
}

/// Takes the place of the issuer in a user's name.
const TOOL: &str = "cli";

/// Percent-encoded, a character has at most twelve bytes, and an external id at most 1,024.
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_gives_its_name_and_nothing_else_gives_unknown() {
        let long = "ü".repeat(65);
        for (account, expected) in [
            ("alice", "cli|alice".to_owned()),
            (" alice\n", "cli|alice".to_owned()),
            ("CORP\\alice", "cli|CORP\\alice".to_owned()),
            ("Zoë 1%\u{202e}", "cli|Zo%C3%AB%201%25%E2%80%AE".to_owned()),
            (&long, format!("cli|{}", "%C3%BC".repeat(64))),
            (&"\u{1f642}".repeat(64), format!("cli|{}", "%F0%9F%99%82".repeat(64))),
            ("", "cli|unknown".to_owned()),
            (" ", "cli|unknown".to_owned()),
        ] {
            assert_eq!(named(account).as_str(), expected, "{account:?}");
        }
    }

    #[test]
    fn an_account_is_found_by_its_number() {
        let accounts = "# a comment\nroot:x:0:0::/root:/bin/sh\n\n:x:7::\nalice:x:1000:1000:A\n+::";
        assert_eq!(name_of(0, accounts).as_deref(), Some("root"));
        assert_eq!(name_of(1000, accounts).as_deref(), Some("alice"));
        for uid in [1, 7, 100] {
            assert_eq!(name_of(uid, accounts), None, "{uid}");
        }
    }

    #[test]
    fn the_current_account_has_a_name() {
        let environment = CliEnvironment::of_process();
        assert!(operator_name(&environment).as_str().starts_with("cli|"));
        let unset = CliEnvironment { env: |_| None, ..environment };
        assert!(operator_name(&unset).as_str().len() > "cli|".len());
    }
}
