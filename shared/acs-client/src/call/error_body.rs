//! The body of an error response.

use serde::Deserialize;

/// The body of an error.
#[derive(Default, Deserialize)]
pub(crate) struct ErrorBody {
    /// The error code, e.g. `Denied`.
    #[serde(default)]
    pub(crate) code: String,
    /// The message, in English.
    #[serde(default)]
    pub(crate) message: String,
    /// The member of the request that the error is about.
    pub(crate) target: Option<String>,
}

/// Parses the body of an error; `None` if it is not in the format of ACS.
pub(crate) fn read_error(body: &[u8]) -> Option<ErrorBody> {
    #[derive(Deserialize)]
    struct Envelope {
        error: ErrorBody,
    }
    let envelope: Envelope = serde_json::from_slice(body).ok()?;
    (!envelope.error.code.is_empty()).then_some(envelope.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_body_without_a_code_is_not_from_acs() {
        let error = read_error(br#"{"error":{"code":"Denied","message":"No."}}"#).unwrap();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("Denied", "No."));
        for body in ["", "<html>", "{}", r#"{"error":"Denied"}"#, r#"{"error":{}}"#] {
            assert!(read_error(body.as_bytes()).is_none(), "{body}");
        }
    }
}
