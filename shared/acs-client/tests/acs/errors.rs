//! The errors for callers and for the log.

use acs_client::{Answered, ErrorCause};
use identity_core::Error;

use crate::support::{ClientFixture, ScriptedOperation, ScriptedReply, ScriptedServer, chain};

async fn call(operation: ScriptedOperation, reply: ScriptedReply) -> Result<(), Error> {
    ClientFixture::new([reply]).call(operation).await
}

fn answered(error: &Error) -> &Answered {
    std::error::Error::source(error).unwrap().downcast_ref().unwrap()
}

#[tokio::test]
async fn r43_the_error_names_a_wrong_key() {
    for (status, code) in [(401, "Denied"), (403, "Forbidden"), (401, "")] {
        for operation in ScriptedOperation::ALL {
            let reply = ScriptedReply::error(status, code, "Denied by the resource provider.");
            let error = call(operation, reply).await.unwrap_err();
            assert!(matches!(error, Error::AcsRefused(_)), "{error:?}");
            let (cause, says) = if operation.is_signed() {
                (ErrorCause::KeyRefused, "the access key is wrong, or belongs to another resource")
            } else {
                (ErrorCause::Denied, "the bearer token is invalid")
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
async fn an_identity_of_another_resource_is_refused_and_does_not_count_as_deleted() {
    let foreign = || {
        ScriptedReply::error(
            401,
            "IdentityNotOwned",
            "Provided identity doesn't belong to the resource.",
        )
    };
    for operation in ScriptedOperation::ALL {
        let error = call(operation, foreign()).await.unwrap_err();
        let is_about_an_identity =
            [ScriptedOperation::Issue, ScriptedOperation::Revoke, ScriptedOperation::Delete]
                .contains(&operation);
        assert_eq!(matches!(error, Error::ForeignIdentity(_)), is_about_an_identity, "{error:?}");
        assert_eq!(matches!(error, Error::AcsRefused(_)), !is_about_an_identity, "{error:?}");
        assert_eq!(answered(&error).cause(), &ErrorCause::IdentityNotOwned);
        assert!(chain(&error).contains("the identity belongs to another resource"));
    }
}

#[tokio::test]
async fn r07_revoking_and_deleting_an_identity_that_acs_does_not_have_succeed() {
    for reply in [
        ScriptedReply::error(404, "IdentityNotFound", "No."),
        ScriptedReply::with(404, "ms-cv: abc.0\r\n", ""),
    ] {
        call(ScriptedOperation::Revoke, reply.clone()).await.unwrap();
        call(ScriptedOperation::Delete, reply.clone()).await.unwrap();
        let error = call(ScriptedOperation::Issue, reply.clone()).await.unwrap_err();
        assert!(matches!(error, Error::AcsRefused(_)));
        assert_eq!(answered(&error).cause(), &ErrorCause::IdentityLost);
    }
}

#[tokio::test]
async fn a_404_that_is_not_from_acs_or_not_about_the_identity_is_an_error() {
    for operation in [ScriptedOperation::Revoke, ScriptedOperation::Delete] {
        for (header, body) in [
            ("", ""),
            ("", "<html>not found</html>"),
            ("", "{}"),
            ("ms-cv: abc.0\r\n", "<html>not found</html>"),
            ("", r#"{"error":{"code":"404","message":"Resource not found"}}"#),
            ("ms-cv: abc.0\r\n", r#"{"error":{"code":"ResourceNotFound","message":"No."}}"#),
            ("ms-cv: abc.0\r\n", r#"{"error":{"code":"IdentityNotOwned","message":"No."}}"#),
        ] {
            let error = call(operation, ScriptedReply::with(404, header, body)).await.unwrap_err();
            assert!(matches!(error, Error::AcsUnavailable { maybe_applied: true, .. }));
        }
    }
}

#[tokio::test]
async fn r40_an_invalid_response_is_never_a_success() {
    let html = "<html>hello</html>";
    let huge = format!(r#"{{"identity":{{"id":"8:acs:1_2"}},"x":"{}"}}"#, "y".repeat(10 << 20));
    for operation in ScriptedOperation::ALL {
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
            let error = call(operation, ScriptedReply::with(status, "", body)).await.unwrap_err();
            assert!(
                matches!(error, Error::AcsUnavailable { maybe_applied: true, .. }),
                "{operation:?} {status}: {error:?}"
            );
            assert!(!chain(&error).contains("hello"));
        }
    }
    // An identity without the requested token is not a valid response.
    assert!(call(ScriptedOperation::CreateWithToken, ScriptedReply::identity()).await.is_err());
}

#[tokio::test]
async fn r47_a_redirect_is_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        for operation in ScriptedOperation::ALL {
            let elsewhere = ScriptedServer::start([ScriptedReply::done()]);
            let header = format!("location: http://{}/\r\n", elsewhere.address);
            let error =
                call(operation, ScriptedReply::with(status, &header, "")).await.unwrap_err();
            assert!(matches!(error, Error::AcsUnavailable { maybe_applied: true, .. }));
            assert_eq!(answered(&error).cause(), &ErrorCause::Redirected);
            assert_eq!(elsewhere.connections(), 0);
        }
    }
}

#[tokio::test]
async fn r44_the_error_names_a_wrong_clock() {
    let denied = r#"{"error":{"code":"Denied","message":"Denied by the resource provider."}}"#;
    // The client's clock is at 08:00:00.
    for (date, ahead_s, text) in [
        ("Fri, 15 Jan 2027 08:20:00 GMT", -1200, "the clock is 1200 s behind ACS's"),
        ("Fri, 15 Jan 2027 07:40:00 GMT", 1200, "the clock is 1200 s ahead of ACS's"),
    ] {
        let header = format!("date: {date}\r\n");
        let error = call(ScriptedOperation::Issue, ScriptedReply::with(401, &header, denied))
            .await
            .unwrap_err();
        assert!(matches!(error, Error::AcsRefused(_)));
        assert_eq!(answered(&error).cause(), &ErrorCause::ClockSkew { ahead_s: Some(ahead_s) });
        assert!(chain(&error).contains(text), "{}", chain(&error));
    }
    let said = "The given request could not be resolved. Allowed difference is 5 minutes.";
    let error = call(ScriptedOperation::Issue, ScriptedReply::error(401, "Denied", said))
        .await
        .unwrap_err();
    assert_eq!(answered(&error).cause(), &ErrorCause::ClockSkew { ahead_s: None });

    let header = "date: Fri, 15 Jan 2027 08:04:59 GMT\r\n";
    let error =
        call(ScriptedOperation::Issue, ScriptedReply::with(401, header, denied)).await.unwrap_err();
    assert_eq!(answered(&error).cause(), &ErrorCause::KeyRefused);
}

#[tokio::test]
async fn the_error_for_an_unsupported_version_lists_the_supported_ones() {
    let body = r#"{"error":{"code":"UnsupportedApiVersion","message":"No.","innerError":null}}"#;
    let header = "api-supported-versions: 2023-10-01, 2025-06-30\r\n";
    let error =
        call(ScriptedOperation::Create, ScriptedReply::with(400, header, body)).await.unwrap_err();
    assert!(matches!(error, Error::AcsRefused(_)));
    assert!(chain(&error).contains("supported: 2023-10-01, 2025-06-30"), "{}", chain(&error));
}

#[tokio::test]
async fn any_other_4xx_is_refused_with_the_message_of_acs() {
    let reply =
        ScriptedReply::error(400, "ValidationError", "Invalid scopes - Scopes field is required.");
    let error = call(ScriptedOperation::Issue, reply).await.unwrap_err();
    assert!(matches!(error, Error::AcsRefused(_)));
    let text = chain(&error);
    assert!(text.contains("400 ValidationError to `issue access token`"), "{text}");
    assert!(text.contains("\"Invalid scopes - Scopes field is required.\""), "{text}");
}

#[tokio::test]
async fn a_message_of_acs_is_shortened_and_cannot_forge_a_log_line() {
    let message = format!("a\r\nb\u{1b}[31m\u{202e}{}", "x".repeat(5000));
    let code = format!("Bad\n{}", "y".repeat(5000));
    let error = call(ScriptedOperation::Issue, ScriptedReply::error(400, &code, &message))
        .await
        .unwrap_err();
    let text = chain(&error);
    assert!(text.chars().all(|c| !c.is_control() && c != '\u{202e}'), "{text:?}");
    assert!(text.contains("\"ab[31mxxx"), "{text}");
    assert!(text.len() < 600, "{}", text.len());
    assert!(answered(&error).code().len() <= 64);
}
