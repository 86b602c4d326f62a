//! `GET /_local/identities`: the users whose id or state matches, a page at a time.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Value, json};

use super::records::UserRecord;

/// The rows of a page, unless the request asks for fewer.
const MOST: usize = 100;

/// The query.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct IdentitySearch {
    /// A part of the external id or of the ACS id, in any case.
    search: String,
    /// A state; all of them if it is empty.
    state: String,
    offset: usize,
    limit: Option<usize>,
}

impl IdentitySearch {
    /// The page, with the users first whose records changed last.
    pub(super) fn page(&self, records: Vec<UserRecord>, live: &HashMap<String, u64>) -> Value {
        let mut found: Vec<_> = records.into_iter().filter(|record| self.matches(record)).collect();
        let activity = |record: &UserRecord| record.last_issued_at.max(record.changed_at);
        found.sort_by(|a, b| {
            activity(b).cmp(&activity(a)).then_with(|| a.external_id.cmp(&b.external_id))
        });
        let (total, limit) = (found.len(), self.limit.unwrap_or(MOST).min(MOST));
        let rows = found.iter().skip(self.offset).take(limit).map(|record| row(record, live));
        json!({ "total": total, "offset": self.offset, "identities": rows.collect::<Vec<_>>() })
    }

    fn matches(&self, record: &UserRecord) -> bool {
        let wanted = self.search.trim().to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&wanted);
        let found = has(&record.external_id) || record.acs_id.as_deref().is_some_and(has);
        found && (self.state.is_empty() || self.state == record.state)
    }
}

fn row(record: &UserRecord, live: &HashMap<String, u64>) -> Value {
    let (issuer, user) = record.external_id.split_once('|').unwrap_or(("", &record.external_id));
    let tokens = record.acs_id.as_ref().and_then(|id| live.get(id)).copied().unwrap_or(0);
    json!({
        "externalId": record.external_id, "issuer": issuer, "user": user,
        "state": record.state, "pending": record.is_pending,
        "acsId": record.acs_id, "resource": record.resource, "liveTokens": tokens,
        "createdAt": record.created_at, "lastIssuedAt": record.last_issued_at,
        "changedAt": record.changed_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(user: &str, state: &str, at: i64) -> UserRecord {
        UserRecord {
            external_id: format!("https://idp|{user}"),
            state: state.to_owned(),
            acs_id: Some(format!("8:acs:{at}")),
            last_issued_at: at,
            ..UserRecord::default()
        }
    }

    fn users(search: &IdentitySearch) -> (Value, Vec<String>) {
        let records = vec![
            record("Alice", "active", 1),
            record("bob", "blocked", 3),
            record("al", "active", 2),
        ];
        let page = search.page(records, &HashMap::from([("8:acs:3".to_owned(), 4)]));
        let rows = page["identities"].as_array().unwrap();
        let name = |row: &Value| format!("{} {}", row["user"].as_str().unwrap(), row["liveTokens"]);
        (page["total"].clone(), rows.iter().map(name).collect())
    }

    fn search(search: &str, state: &str, offset: usize, limit: Option<usize>) -> IdentitySearch {
        IdentitySearch { search: search.to_owned(), state: state.to_owned(), offset, limit }
    }

    #[test]
    fn users_are_found_by_a_part_of_their_id_and_by_state_newest_first() {
        assert_eq!(
            users(&search("", "", 0, None)),
            (json!(3), vec!["bob 4".into(), "al 0".into(), "Alice 0".into()])
        );
        assert_eq!(users(&search(" AL ", "", 0, None)).1, ["al 0", "Alice 0"]);
        assert_eq!(users(&search("8:acs:3", "", 0, None)).1, ["bob 4"]);
        assert_eq!(users(&search("", "blocked", 0, None)).1, ["bob 4"]);
        assert_eq!(users(&search("zoe", "", 0, None)).0, 0);
    }

    #[test]
    fn a_page_has_the_number_of_all_matches() {
        assert_eq!(users(&search("", "", 1, Some(1))), (json!(3), vec!["al 0".to_owned()]));
    }
}
