//! The body of an error response.

use serde::Deserialize;

/// The body of an error.
#[derive(Default, Deserialize)]
pub(crate) struct ErrorBody {
    /// For machines, e.g. `Denied`.
    #[serde(default)]
    pub(crate) code: String,
    /// For people.
    #[serde(default)]
    pub(crate) message: String,
    /// The member of the request it is about.
    pub(crate) target: Option<String>,
}

/// Reads the body of an error; `None` if it is not ACS's.
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
    fn an_error_is_acs_s_only_with_a_code() {
        let error = read_error(br#"{"error":{"code":"Denied","message":"No."}}"#).unwrap();
        assert_eq!((error.code.as_str(), error.message.as_str()), ("Denied", "No."));
        for body in ["", "<html>", "{}", r#"{"error":"Denied"}"#, r#"{"error":{}}"#] {
            assert!(read_error(body.as_bytes()).is_none(), "{body}");
        }
    }
}
