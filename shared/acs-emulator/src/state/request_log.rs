//! The log of requests, for tests that count them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Value, json};

use crate::api::Operation;

/// Counts of all requests and the last thousand requests, including refused ones.
#[derive(Default)]
pub(crate) struct RequestLog {
    inner: Mutex<Inner>,
}

/// One request, without secrets.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct LoggedRequest {
    pub operation: &'static str,
    /// The status before a later fault changed the response; null if a fault dropped the connection
    /// before the operation.
    pub status: Option<u16>,
    /// The emulator's time.
    pub at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api_version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_in_minutes: Option<i64>,
    /// The fault that was applied, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<&'static str>,
}

impl RequestLog {
    pub(crate) fn push(&self, operation: Operation, entry: LoggedRequest) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        *inner.counts.entry(operation.name()).or_default() += 1;
        if inner.recent.len() == KEPT {
            inner.recent.pop_front();
        }
        inner.recent.push_back(entry);
    }

    /// `{"counts", "requests"}`, oldest request first, with a count for every operation.
    pub(crate) fn to_json(&self) -> Value {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |operation: Operation| {
            let count = inner.counts.get(operation.name()).copied().unwrap_or_default();
            (operation.name(), count)
        };
        let counts: BTreeMap<_, _> = Operation::ALL.into_iter().map(count).collect();
        json!({"counts": counts, "requests": inner.recent})
    }

    pub(crate) fn clear(&self) {
        *self.inner.lock().unwrap_or_else(PoisonError::into_inner) = Inner::default();
    }
}

#[derive(Default)]
struct Inner {
    counts: BTreeMap<&'static str, u64>,
    recent: VecDeque<LoggedRequest>,
}

const KEPT: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_are_counted_and_the_last_thousand_kept() {
        let log = RequestLog::default();
        for number in 0..1_001 {
            let entry = LoggedRequest {
                operation: "deleteIdentity",
                status: Some(204),
                at: number.to_string(),
                identity: None,
                api_version: None,
                scopes: None,
                expires_in_minutes: None,
                fault: None,
            };
            log.push(Operation::DeleteIdentity, entry);
        }
        let json = log.to_json();
        assert_eq!(json["counts"]["deleteIdentity"], 1_001);
        assert_eq!(json["counts"]["createIdentity"], 0);
        assert_eq!(json["requests"].as_array().unwrap().len(), 1_000);
        assert_eq!(json["requests"][0]["at"], "1");
    }
}
