//! Reads names of identities from a file: one per line, or the output of `identity list`.

use std::io::{self, BufRead};
use std::path::Path;

use identity_core::identity::IdentityRef;
use serde::Deserialize;

use crate::input::open;
use crate::report::{CliError, Result, output};

/// Reads the names in a file, or with `-` from stdin, in order.
pub(crate) fn names_in(file: &Path) -> Result<Vec<IdentityRef>> {
    let unreadable = |error: io::Error| {
        CliError::usage(format!("cannot read {}", file.display()))
            .because(error.to_string())
            .hint("name a file that you can read, or `-` for stdin")
    };
    names(open(file, unreadable)?, unreadable)
}

/// One identity in the JSON output of `identity list` and `identity show`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ListedIdentity {
    external_id: String,
}

/// A list, or single members, one after the other, as jq's `.[]` writes them.
#[derive(Deserialize)]
#[serde(untagged)]
enum NameList {
    List(Vec<ListedIdentity>),
    One(ListedIdentity),
    Name(String),
}

fn names(
    mut text: impl BufRead,
    unreadable: impl Fn(io::Error) -> CliError,
) -> Result<Vec<IdentityRef>> {
    let is_json = text.fill_buf().map_err(&unreadable)?.trim_ascii_start().first();
    if is_json.is_some_and(|first| b"[{\"".contains(first)) {
        return json(text);
    }
    let mut names = Vec::new();
    for (before, line) in text.lines().enumerate() {
        let line = line.map_err(&unreadable)?;
        // The other columns of the list follow after a tab.
        let first = line.split('\t').next().unwrap_or_default().trim();
        if !first.is_empty() && !first.starts_with('#') {
            let name = IdentityRef::parse(output::unescaped(first));
            names.push(name.ok_or_else(|| no_name("line", before))?);
        }
    }
    Ok(names)
}

fn json(text: impl BufRead) -> Result<Vec<IdentityRef>> {
    let mut names = Vec::new();
    for value in serde_json::Deserializer::from_reader(text).into_iter::<NameList>() {
        let value = value.map_err(|error| {
            CliError::usage("invalid JSON in the list of identities")
                .because("expected a list of objects with `externalId`")
                .caused_by(&error)
                .hint(
                    "give what `guestpass identity list -o json` writes, whole or member by member",
                )
        })?;
        let raw = match value {
            NameList::List(listed) => listed.into_iter().map(|one| one.external_id).collect(),
            NameList::One(ListedIdentity { external_id: name }) | NameList::Name(name) => {
                vec![name]
            }
        };
        for name in raw {
            names.push(IdentityRef::parse(&name).ok_or_else(|| no_name("name", names.len()))?);
        }
    }
    Ok(names)
}

/// The error does not quote the name: the file may contain a secret.
fn no_name(what: &str, before: usize) -> CliError {
    CliError::usage(format!("{what} {} is not a valid id", before + 1))
        .because("a file has one id per line, or is what `guestpass identity list` writes as JSON or tsv")
        .hint("give `guestpass identity list -o tsv`, or the ids alone")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>> {
        let names = names(text.as_bytes(), CliError::from)?;
        let shown = |name| match name {
            IdentityRef::External(user) => user.as_str().to_owned(),
            IdentityRef::Acs(acs_id) => acs_id.to_string(),
        };
        Ok(names.into_iter().map(shown).collect())
    }

    #[test]
    fn names_come_one_per_line_or_as_a_list_writes_them() {
        for text in [
            "a\n8:acs:r_1\n",
            "  a \r\n\n# b\n8:acs:r_1",
            "a\t8:acs:r_2\tactive\n8:acs:r_1\t",
            r#"[{ "externalId": "a", "state": "active" }, { "externalId": "8:acs:r_1" }]"#,
            "\n{\"externalId\": \"a\"}\n{\"externalId\": \"8:acs:r_1\"}\n",
            "\"a\"\n\"8:acs:r_1\"\n",
        ] {
            assert_eq!(read(text).unwrap(), ["a", "8:acs:r_1"], "{text}");
        }
        for text in ["", "\n", "[]", "# no name"] {
            assert_eq!(read(text).unwrap(), [""; 0], "{text}");
        }
    }

    #[test]
    fn what_is_neither_is_refused_whole() {
        for text in [
            "a\nb c\n",
            "EXTERNAL ID  ACS ID\na            8:acs:r_1\n",
            "- externalId: a\n  state: active\n",
            "8:not/one\n",
            r#"[{ "externalId": "a" }, { "name": "b" }]"#,
            r#"[{ "externalId": "a b" }]"#,
            r#"[{ "externalId": "a" }"#,
            "{\"externalId\": \"a\"}\nb",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
