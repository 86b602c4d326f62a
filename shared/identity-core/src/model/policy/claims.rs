use std::{borrow::Cow, collections::BTreeMap, fmt};

use serde_json::{Map, Value};

/// The claims that the caller's identity provider signed, in one of the two forms in which API
/// Gateway passes them to a function.
///
/// A claim is not a secret, but it can be personal data, so `Debug` prints no claim.
#[derive(Clone)]
pub struct Claims(ClaimsForm);

#[derive(Clone)]
enum ClaimsForm {
    Flattened(BTreeMap<String, String>),
    Json(Map<String, Value>),
}

impl Claims {
    /// Claims as API Gateway's JWT authorizer passes them: every claim is text, and a list is
    /// `[a b]`. Nested claims are lost.
    pub fn flattened(claims: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(ClaimsForm::Flattened(claims.into_iter().collect()))
    }

    /// Claims as the token has them. A Lambda authorizer passes them in this form.
    #[must_use]
    pub fn json(claims: Map<String, Value>) -> Self {
        Self(ClaimsForm::Json(claims))
    }

    /// A claim at the top level that is text, a number or a boolean, as text.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match &self.0 {
            ClaimsForm::Flattened(claims) => claims.get(name).map(|text| Cow::Borrowed(&**text)),
            ClaimsForm::Json(claims) => claims.get(name).and_then(scalar),
        }
    }

    /// A claim at the top level that names a user, as text.
    ///
    /// A number above 2⁵³ names no user: JSON parsers keep 53 bits of a number (RFC 8259 §6), so two
    /// users could get the same name.
    #[must_use]
    pub fn name(&self, name: &str) -> Option<Cow<'_, str>> {
        const EXACT: u64 = 1 << 53;
        match &self.0 {
            ClaimsForm::Json(claims) => match claims.get(name)? {
                Value::Number(number) if number.as_u64().is_none_or(|exact| exact > EXACT) => None,
                value => scalar(value),
            },
            ClaimsForm::Flattened(_) => self.text(name),
        }
    }

    /// The elements of a claim at the top level that is a list, or text with spaces between the
    /// elements, as `scope` is (RFC 8693 §4.2).
    #[must_use]
    pub fn words(&self, name: &str) -> Vec<&str> {
        match &self.0 {
            ClaimsForm::Flattened(claims) => claims.get(name).map_or_else(Vec::new, |text| {
                flattened_list(text).unwrap_or(text).split(' ').collect()
            }),
            ClaimsForm::Json(claims) => match claims.get(name) {
                Some(Value::String(text)) => text.split(' ').collect(),
                Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
                _ => Vec::new(),
            },
        }
    }

    /// Whether a claim has this value, or is a list with an element of this value. The module's
    /// documentation says which claim a name means.
    pub(super) fn has(&self, name: &str, wanted: &str) -> bool {
        match &self.0 {
            ClaimsForm::Flattened(claims) => {
                let claim = (!is_pointer(name)).then(|| claims.get(name)).flatten();
                claim.is_some_and(|text| {
                    let list = flattened_list(text).filter(|_| is_list_name(name));
                    text == wanted || list.is_some_and(|list| list.split(' ').any(|a| a == wanted))
                })
            }
            ClaimsForm::Json(claims) => {
                let is_wanted = |value| scalar(value).is_some_and(|text| text == wanted);
                find(claims, name).is_some_and(|claim| match claim {
                    Value::Array(items) => items.iter().any(is_wanted),
                    value => is_wanted(value),
                })
            }
        }
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims(…)")
    }
}

/// The text of a value that is neither a list nor an object nor null.
fn scalar(value: &Value) -> Option<Cow<'_, str>> {
    match value {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Bool(_) | Value::Number(_) => Some(Cow::Owned(value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// The claim that a name in a policy means: see the module's documentation.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    if let Some(pointer) = name.strip_prefix('/') {
        return descend(claims, pointer.split('/').map(unescaped));
    }
    let whole = claims.get(name);
    // A URL is the name of a claim: its dots do not separate names.
    if whole.is_some() || name.contains("://") {
        return whole;
    }
    descend(claims, name.split('.'))
}

fn descend(
    claims: &Map<String, Value>,
    mut names: impl Iterator<Item: AsRef<str>>,
) -> Option<&Value> {
    let first = claims.get(names.next()?.as_ref())?;
    names.try_fold(first, |value, name| value.as_object()?.get(name.as_ref()))
}

/// A name in a JSON pointer, with `~1` for a slash and `~0` for a tilde (RFC 6901 §4).
fn unescaped(name: &str) -> String {
    name.replace("~1", "/").replace("~0", "~")
}

/// Whether a name in a policy is a JSON pointer, which only claims in the JSON form can have.
pub(super) fn is_pointer(name: &str) -> bool {
    name.starts_with('/')
}

/// What is between the brackets of `[a b]`.
fn flattened_list(text: &str) -> Option<&str> {
    text.strip_prefix('[')?.strip_suffix(']')
}

/// Whether a claim with this name can be a list in the flattened form: `groups`, `roles`,
/// `permissions` and similar names, also with a namespace prefix (`cognito:groups`,
/// `https://example.com/roles`).
///
/// API Gateway passes a list as the text `[a b]`, which a user could also choose as a name.
/// Therefore no other claim is read as a list. Cognito's custom attributes are not read as lists
/// either, because users may write them.
pub(super) fn is_list_name(name: &str) -> bool {
    const LISTS: [&str; 11] = [
        "amr",
        "aud",
        "entitlements",
        "group",
        "groups",
        "permissions",
        "role",
        "roles",
        "scopes",
        "scp",
        "wids",
    ];
    let last = name.rsplit(['/', ':']).next().unwrap_or_default();
    !name.starts_with("custom:") && LISTS.contains(&last)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn json(value: Value) -> Claims {
        let Value::Object(claims) = value else { panic!("claims are an object") };
        Claims::json(claims)
    }

    fn flattened(name: &str, value: &str) -> Claims {
        Claims::flattened([(name.to_owned(), value.to_owned())])
    }

    // With every claim read as a list, a user whose name is `[root]` is an administrator.
    #[test]
    fn r52_only_a_claim_that_is_a_list_by_its_name_is_read_as_one_in_the_flattened_form() {
        for (name, is_list) in [
            ("cognito:groups", true),
            ("groups", true),
            ("https://example.com/roles", true),
            ("permissions", true),
            ("username", false),
            ("cognito:username", false),
            ("name", false),
            ("email", false),
            ("sub", false),
            ("custom:roles", false),
        ] {
            let has = |value: &str| flattened(name, value).has(name, "root");
            assert!(has("root") && !has("root2") && !has("[root2 x]"), "{name}");
            assert_eq!(has("[root]"), is_list, "{name}");
            assert_eq!(has("[x root]"), is_list, "{name}");
        }
    }

    #[test]
    fn r52_in_the_json_form_an_array_is_a_list_under_any_name_and_a_string_never_is() {
        for name in ["groups", "name"] {
            let has = |value: Value| json(json!({ name: value })).has(name, "root");
            assert!(has(json!("root")) && has(json!(["x", "root"])), "{name}");
            for other in [json!("[root]"), json!("[x root]"), json!("x root"), json!(["x root"])] {
                assert!(!has(other.clone()), "{name}: {other}");
            }
            for other in [json!([["root"]]), json!({ "root": true }), json!({}), json!(null)] {
                assert!(!has(other.clone()), "{name}: {other}");
            }
        }
        let groups = json(json!({ "groups": ["Domain Admins"] }));
        assert!(groups.has("groups", "Domain Admins") && !groups.has("groups", "Admins"));
    }

    #[test]
    fn a_number_and_a_boolean_equal_their_text_in_both_forms() {
        let token = json(json!({ "email_verified": true, "ver": 1, "levels": [2, false] }));
        for (name, wanted, is_equal) in [
            ("email_verified", "true", true),
            ("email_verified", "false", false),
            ("ver", "1", true),
            ("ver", "1.0", false),
            ("levels", "2", true),
            ("levels", "false", true),
            ("levels", "3", false),
        ] {
            assert_eq!(token.has(name, wanted), is_equal, "{name}: {wanted}");
        }
        assert!(flattened("email_verified", "true").has("email_verified", "true"));
        assert_eq!(token.text("ver").as_deref(), Some("1"));
        assert_eq!(token.text("levels"), None);
    }

    #[test]
    fn r52_a_number_names_a_user_only_if_every_parser_reads_it_exactly() {
        for (sub, name) in [
            ("carol".into(), Some("carol")),
            (json_value("100000000000000000001"), None),
            (json_value("9007199254740992"), Some("9007199254740992")),
            (json_value("9007199254740993"), None),
            (json_value("1.5"), None),
            (json_value("-1"), None),
            (json_value("null"), None),
        ] {
            assert_eq!(json(json!({ "sub": sub })).name("sub").as_deref(), name, "{sub}");
        }
        assert_eq!(flattened("sub", "1e20").name("sub").as_deref(), Some("1e20"));
    }

    fn json_value(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_name_is_first_a_whole_name_then_a_dotted_path_and_with_a_slash_in_front_a_pointer() {
        let token = json(json!({
            "realm_access": { "roles": ["nested"], "a/b": "slash", "~": "tilde" },
            "app.role": "whole",
            "app": { "role": "nested" },
            "https://example.com/roles": ["url"],
            "https://example": { "com/admin": "yes" },
            "resource_access": { "my.client": { "roles": ["deep"] } },
            "/roles": "whole",
        }));
        for (name, wanted, is_equal) in [
            ("realm_access.roles", "nested", true),
            ("/realm_access/roles", "nested", true),
            ("/realm_access/a~1b", "slash", true),
            ("/realm_access/~0", "tilde", true),
            ("app.role", "whole", true),
            ("app.role", "nested", false),
            ("/app/role", "nested", true),
            ("/app.role", "whole", true),
            ("https://example.com/roles", "url", true),
            ("https://example.com/admin", "yes", false),
            ("/resource_access/my.client/roles", "deep", true),
            ("resource_access.my.client.roles", "deep", false),
            ("/roles", "whole", false),
            ("/~1roles", "whole", true),
            ("realm_access", "nested", false),
            ("realm_access.roles.0", "nested", false),
            ("/realm_access/roles/0", "nested", false),
            ("", "whole", false),
            ("/", "whole", false),
        ] {
            assert_eq!(token.has(name, wanted), is_equal, "{name}: {wanted}");
        }
    }

    #[test]
    fn a_pointer_reaches_no_claim_in_the_flattened_form() {
        assert!(!flattened("groups", "admin").has("/groups", "admin"));
        assert!(!flattened("/groups", "admin").has("/groups", "admin"));
        let nested = flattened("realm_access", "map[roles:[admin]]");
        assert!(!nested.has("realm_access.roles", "admin"));
    }

    #[test]
    fn words_are_the_elements_of_a_list_or_of_text_with_spaces() {
        for (claims, words) in [
            (flattened("scp", "a b"), &["a", "b"][..]),
            (flattened("scp", "[a b]"), &["a", "b"]),
            (flattened("scp", "[a"), &["[a"]),
            (flattened("scope", "a"), &[]),
            (json(json!({ "scp": "a b" })), &["a", "b"]),
            (json(json!({ "scp": ["a", "b c", 1] })), &["a", "b c"]),
            (json(json!({ "scp": "[a b]" })), &["[a", "b]"]),
            (json(json!({ "scp": { "a": 1 } })), &[]),
            (json(json!({ "scope": "a" })), &[]),
        ] {
            assert_eq!(claims.words("scp"), words);
        }
    }

    #[test]
    fn claims_are_not_printed_by_accident() {
        assert_eq!(format!("{:?}", flattened("email", "alice@example.com")), "Claims(…)");
    }
}
