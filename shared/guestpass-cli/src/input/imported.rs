//! Reads the identities to import: CSV, or JSON.

use std::collections::HashMap;
use std::path::Path;

use identity_core::identity::{AcsId, ExternalId, Issuer};
use serde::Deserialize;

use crate::input::text::long_text_in;
use crate::report::{CliError, Result};

/// An identity of ACS and its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdentityToImport {
    /// The user who gets the identity.
    pub(crate) user: ExternalId,
    /// The identity.
    pub(crate) acs_id: AcsId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ImportedMember {
    external_id: String,
    acs_id: String,
}

/// Reads all pairs in a file, or with `-` from stdin. A repeated pair is returned once. A user or
/// an identity in two different pairs is refused, because one of the two must be wrong. A user of
/// one of `issuers` gets the spelling of the issuer that is in the tokens, and a user of another
/// issuer is refused, because no token would reach the record.
pub(crate) fn identities_in(file: &Path, issuers: &[Issuer]) -> Result<Vec<IdentityToImport>> {
    identities(&long_text_in(file, "the list of identities")?, issuers)
}

fn identities(text: &str, issuers: &[Issuer]) -> Result<Vec<IdentityToImport>> {
    let pairs = if text.trim_start().starts_with('[') { members(text)? } else { lines(text)? };
    let mut users: HashMap<ExternalId, (usize, AcsId)> = HashMap::new();
    let mut owners: HashMap<AcsId, usize> = HashMap::new();
    let mut identities = Vec::new();
    for (number, user, acs_id) in pairs {
        let pair = ExternalId::parse_named(&user).zip(AcsId::parse(&acs_id).filter(is_of_acs));
        let (user, acs_id) = pair.ok_or_else(|| invalid(number))?;
        let user =
            Issuer::resolve_among(issuers, user).map_err(|_| another_issuer(number, issuers))?;
        match users.get(&user) {
            Some((_, same)) if *same == acs_id => continue,
            Some((earlier, _)) => return Err(repeated("external id", number, *earlier)),
            None => {}
        }
        if let Some(earlier) = owners.insert(acs_id.clone(), number) {
            return Err(repeated("ACS id", number, earlier));
        }
        users.insert(user.clone(), (number, acs_id.clone()));
        identities.push(IdentityToImport { user, acs_id });
    }
    Ok(identities)
}

/// Identities of Teams users and bots have other prefixes. ACS cannot delete them.
fn is_of_acs(acs_id: &AcsId) -> bool {
    acs_id.as_str().starts_with("8:acs:")
}

type NumberedPair = (usize, String, String);

fn members(text: &str) -> Result<Vec<NumberedPair>> {
    let members: Vec<ImportedMember> = serde_json::from_str(text).map_err(|error| {
        CliError::usage("invalid JSON in the list of identities")
            .because("expected an array of objects with `externalId` and `acsId`")
            .caused_by(&error)
            .hint(HINT)
    })?;
    let numbered = (1..).zip(members);
    Ok(numbered.map(|(number, one)| (number, one.external_id, one.acs_id)).collect())
}

/// An ACS id contains no comma, so the last comma of a line separates the two.
fn lines(text: &str) -> Result<Vec<NumberedPair>> {
    let mut pairs = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (user, acs_id) = line.rsplit_once([',', '\t']).ok_or_else(|| invalid(number))?;
        let (user, acs_id) = (unquoted(user), unquoted(acs_id));
        let is_head = pairs.is_empty() && acs_id.eq_ignore_ascii_case("acsId");
        if !is_head {
            pairs.push((number, user, acs_id));
        }
    }
    Ok(pairs)
}

/// A field of CSV (RFC 4180 §2): in quotes, a quote is doubled.
fn unquoted(field: &str) -> String {
    let field = field.trim();
    let inner = field.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.map_or_else(|| field.to_owned(), |inner| inner.replace("\"\"", "\""))
}

/// The error does not quote the entry: the file may contain a secret.
fn invalid(number: usize) -> CliError {
    CliError::usage(format!("invalid entry {number} in the list of identities"))
        .because("expected an external id and an ACS id that begins with `8:acs:`")
        .hint(HINT)
}

fn repeated(what: &str, number: usize, earlier: usize) -> CliError {
    CliError::usage(format!("the {what} of entry {number} is also in entry {earlier}"))
        .because("a user has one identity, and an identity has one user")
        .hint("remove the wrong entry; nothing was imported")
}

fn another_issuer(number: usize, issuers: &[Issuer]) -> CliError {
    if issuers.is_empty() {
        return CliError::usage("no issuer is named")
            .because(format!(
                "the external id of entry {number} begins with an issuer, which must be spelled as \
                 in the users' tokens"
            ))
            .hint("give --issuer: it is the template's parameter Issuer");
    }
    let known: Vec<String> = issuers.iter().map(|one| format!("`{}`", one.as_str())).collect();
    CliError::usage(format!("the external id of entry {number} is of another issuer"))
        .because(format!("the issuer of the users' tokens is {}", known.join(" or ")))
        .hint("correct the entry; if the service accepts several issuers, give --issuer for each")
}

const HINT: &str = "`guestpass identity import --help` has an example";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String)>> {
        let issuers = ["https://idp.example", "https://t.auth0.com/"].map(Issuer::parse);
        let issuers: Vec<Issuer> = issuers.into_iter().flatten().collect();
        let pair = |one: IdentityToImport| (one.user.as_str().to_owned(), one.acs_id.to_string());
        Ok(identities(text, &issuers)?.into_iter().map(pair).collect())
    }

    #[test]
    fn a_user_is_imported_with_the_issuer_as_the_tokens_spell_it() {
        let imported =
            read("https://t.auth0.com|a,8:acs:1\nHTTPS://idp.example/|b,8:acs:2").unwrap();
        let users: Vec<_> = imported.iter().map(|(user, _)| user.as_str()).collect();
        assert_eq!(users, ["https://t.auth0.com/|a", "https://idp.example|b"]);
        let same = read("https://t.auth0.com|a,8:acs:1\nhttps://t.auth0.com/|a,8:acs:1").unwrap();
        assert_eq!(same.len(), 1);
    }

    #[test]
    fn an_issuer_needs_to_be_known_only_if_an_external_id_begins_with_one() {
        assert_eq!(identities("a,8:acs:1", &[]).unwrap().len(), 1);
        let error = identities("b,8:acs:1\nhttps://idp.example|a,8:acs:2", &[]).unwrap_err();
        let error = format!("{error:?}");
        assert!(error.contains("no issuer is named") && error.contains("entry 2"), "{error}");
    }

    #[test]
    fn identities_come_as_csv_tsv_or_json() {
        let expected = [
            ("https://idp.example|a,b".to_owned(), "8:acs:r_1".to_owned()),
            ("c".to_owned(), "8:acs:r_2".to_owned()),
        ];
        for text in [
            "https://idp.example|a,b,8:acs:r_1\nc,8:acs:r_2\n",
            "externalId,acsId\r\n\"https://idp.example|a,b\", \"8:acs:r_1\"\r\n\r\n# x\r\nc,8:acs:r_2",
            "https://idp.example|a,b\t8:acs:r_1\nc\t8:acs:r_2\nc,8:acs:r_2",
            r#" [{ "externalId": "https://idp.example|a,b", "acsId": "8:acs:r_1" },
                 { "externalId": "c", "acsId": "8:acs:r_2" }]"#,
        ] {
            assert_eq!(read(text).unwrap(), expected, "{text}");
        }
        assert_eq!(read("\"a\"\"b\",8:acs:r_1").unwrap()[0].0, "a\"b");
        assert_eq!(read("").unwrap(), []);
    }

    #[test]
    fn an_invalid_or_contradictory_entry_is_refused_and_named_by_its_number() {
        for (text, why) in [
            ("a,8:acs:1\nb", "invalid entry 2"),
            ("a,8:orgid:1", "invalid entry 1"),
            ("a b,8:acs:1", "invalid entry 1"),
            ("a,8:acs:1\nexternalId,acsId", "invalid entry 2"),
            (r#"[{ "externalId": "a", "acsId": "b" }]"#, "invalid entry 1"),
            (r#"[{ "externalId": "a" }]"#, "invalid JSON"),
            ("a,8:acs:1\n\na,8:acs:2", "the external id of entry 3 is also in entry 1"),
            (
                "https://t.auth0.com|a,8:acs:1\nhttps://t.auth0.com/|a,8:acs:2",
                "the external id of entry 2 is also in entry 1",
            ),
            (
                "https://evil.example|a,8:acs:1",
                "the issuer of the users' tokens is `https://idp.example` or `https://t.auth0.com/`",
            ),
            ("a,8:acs:1\nb,8:acs:1", "the ACS id of entry 2 is also in entry 1"),
        ] {
            let error = format!("{:?}", read(text).unwrap_err());
            assert!(error.contains(why), "{text}: {error}");
        }
    }
}
