//! Reads the parameters of a list (RFC 7644 §3.4.2), from a query string or from a search.

use serde_json::{Map, Value};

use crate::wire::filter::UserFilter;
use crate::wire::refusal::ScimRefusal;
use crate::wire::resource::Projection;

/// The parameters of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ListQueryString {
    pub(crate) filter: Option<UserFilter>,
    /// The number of the first user, counted from 1.
    pub(crate) start_index: usize,
    pub(crate) count: usize,
    pub(crate) projection: Projection,
}

impl ListQueryString {
    /// The most users in one response.
    pub(crate) const MOST: usize = 200;

    /// Reads the parameters of a query string.
    pub(crate) fn read(query: &[(String, String)]) -> Result<Self, ScimRefusal> {
        let parameter = |name: &str| {
            let found = query.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        Self::of(parameter)
    }

    /// Reads the body of `.search`, in which the attributes are arrays and the numbers are numbers.
    pub(crate) fn search(body: &Map<String, Value>) -> Result<Self, ScimRefusal> {
        let parameter = |name: &str| {
            let found = body.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
            match found.map(|(_, value)| value)? {
                Value::String(text) => Some(text.clone()),
                Value::Array(names) => {
                    let names: Vec<_> = names.iter().filter_map(Value::as_str).collect();
                    Some(names.join(","))
                }
                Value::Null => None,
                other => Some(other.to_string()),
            }
        };
        Self::of(parameter)
    }

    fn of(parameter: impl Fn(&str) -> Option<String>) -> Result<Self, ScimRefusal> {
        let text = |name: &str| parameter(name).filter(|value| !value.trim().is_empty());
        let number = |name: &str| {
            text(name).map_or(Ok(None), |raw| {
                let parsed = raw.trim().parse::<i64>();
                // RFC 7644 §3.4.2.4: a negative number counts as 0.
                let number = parsed.map(|number| usize::try_from(number).unwrap_or_default());
                let detail = || format!("Invalid value for `{name}`: must be a number.");
                number.map(Some).map_err(|_| ScimRefusal::value(detail()))
            })
        };
        Ok(Self {
            filter: text("filter").map(|raw| UserFilter::parse(&raw)).transpose()?,
            start_index: number("startIndex")?.unwrap_or(1).max(1),
            count: number("count")?.unwrap_or(Self::MOST).min(Self::MOST),
            projection: Projection::new(
                text("attributes").as_deref(),
                text("excludedAttributes").as_deref(),
            ),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn query(pairs: &[(&str, &str)]) -> Result<ListQueryString, ScimRefusal> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        ListQueryString::read(&pairs.iter().map(owned).collect::<Vec<_>>())
    }

    #[test]
    fn the_numbers_of_a_list_are_limited_as_the_rfc_says() {
        for (start, count, expected) in [
            ("", "", (1, 200)),
            ("0", "0", (1, 0)),
            ("-3", "-1", (1, 0)),
            ("7", "10", (7, 10)),
            (" 7 ", "1000", (7, 200)),
        ] {
            let read = query(&[("startIndex", start), ("COUNT", count)]).unwrap();
            assert_eq!((read.start_index, read.count), expected, "{start} {count}");
        }
    }

    #[test]
    fn a_search_has_the_same_parameters_as_a_query() {
        let body = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
            "filter": "userName eq \"carol\"",
            "startIndex": 2,
            "count": 5,
            "attributes": ["userName", "active"],
            "excludedAttributes": null,
        });
        let pairs = [
            ("filter", "userName eq \"carol\""),
            ("startindex", "2"),
            ("count", "5"),
            ("attributes", "userName,active"),
        ];
        let search = ListQueryString::search(body.as_object().unwrap()).unwrap();
        assert_eq!(search, query(&pairs).unwrap());
        assert_eq!(search.filter, Some(UserFilter::UserName("carol".to_owned())));
        assert_eq!((search.start_index, search.count), (2, 5));
    }

    #[test]
    fn r26_scim_refuses_a_number_that_it_cannot_read() {
        for name in ["startIndex", "count"] {
            for raw in ["x", "1.5", "99999999999999999999"] {
                let refusal = query(&[(name, raw)]).unwrap_err();
                assert_eq!(refusal.scim_type, Some("invalidValue"));
                assert!(refusal.detail.contains(name), "{}", refusal.detail);
            }
        }
        let body = json!({ "count": true });
        assert!(ListQueryString::search(body.as_object().unwrap()).is_err());
    }
}
