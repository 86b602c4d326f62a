//! The ids that the gateway gives to a request, in the forms of API Gateway.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use time::OffsetDateTime;
use uuid::Uuid;

/// 15 random characters and `=`. It is not a UUID, so that no program comes to rely on one.
pub(super) fn request_id() -> String {
    URL_SAFE.encode(Uuid::new_v4().as_bytes().first_chunk::<11>().unwrap_or(&[0; 11]))
}

/// The value of `x-amzn-trace-id`: the time in hexadecimal seconds, and 24 random digits.
pub(super) fn trace_id(now: OffsetDateTime) -> String {
    let random = Uuid::new_v4().simple().to_string();
    format!("Root=1-{:08x}-{}", now.unix_timestamp(), random.get(..24).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_is_15_characters_and_an_equals_sign() {
        let (one, another) = (request_id(), request_id());
        assert_ne!(one, another);
        let (random, end) = one.split_at(15);
        assert_eq!(end, "=");
        assert!(random.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c)), "{one}");
    }

    #[test]
    fn a_trace_id_has_the_time_and_a_random_part() {
        let id = trace_id(OffsetDateTime::from_unix_timestamp(0x65f0_a1b2).unwrap());
        let random = id.strip_prefix("Root=1-65f0a1b2-").unwrap();
        assert!(random.len() == 24 && random.chars().all(|c| c.is_ascii_hexdigit()), "{id}");
    }
}
