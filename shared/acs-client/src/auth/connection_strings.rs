//! The text of the secret: one connection string, or one of each resource.

use std::collections::BTreeMap;

use crate::auth::ConnectionString;
use identity_core::resource::{ByResource, ResourceName};

/// Reads the connection strings in the text of a secret: either one connection string, which is
/// that of the resource `main`, or a JSON object with a connection string for each name of a
/// resource. The error says what is wrong and quotes nothing of the text except names.
pub fn connection_strings(text: &str) -> Result<BTreeMap<ResourceName, ConnectionString>, String> {
    let plain = text.trim_start_matches(|c: char| c.is_whitespace() || c == '\u{feff}');
    if !plain.starts_with('{') {
        let string = text.parse::<ConnectionString>().map_err(|error| error.to_string())?;
        return Ok(BTreeMap::from([(ResourceName::MAIN, string)]));
    }
    let ByResource(texts) = serde_json::from_str::<ByResource<String>>(plain).map_err(|error| {
        format!(
            "it contains invalid JSON: {error}; store the connection string alone, as plain text, \
             or a JSON object with a connection string for the name of each resource"
        )
    })?;
    let mut strings: BTreeMap<ResourceName, ConnectionString> = BTreeMap::new();
    for (resource, text) in texts {
        let string = text.parse::<ConnectionString>();
        let string = string.map_err(|error| format!("resource `{resource}`: {error}"))?;
        let same = strings.iter().find(|(_, other)| other.endpoint == string.endpoint);
        if let Some((other, _)) = same {
            return Err(format!(
                "the resources `{other}` and `{resource}` have the same endpoint: remove one of them"
            ));
        }
        strings.insert(resource, string);
    }
    if strings.is_empty() { Err("it names no resource".to_owned()) } else { Ok(strings) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(host: &str) -> String {
        format!("endpoint=https://{host}.communication.azure.com/;accesskey=c2VjcmV0")
    }

    fn hosts(text: &str) -> Result<Vec<(String, String)>, String> {
        let host = |string: &ConnectionString| string.endpoint.host().to_owned();
        let strings = connection_strings(text)?;
        Ok(strings.iter().map(|(name, one)| (name.to_string(), host(one))).collect())
    }

    #[test]
    fn a_connection_string_alone_is_that_of_main() {
        for text in [string("contoso"), format!("\u{feff} {}\n", string("contoso"))] {
            let expected = ("main".to_owned(), "contoso.communication.azure.com".to_owned());
            assert_eq!(hosts(&text), Ok(vec![expected]));
        }
    }

    #[test]
    fn an_object_has_one_for_each_resource() {
        let text = format!(r#"{{"main": "{}", "eu2": "{}"}}"#, string("a"), string("b"));
        for text in [text.clone(), format!("\u{feff}\n{text}\n")] {
            let found = hosts(&text).unwrap();
            let found: Vec<_> = found.iter().map(|(name, host)| (&**name, &host[..1])).collect();
            assert_eq!(found, [("eu2", "b"), ("main", "a")]);
        }
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_the_text() {
        let (one, canary) = (string("a"), "canary");
        for (text, reason) in [
            (format!(r#"{{"main": "{one}", "eu2": "{one}"}}"#), "`eu2` and `main` have the same"),
            (format!(r#"{{"eu2": "{one}", "eu2": "{one}"}}"#), "two resources have the name `eu2`"),
            (format!(r#"{{"main": "{canary}"}}"#), "resource `main`: "),
            (format!(r#"{{"connectionString": "{canary}"}}"#), "invalid name of a resource"),
            (format!(r#"{{"main": {{"{canary}": 1}}}}"#), "or a JSON object with a connection"),
            (format!(r#"{{"main": "{canary}"#), "invalid JSON"),
            ("{}".to_owned(), "it names no resource"),
        ] {
            let error = hosts(&text).unwrap_err();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains(canary) && !error.contains("c2VjcmV0"), "{error}");
        }
    }
}
