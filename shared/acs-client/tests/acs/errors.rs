//! The errors, as the caller and the log get them.

use acs_client::{Answered, Cause};
use identity_core::Error;

use crate::support::{Operation, Reply, Server, World, chain};

async fn tell(operation: Operation, reply: Reply) -> Result<(), Error> {
    World::new([reply]).call(operation).await
}

fn answered(error: &Error) -> &Answered {
    std::error::Error::source(error).unwrap().downcast_ref().unwrap()
}

#[tokio::test]
async fn r43_a_wrong_key_is_named() {
    for (status, code) in [(401, "Denied"), (403, "Forbidden"), (401, "")] {
        for operation in Operation::ALL {
            let reply = Reply::error(status, code, "Denied by the resource provider.");
            let error = tell(operation, reply).await.unwrap_err();
            assert!(matches!(error, Error::AcsRefused(_)), "{error:?}");
            let (cause, says) = if operation.is_signed() {
                (Cause::KeyRefused, "the access key is wrong, or belongs to another resource")
            } else {
                (Cause::Denied, "the bearer token is not accepted")
            };
            assert_eq!(answered(&error).cause(), &cause);
            assert_eq!(answered(&error).status(), status);
            assert_eq!(
                (answered(&error).ms_cv(), answered(&error).request_id().len()),
                ("abc.0", 36)
            );
            let text = chain(&error);
            for part in [
                &format!("ACS answered {status} {code}"),
                "x-ms-client-request-id ",
                "MS-CV abc.0",
                says,
            ] {
                assert!(text.contains(part), "{text}");
            }
        }
    }
}

#[tokio::test]
async fn an_identity_of_another_resource_is_refused_and_never_taken_for_gone() {
    let foreign = || {
        Reply::error(401, "IdentityNotOwned", "Provided identity doesn't belong to the resource.")
    };
    for operation in Operation::ALL {
        let error = tell(operation, foreign()).await.unwrap_err();
        let names_one =
            [Operation::Issue, Operation::Revoke, Operation::Delete].contains(&operation);
        assert_eq!(matches!(error, Error::ForeignIdentity(_)), names_one, "{error:?}");
        assert_eq!(matches!(error, Error::AcsRefused(_)), !names_one, "{error:?}");
        assert_eq!(answered(&error).cause(), &Cause::IdentityNotOwned);
        assert!(chain(&error).contains("the identity belongs to another resource"));
    }
}

#[tokio::test]
async fn r07_an_identity_acs_does_not_know_is_revoked_and_deleted() {
    for reply in
        [Reply::error(404, "IdentityNotFound", "No."), Reply::with(404, "ms-cv: abc.0\r\n", "")]
    {
        tell(Operation::Revoke, reply.clone()).await.unwrap();
        tell(Operation::Delete, reply.clone()).await.unwrap();
        let error = tell(Operation::Issue, reply.clone()).await.unwrap_err();
        assert!(matches!(error, Error::AcsRefused(_)));
        assert_eq!(answered(&error).cause(), &Cause::IdentityLost);
    }
}

#[tokio::test]
async fn a_404_that_is_not_acs_s_or_not_about_the_identity_proves_nothing() {
    for operation in [Operation::Revoke, Operation::Delete] {
        for (header, body) in [
            ("", ""),
            ("", "<html>not found</html>"),
            ("", "{}"),
            ("ms-cv: abc.0\r\n", "<html>not found</html>"),
            ("", r#"{"error":{"code":"404","message":"Resource not found"}}"#),
            ("ms-cv: abc.0\r\n", r#"{"error":{"code":"ResourceNotFound","message":"No."}}"#),
            ("ms-cv: abc.0\r\n", r#"{"error":{"code":"IdentityNotOwned","message":"No."}}"#),
        ] {
            let error = tell(operation, Reply::with(404, header, body)).await.unwrap_err();
            assert!(matches!(error, Error::AcsUnavailable { maybe_applied: true, .. }));
        }
    }
}

#[tokio::test]
async fn r40_nonsense_is_never_success() {
    let html = "<html>hello</html>";
    let huge = format!(r#"{{"identity":{{"id":"8:acs:1_2"}},"x":"{}"}}"#, "y".repeat(10 << 20));
    for operation in Operation::ALL {
        for (status, body) in [
            (200, html),
            (200, ""),
            (200, "{}"),
            (201, r#"{"identity":{"id":"8:ac"#),
            (201, &huge),
            (201, r#"{"identity":{}}"#),
            (202, ""),
            (206, html),
        ] {
            let error = tell(operation, Reply::with(status, "", body)).await.unwrap_err();
            assert!(
                matches!(error, Error::AcsUnavailable { maybe_applied: true, .. }),
                "{operation:?} {status}: {error:?}"
            );
            assert!(!chain(&error).contains("hello"));
        }
    }
    // The caller requested a token: an identity alone is not a valid response.
    assert!(tell(Operation::CreateWithToken, Reply::identity()).await.is_err());
}

#[tokio::test]
async fn r47_a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        for operation in Operation::ALL {
            let elsewhere = Server::start([Reply::done()]);
            let header = format!("location: http://{}/\r\n", elsewhere.address);
            let error = tell(operation, Reply::with(status, &header, "")).await.unwrap_err();
            assert!(matches!(error, Error::AcsUnavailable { maybe_applied: true, .. }));
            assert_eq!(answered(&error).cause(), &Cause::Redirected);
            assert_eq!(elsewhere.connections(), 0);
        }
    }
}

#[tokio::test]
async fn r44_a_wrong_clock_is_named() {
    let denied = r#"{"error":{"code":"Denied","message":"Denied by the resource provider."}}"#;
    // The client's clock is at 08:00:00.
    for (date, ahead_s, text) in [
        ("Fri, 15 Jan 2027 08:20:00 GMT", -1200, "our clock is 1200 s behind ACS's"),
        ("Fri, 15 Jan 2027 07:40:00 GMT", 1200, "our clock is 1200 s ahead of ACS's"),
    ] {
        let header = format!("date: {date}\r\n");
        let error = tell(Operation::Issue, Reply::with(401, &header, denied)).await.unwrap_err();
        assert!(matches!(error, Error::AcsRefused(_)));
        assert_eq!(answered(&error).cause(), &Cause::ClockSkew { ahead_s: Some(ahead_s) });
        assert!(chain(&error).contains(text), "{}", chain(&error));
    }
    let said = "The given request could not be resolved. Allowed difference is 5 minutes.";
    let error = tell(Operation::Issue, Reply::error(401, "Denied", said)).await.unwrap_err();
    assert_eq!(answered(&error).cause(), &Cause::ClockSkew { ahead_s: None });

    let header = "date: Fri, 15 Jan 2027 08:04:59 GMT\r\n";
    let error = tell(Operation::Issue, Reply::with(401, header, denied)).await.unwrap_err();
    assert_eq!(answered(&error).cause(), &Cause::KeyRefused);
}

#[tokio::test]
async fn a_version_acs_does_not_speak_is_named_with_those_it_does() {
    let body = r#"{"error":{"code":"UnsupportedApiVersion","message":"No.","innerError":null}}"#;
    let header = "api-supported-versions: 2023-10-01, 2025-06-30\r\n";
    let error = tell(Operation::Create, Reply::with(400, header, body)).await.unwrap_err();
    assert!(matches!(error, Error::AcsRefused(_)));
    assert!(chain(&error).contains("supported are: 2023-10-01, 2025-06-30"), "{}", chain(&error));
}

#[tokio::test]
async fn any_other_4xx_is_our_mistake_with_acs_s_words() {
    let reply = Reply::error(400, "ValidationError", "Invalid scopes - Scopes field is required.");
    let error = tell(Operation::Issue, reply).await.unwrap_err();
    assert!(matches!(error, Error::AcsRefused(_)));
    let text = chain(&error);
    assert!(text.contains("400 ValidationError to `issue access token`"), "{text}");
    assert!(text.contains("\"Invalid scopes - Scopes field is required.\""), "{text}");
}

#[tokio::test]
async fn what_acs_says_is_cut_and_cannot_forge_a_line() {
    let message = format!("a\r\nb\u{1b}[31m\u{202e}{}", "x".repeat(5000));
    let code = format!("Bad\n{}", "y".repeat(5000));
    let error = tell(Operation::Issue, Reply::error(400, &code, &message)).await.unwrap_err();
    let text = chain(&error);
    assert!(text.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{text:?}");
    assert!(text.contains("\"ab[31mxxx"), "{text}");
    assert!(text.len() < 600, "{}", text.len());
    assert!(answered(&error).code().len() <= 64);
}
