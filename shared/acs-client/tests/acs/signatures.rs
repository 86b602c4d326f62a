//! Known signatures.
//!
//! They come from Microsoft's packages for Python and JavaScript, run with a fixed clock. Two
//! results are left out because no correct client produces them: one signs the host with a
//! trailing slash (ACS refuses it), one signs it with the port twice (a mistake of old
//! JavaScript packages).

use acs_client::{
    AccessKey,
    sign::{Unsigned, sign},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct Known {
    key: String,
    date: String,
    vectors: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    id: String,
    verb: String,
    path_and_query: String,
    host: String,
    body: String,
    content_sha256: String,
    signature: String,
}

fn known() -> Known {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

#[test]
fn r45_every_known_answer_is_ours_too() {
    let Known { key, date, vectors } = known();
    let key: AccessKey = key.parse().unwrap();
    assert_eq!(vectors.len(), 25);
    for vector in vectors {
        let signed = sign(
            &key,
            Unsigned {
                verb: &vector.verb,
                path_and_query: &vector.path_and_query,
                host: &vector.host,
                date: &date,
                body: vector.body.as_bytes(),
            },
        );
        assert_eq!(signed.content_sha256, vector.content_sha256, "{}", vector.id);
        let expected = format!(
            "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={}",
            vector.signature
        );
        assert_eq!(signed.authorization.expose(), expected, "{}", vector.id);
    }
}

#[test]
fn r45_no_part_can_be_changed_without_changing_the_signature() {
    let key: AccessKey = known().key.parse().unwrap();
    let whole = Unsigned { verb: "POST", path_and_query: "/a?b", host: "h", date: "d", body: b"x" };
    let signatures = [
        whole,
        Unsigned { verb: "DELETE", ..whole },
        Unsigned { path_and_query: "/a?c", ..whole },
        Unsigned { host: "h:1", ..whole },
        Unsigned { date: "e", ..whole },
        Unsigned { body: b"", ..whole },
    ]
    .map(|request| sign(&key, request).authorization);
    for (place, signature) in signatures.iter().enumerate() {
        assert!(!signatures[..place].contains(signature), "{place}");
    }
}
