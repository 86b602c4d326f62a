//! The figures at the top of the console: identities by state and by age, and their valid tokens.

use std::collections::{BTreeMap, HashMap};

use serde_json::{Value, json};

use super::records::UserRecord;

/// The ages at which a bar of the chart begins, in days. The retention is added to them.
const EDGES: [u32; 7] = [0, 1, 7, 30, 60, 90, 180];

const DAY_MS: i64 = 24 * 3_600_000;

/// The figures for `records` at `now_ms`.
pub(super) fn overview(
    records: &[UserRecord],
    live_tokens: &HashMap<String, u64>,
    retention_days: Option<u32>,
    now_ms: i64,
) -> Value {
    let mut by_state = BTreeMap::<&str, u64>::new();
    for record in records {
        *by_state.entry(&record.state).or_default() += 1;
    }
    json!({
        "total": records.iter().filter(|record| record.has_identity()).count(),
        "byState": by_state,
        "liveTokens": live_tokens.values().sum::<u64>(),
        "retentionDays": retention_days,
        "ages": ages(records, retention_days, now_ms),
    })
}

/// The number of identities in each range of days since the last token. `stale` ones are as old as
/// the retention.
fn ages(records: &[UserRecord], retention_days: Option<u32>, now_ms: i64) -> Vec<Value> {
    let mut edges: Vec<u32> = EDGES.into_iter().chain(retention_days).collect();
    edges.sort_unstable();
    edges.dedup();
    let mut counts = vec![0_u64; edges.len()];
    for record in records.iter().filter(|record| record.has_identity()) {
        let days = now_ms.saturating_sub(record.last_issued_at) / DAY_MS;
        let bar = edges.iter().rposition(|edge| i64::from(*edge) <= days).unwrap_or(0);
        if let Some(count) = counts.get_mut(bar) {
            *count += 1;
        }
    }
    let ends = edges.iter().skip(1).map(Some).chain([None]);
    let bars = edges.iter().zip(ends).zip(counts);
    bars.map(|((from, to), count)| {
        let stale = retention_days.is_some_and(|days| *from >= days);
        json!({ "fromDays": from, "toDays": to, "count": count, "stale": stale })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(state: &str, days: i64) -> UserRecord {
        let last_issued_at = 1_000 * DAY_MS - days * DAY_MS;
        UserRecord { state: state.to_owned(), last_issued_at, ..UserRecord::default() }
    }

    #[test]
    fn identities_are_counted_by_state_and_by_age_and_old_ones_are_stale() {
        let records =
            [("active", 0), ("active", 6), ("blocked", 7), ("active", 45), ("deleted", 99)];
        let records = records.map(|(state, days)| record(state, days));
        let live = HashMap::from([("8:acs:a".to_owned(), 2), ("8:acs:b".to_owned(), 1)]);
        let shown = overview(&records, &live, Some(45), 1_000 * DAY_MS);
        assert_eq!((&shown["total"], &shown["liveTokens"]), (&json!(4), &json!(3)));
        assert_eq!(shown["byState"], json!({ "active": 3, "blocked": 1, "deleted": 1 }));
        let ages = shown["ages"].as_array().unwrap();
        let bars: Vec<_> =
            ages.iter().map(|bar| (&bar["fromDays"], &bar["count"], &bar["stale"])).collect();
        let expected = [(0, 1), (1, 1), (7, 1), (30, 0), (45, 1), (60, 0), (90, 0), (180, 0)];
        let expected = expected.map(|(from, count)| (json!(from), json!(count), json!(from >= 45)));
        assert_eq!(bars, expected.each_ref().map(|(a, b, c)| (a, b, c)));
        assert_eq!((&ages[3]["toDays"], &ages[7]["toDays"]), (&json!(45), &Value::Null));
    }
}
