//! Compares signatures with known ones.
//!
//! The known signatures were made by Microsoft's packages for Python and JavaScript, with a fixed
//! clock. Two incorrect ones are left out: one signs the host with a trailing slash, which ACS
//! refuses, the other signs the port twice, a mistake of old JavaScript packages.

use acs_client::{
    AccessKey,
    sign::{Unsigned, sign},
};
use serde::Deserialize;

#[derive(Deserialize)]
struct KnownSignatures {
    key: String,
    date: String,
    vectors: Vec<SignatureVector>,
}

#[derive(Deserialize)]
struct SignatureVector {
    id: String,
    verb: String,
    path_and_query: String,
    host: String,
    body: String,
    content_sha256: String,
    signature: String,
}

fn known_signatures() -> KnownSignatures {
    serde_json::from_str(include_str!("vectors.json")).unwrap()
}

#[test]
fn r45_signatures_equal_the_known_ones() {
    let KnownSignatures { key, date, vectors } = known_signatures();
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
fn r45_every_part_of_a_request_changes_the_signature() {
    let key: AccessKey = known_signatures().key.parse().unwrap();
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
    for (index, signature) in signatures.iter().enumerate() {
        assert!(!signatures[..index].contains(signature), "{index}");
    }
}
