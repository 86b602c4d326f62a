//! The clauses about orphans and cleanup runs.

#![expect(clippy::expect_used, reason = "a test may die")]

use super::{at, find};
use crate::model::{CleanupMode, CleanupRun};
use crate::ports::{IdentityStore, Orphan, OrphanStore, RunLog};
use crate::testing::{acs_id, resource, user};

/// A clause of the contract.
pub async fn an_orphan_is_noted_until_it_is_forgotten(store: &(impl IdentityStore + OrphanStore)) {
    for resource in ["main", "eu2"].map(resource) {
        let orphan = Orphan {
            acs_id: acs_id("8:acs:res_orphan"),
            user: user("https://idp.example|orphan"),
            resource,
            noted_at: at(1),
        };
        for _ in 0..2 {
            store.note_orphan(&orphan).await.expect("a writable store");
        }
        assert_eq!(store.orphans().await.expect("a readable store"), std::slice::from_ref(&orphan));
        assert_eq!(find(store, &orphan.user).await, None, "an orphan is not a record");
        for _ in 0..2 {
            store.forget_orphan(&orphan.acs_id).await.expect("a writable store");
        }
        assert_eq!(store.orphans().await.expect("a readable store"), []);
    }
}

/// A clause of the contract.
pub async fn the_newest_run_is_the_one_saved_last(store: &impl RunLog) {
    assert_eq!(store.latest_run().await.expect("a readable store"), None);
    let run = |id: &str, deleted| CleanupRun {
        id: id.to_owned(),
        mode: CleanupMode::Apply,
        deleted,
        ..CleanupRun::default()
    };
    for saved in [run("r1", 0), run("r1", 7), run("r2", 1)] {
        store.save_run(&saved).await.expect("a writable store");
        assert_eq!(store.latest_run().await.expect("a readable store"), Some(saved));
    }
    assert_eq!(store.find_run("r1").await.expect("a readable store"), Some(run("r1", 7)));
    assert_eq!(store.find_run("r3").await.expect("a readable store"), None);
}
