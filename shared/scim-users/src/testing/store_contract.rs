//! Contract tests for every store of SCIM users. Each clause uses its own transmitter, so that one
//! store can serve all of them.
//!
//! An adapter's contract test is one line: `scim_store_contract!(a_store().await)`.

#![expect(
    clippy::missing_panics_doc,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a clause is a test: it panics when it does not hold"
)]

use std::slice::from_ref;
use std::time::{Duration, SystemTime};

use futures_util::future::join;

use crate::model::ScimUser;
use crate::ports::{ListWindow, ScimUserStore, UserList, UserWrite, WriteOutcome};

/// Creates one test for each clause, run against the store that the expression returns.
#[macro_export]
macro_rules! scim_store_contract {
    ($store:expr) => {
        $crate::scim_store_contract! { $store =>
            no_user_is_found_where_none_was_written
            a_user_reads_back_as_it_was_written
            a_user_is_found_by_name_in_any_case_and_by_external_id
            a_name_belongs_to_one_user_of_a_transmitter
            a_name_is_free_after_its_user_has_another_one_or_is_deleted
            a_change_of_an_older_version_is_refused
            of_two_changes_at_once_one_is_made
            a_subject_stays_blocked_until_a_user_with_it_is_active
            users_are_listed_in_pages_and_counted
            each_transmitter_has_its_own_users
        }
    };
    ($store:expr => $($clause:ident)*) => {
        $(
            #[tokio::test]
            async fn $clause() {
                $crate::testing::store_contract::$clause(&$store).await;
            }
        )*
    };
}

fn user(id: &str, user_name: &str) -> ScimUser {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_250);
    ScimUser {
        id: id.to_owned(),
        user_name: user_name.to_owned(),
        external_id: None,
        display_name: None,
        active: true,
        created_at: at,
        modified_at: at + Duration::from_millis(1),
        version: 1,
    }
}

fn next(user: &ScimUser) -> ScimUser {
    ScimUser { version: user.version + 1, ..user.clone() }
}

async fn write(
    store: &impl ScimUserStore,
    transmitter: &str,
    before: Option<&ScimUser>,
    after: &ScimUser,
) -> WriteOutcome {
    let subject = after.external_id.as_deref();
    store.write(transmitter, &UserWrite { before, after, subject }).await.unwrap()
}

async fn put(store: &impl ScimUserStore, transmitter: &str, user: &ScimUser) {
    assert_eq!(write(store, transmitter, None, user).await, WriteOutcome::Done);
}

/// A clause of the contract.
pub async fn no_user_is_found_where_none_was_written(store: &impl ScimUserStore) {
    assert_eq!(store.find("none", "i-1").await.unwrap(), None);
    assert_eq!(store.find_by_name("none", "carol").await.unwrap(), None);
    assert_eq!(store.find_by_external_id("none", "e-1").await.unwrap(), []);
    assert!(!store.is_blocked("none", "e-1").await.unwrap());
    let window = ListWindow { active: None, skip: 0, count: 9 };
    let list = store.list("none", &window).await.unwrap();
    assert_eq!(list, UserList { total: 0, users: Vec::new() });
}

/// A clause of the contract.
pub async fn a_user_reads_back_as_it_was_written(store: &impl ScimUserStore) {
    let short = user("i-1", "short");
    let long = ScimUser {
        external_id: Some("e |\"é".to_owned()),
        display_name: Some("Carol É".to_owned()),
        active: false,
        version: 7,
        ..user("i-2", "Carol|X@example.com")
    };
    for user in [short, long] {
        put(store, "reads", &user).await;
        assert_eq!(store.find("reads", &user.id).await.unwrap(), Some(user));
    }
}

/// A clause of the contract.
pub async fn a_user_is_found_by_name_in_any_case_and_by_external_id(store: &impl ScimUserStore) {
    let external = |id: &str| Some(id.to_owned());
    let carol = ScimUser { external_id: external("e 1"), ..user("i-1", "Carol@Example.com") };
    let other = ScimUser { external_id: external("e"), ..user("i-2", "e 1") };
    let twin = ScimUser { external_id: external("e 1"), ..user("i-3", "twin") };
    for user in [&carol, &other, &twin] {
        put(store, "finds", user).await;
    }
    for name in ["carol@example.com", "CAROL@EXAMPLE.COM"] {
        assert_eq!(store.find_by_name("finds", name).await.unwrap().as_ref(), Some(&carol));
    }
    let found = store.find_by_external_id("finds", "e 1").await.unwrap();
    assert_eq!(found, [carol.clone(), twin], "and not the one of which it begins with the ID");
    assert_eq!(store.find_by_external_id("finds", "e").await.unwrap(), [other]);
    assert_eq!(store.find_by_external_id("finds", "E 1").await.unwrap(), []);

    let moved = ScimUser { external_id: external("e-2"), ..next(&carol) };
    assert_eq!(write(store, "finds", Some(&carol), &moved).await, WriteOutcome::Done);
    assert_eq!(store.find_by_external_id("finds", "e 1").await.unwrap().len(), 1);
    assert_eq!(
        store.find_by_external_id("finds", "e-2").await.unwrap().as_slice(),
        from_ref(&moved)
    );
    let without = ScimUser { external_id: None, ..next(&moved) };
    assert_eq!(write(store, "finds", Some(&moved), &without).await, WriteOutcome::Done);
    assert_eq!(store.find_by_external_id("finds", "e-2").await.unwrap(), []);
}

/// A clause of the contract.
pub async fn a_name_belongs_to_one_user_of_a_transmitter(store: &impl ScimUserStore) {
    let (carol, dave) = (user("i-1", "carol"), user("i-2", "dave"));
    put(store, "names", &carol).await;
    put(store, "names", &dave).await;
    let same = user("i-3", "CAROL");
    assert_eq!(write(store, "names", None, &same).await, WriteOutcome::NameTaken);
    assert_eq!(store.find("names", "i-3").await.unwrap(), None);
    let renamed = ScimUser { user_name: "Carol".to_owned(), ..next(&dave) };
    assert_eq!(write(store, "names", Some(&dave), &renamed).await, WriteOutcome::NameTaken);
    assert_eq!(store.find("names", "i-2").await.unwrap(), Some(dave));
    let recased = ScimUser { user_name: "CAROL".to_owned(), ..next(&carol) };
    assert_eq!(write(store, "names", Some(&carol), &recased).await, WriteOutcome::Done);
    assert_eq!(store.find_by_name("names", "carol").await.unwrap(), Some(recased));
}

/// A clause of the contract.
pub async fn a_name_is_free_after_its_user_has_another_one_or_is_deleted(
    store: &impl ScimUserStore,
) {
    let external_id = Some("e-1".to_owned());
    let carol = ScimUser { external_id, ..user("i-1", "carol") };
    put(store, "frees", &carol).await;
    let renamed = ScimUser { user_name: "eve".to_owned(), ..next(&carol) };
    assert_eq!(write(store, "frees", Some(&carol), &renamed).await, WriteOutcome::Done);
    assert_eq!(store.find_by_name("frees", "carol").await.unwrap(), None);
    put(store, "frees", &user("i-2", "carol")).await;

    assert_eq!(store.delete("frees", &renamed).await.unwrap(), WriteOutcome::Done);
    assert_eq!(store.find("frees", "i-1").await.unwrap(), None);
    assert_eq!(store.find_by_name("frees", "eve").await.unwrap(), None);
    assert_eq!(store.find_by_external_id("frees", "e-1").await.unwrap(), []);
    put(store, "frees", &user("i-3", "eve")).await;
}

/// A clause of the contract.
pub async fn a_change_of_an_older_version_is_refused(store: &impl ScimUserStore) {
    let first = user("i-1", "carol");
    put(store, "versions", &first).await;
    assert_eq!(write(store, "versions", None, &first).await, WriteOutcome::Changed);
    let second = ScimUser { active: false, ..next(&first) };
    assert_eq!(write(store, "versions", Some(&first), &second).await, WriteOutcome::Done);
    let late = ScimUser { user_name: "dave".to_owned(), ..next(&first) };
    assert_eq!(write(store, "versions", Some(&first), &late).await, WriteOutcome::Changed);
    assert_eq!(store.delete("versions", &first).await.unwrap(), WriteOutcome::Changed);
    assert_eq!(store.find("versions", "i-1").await.unwrap(), Some(second.clone()));
    assert_eq!(store.find_by_name("versions", "dave").await.unwrap(), None);

    assert_eq!(store.delete("versions", &second).await.unwrap(), WriteOutcome::Done);
    assert_eq!(store.delete("versions", &second).await.unwrap(), WriteOutcome::Changed);
    let third = next(&second);
    assert_eq!(write(store, "versions", Some(&second), &third).await, WriteOutcome::Changed);
    assert_eq!(store.find("versions", "i-1").await.unwrap(), None);
}

/// A clause of the contract.
pub async fn of_two_changes_at_once_one_is_made(store: &impl ScimUserStore) {
    let first = user("i-1", "carol");
    put(store, "races", &first).await;
    let one = ScimUser { active: false, ..next(&first) };
    let other = ScimUser { display_name: Some("C".to_owned()), ..next(&first) };
    let write_one = write(store, "races", Some(&first), &one);
    let write_other = write(store, "races", Some(&first), &other);
    let outcomes = join(write_one, write_other).await;
    let expected = match outcomes {
        (WriteOutcome::Done, WriteOutcome::Changed) => one,
        (WriteOutcome::Changed, WriteOutcome::Done) => other,
        outcomes => panic!("{outcomes:?}"),
    };
    assert_eq!(store.find("races", "i-1").await.unwrap(), Some(expected));
}

/// A clause of the contract.
pub async fn a_subject_stays_blocked_until_a_user_with_it_is_active(store: &impl ScimUserStore) {
    let external_id = Some("e-1".to_owned());
    let inactive = ScimUser { active: false, external_id, ..user("i-1", "carol") };
    put(store, "blocks", &inactive).await;
    assert!(store.is_blocked("blocks", "e-1").await.unwrap());
    let moved = ScimUser { external_id: Some("e-2".to_owned()), ..next(&inactive) };
    assert_eq!(write(store, "blocks", Some(&inactive), &moved).await, WriteOutcome::Done);
    assert_eq!(store.delete("blocks", &moved).await.unwrap(), WriteOutcome::Done);
    for subject in ["e-1", "e-2"] {
        assert!(store.is_blocked("blocks", subject).await.unwrap(), "{subject}");
    }
    put(store, "blocks", &ScimUser { active: true, id: "i-2".to_owned(), ..inactive }).await;
    assert!(!store.is_blocked("blocks", "e-1").await.unwrap());
    assert!(store.is_blocked("blocks", "e-2").await.unwrap());
    put(store, "blocks", &ScimUser { active: false, ..user("i-3", "dave") }).await;
}

/// A clause of the contract.
pub async fn users_are_listed_in_pages_and_counted(store: &impl ScimUserStore) {
    let mut all = Vec::new();
    for number in 0..5 {
        let active = number % 2 == 0;
        let one = ScimUser { active, ..user(&format!("i-{number}"), &format!("n-{number}")) };
        put(store, "lists", &one).await;
        all.push(one);
    }
    let list = async |active, skip, count| {
        let list = store.list("lists", &ListWindow { active, skip, count }).await.unwrap();
        (list.total, list.users)
    };
    assert_eq!(list(None, 0, 9).await, (5, all.clone()));
    assert_eq!(list(None, 1, 2).await, (5, all.iter().skip(1).take(2).cloned().collect()));
    assert_eq!(list(None, 4, 2).await, (5, all.iter().skip(4).cloned().collect()));
    assert_eq!(list(None, 9, 2).await, (5, Vec::new()));
    assert_eq!(list(None, 0, 0).await, (5, Vec::new()));
    let inactive: Vec<_> = all.iter().filter(|user| !user.active).cloned().collect();
    assert_eq!(list(Some(false), 1, 2).await, (2, inactive.into_iter().skip(1).collect()));
    assert_eq!(list(Some(true), 0, 1).await, (3, all.iter().take(1).cloned().collect()));
}

/// A clause of the contract.
pub async fn each_transmitter_has_its_own_users(store: &impl ScimUserStore) {
    let external_id = Some("e-1".to_owned());
    let carol = ScimUser { active: false, external_id, ..user("i-1", "carol") };
    put(store, "own-one", &carol).await;
    assert_eq!(store.find("own-two", "i-1").await.unwrap(), None);
    assert_eq!(store.find_by_name("own-two", "carol").await.unwrap(), None);
    assert_eq!(store.find_by_external_id("own-two", "e-1").await.unwrap(), []);
    assert!(!store.is_blocked("own-two", "e-1").await.unwrap());
    put(store, "own-two", &carol).await;
    assert_eq!(store.delete("own-two", &carol).await.unwrap(), WriteOutcome::Done);
    assert_eq!(store.find("own-one", "i-1").await.unwrap(), Some(carol));
}
