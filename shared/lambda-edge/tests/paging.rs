//! Lists in pages: what the parameters mean, and the text of cursors, which clients keep from one
//! release to the next.

use std::fmt::Debug;
use std::time::{Duration, SystemTime};

use api_types::ProblemType;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity_core::guest::InvitationId;
use identity_core::list_identities::Cursor;
use identity_core::list_invitations::InvitationCursor;
use identity_core::ports::{InvitationPosition, PhonePosition, Position};
use identity_core::testing::{phone::principal, user};
use lambda_edge::paging::{self, PageCursor};

#[test]
fn a_limit_is_a_whole_number_from_one_to_the_largest_page() {
    let limit = |raw| paging::limit(raw, 25, 50);
    assert_eq!(limit(None), Ok(25));
    assert_eq!((limit(Some("1")), limit(Some("50"))), (Ok(1), Ok(50)));
    for raw in ["", "0", "51", "x", "1.5", "-1", "65537"] {
        let refused = limit(Some(raw)).unwrap_err();
        assert_eq!(refused.kind(), ProblemType::INVALID_QUERY, "{raw}");
        let detail = "invalid value for `limit`: must be a whole number from 1 to 50";
        assert_eq!(refused.detail(), detail, "{raw}");
    }
}

#[test]
fn an_absent_or_empty_cursor_is_that_of_the_first_page() {
    assert_eq!(paging::cursor::<Cursor>(None), Ok(None));
    assert_eq!(paging::cursor::<Cursor>(Some("")), Ok(None));
}

/// Checks that a page with this cursor sends this text, and that the text is read as this cursor.
fn assert_text<C: PageCursor + Debug + PartialEq>(cursor: C, text: &str) {
    let sent = URL_SAFE_NO_PAD.encode(text);
    assert_eq!(paging::next(&cursor), sent, "{text}");
    assert_eq!(paging::cursor::<C>(Some(&sent)), Ok(Some(cursor)), "{text}");
}

#[test]
fn the_text_of_a_cursor_stays_as_it_is() {
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_800_000_000_123);
    let beginning = Cursor { shard: 3, after: None };
    assert_eq!(paging::next(&beginning), "eyJzaGFyZCI6M30");
    assert_text(beginning, r#"{"shard":3}"#);
    let last = Position { at, external_id: user("https://idp.example|alice") };
    assert_text(
        Cursor { shard: 31, after: Some(last) },
        r#"{"shard":31,"after":[1800000000123,"https://idp.example|alice"]}"#,
    );
    assert_text(InvitationCursor { shard: 17, after: None }, r#"{"shard":17}"#);
    let name = "A".repeat(43);
    let last = InvitationPosition { at, id: InvitationId::parse(&name).unwrap() };
    assert_text(
        InvitationCursor { shard: 0, after: Some(last) },
        &format!(r#"{{"shard":0,"after":[1800000000123,"{name}"]}}"#),
    );
    assert_text(
        PhonePosition { created_at: at, principal: principal(5) },
        "1800000000123 \
         00000000-0000-4000-8000-000000000001/00000000-0000-4000-8000-000000000005",
    );
}

/// Whether a list refuses this cursor.
fn is_refused<C: PageCursor>(cursor: &str) -> bool {
    let refused = paging::cursor::<C>(Some(cursor)).err();
    refused.is_some_and(|problem| {
        problem.kind() == ProblemType::INVALID_QUERY
            && problem.detail()
                == "invalid value for `cursor`: must be the `next` value of the previous page"
    })
}

#[test]
fn a_cursor_that_a_page_cannot_have_is_refused() {
    let of = |text: &str| URL_SAFE_NO_PAD.encode(text);
    for text in [
        "{}",
        "x",
        r#"{"shard":-1}"#,
        r#"{"shard":256}"#,
        r#"{"shard":3,"before":1}"#,
        r#"{"shard":3,"after":[1]}"#,
        r#"{"shard":3,"after":[1,""]}"#,
    ] {
        assert!(is_refused::<Cursor>(&of(text)), "{text}");
        assert!(is_refused::<InvitationCursor>(&of(text)), "{text}");
    }
    assert!(is_refused::<Cursor>(&of(r#"{"shard":32}"#)), "there are 32 shards");
    for text in ["{}", "1", "1 x", &format!("-1 {}", principal(5)), &principal(5).to_string()] {
        assert!(is_refused::<PhonePosition>(&of(text)), "{text}");
    }
    for not_text in ["!", "eyJzaGFyZCI6M30=", "_w"] {
        assert!(is_refused::<Cursor>(not_text), "{not_text}");
    }
}
