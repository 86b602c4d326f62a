//! Contract tests for every store of directory cursors. Each clause uses its own names, so that one
//! store can serve all of them.
//!
//! An adapter's contract test is one line: `cursor_contract!(a_store().await)`.

#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a clause is a test: it panics when it does not hold"
)]

use futures_util::future::join;

use crate::ports::DirectoryCursors;

/// Creates one test for each clause, run against the store that the expression returns.
#[macro_export]
macro_rules! cursor_contract {
    ($store:expr) => {
        $crate::cursor_contract! { $store =>
            no_cursor_is_found_before_one_is_saved
            a_cursor_is_saved_only_over_the_one_that_was_seen
            a_cursor_that_is_saved_twice_is_not_refused
            of_two_runs_that_saw_the_same_cursor_one_saves
            each_name_has_its_own_cursor
        }
    };
    ($store:expr => $($clause:ident)*) => {
        $(
            #[tokio::test]
            async fn $clause() {
                $crate::testing::cursor_contract::$clause(&$store).await;
            }
        )*
    };
}

async fn found(store: &impl DirectoryCursors, name: &str) -> Option<String> {
    store.find_cursor(name).await.unwrap()
}

async fn is_saved(
    store: &impl DirectoryCursors,
    name: &str,
    seen: Option<&str>,
    next: &str,
) -> bool {
    store.save_cursor(name, seen, next).await.unwrap()
}

/// A clause of the contract.
pub async fn no_cursor_is_found_before_one_is_saved(store: &impl DirectoryCursors) {
    assert_eq!(found(store, "entra unknown").await, None);
    assert!(!is_saved(store, "entra unknown", Some("https://a"), "https://b").await);
    assert_eq!(found(store, "entra unknown").await, None);
}

/// A clause of the contract.
pub async fn a_cursor_is_saved_only_over_the_one_that_was_seen(store: &impl DirectoryCursors) {
    let name = "entra seen";
    // Graph's links are long.
    let (first, second) = ("https://a".repeat(400), "https://b".repeat(400));
    assert!(is_saved(store, name, None, &first).await);
    assert_eq!(found(store, name).await.as_ref(), Some(&first));
    assert!(is_saved(store, name, Some(&first), &second).await);
    assert_eq!(found(store, name).await.as_ref(), Some(&second));
    for seen in [None, Some(first.as_str()), Some("")] {
        assert!(!is_saved(store, name, seen, "https://late").await, "{seen:?}");
    }
    assert_eq!(found(store, name).await, Some(second));
}

/// A clause of the contract: the client of a store sends a write again if its answer was lost.
pub async fn a_cursor_that_is_saved_twice_is_not_refused(store: &impl DirectoryCursors) {
    let name = "entra twice";
    for (seen, next) in [(None, "https://a"), (Some("https://a"), "https://b")] {
        for _ in 0..2 {
            assert!(is_saved(store, name, seen, next).await, "{next}");
            assert_eq!(found(store, name).await.as_deref(), Some(next));
        }
    }
}

/// A clause of the contract.
pub async fn of_two_runs_that_saw_the_same_cursor_one_saves(store: &impl DirectoryCursors) {
    let name = "entra race";
    for (seen, one, other) in [(None, "1", "2"), (Some("3"), "4", "5")] {
        if let Some(seen) = seen {
            let before = found(store, name).await;
            assert!(is_saved(store, name, before.as_deref(), seen).await);
        }
        let saved =
            join(is_saved(store, name, seen, one), is_saved(store, name, seen, other)).await;
        assert_ne!(saved.0, saved.1, "{seen:?}");
        let winner = if saved.0 { one } else { other };
        assert_eq!(found(store, name).await.as_deref(), Some(winner));
    }
}

/// A clause of the contract.
pub async fn each_name_has_its_own_cursor(store: &impl DirectoryCursors) {
    assert!(is_saved(store, "entra one", None, "https://a").await);
    assert_eq!(found(store, "entra other").await, None);
    assert!(is_saved(store, "entra other", None, "https://b").await);
    assert_eq!(found(store, "entra one").await.as_deref(), Some("https://a"));
}
