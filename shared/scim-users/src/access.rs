/// The bearer in the header `Authorization`; `None` if it has another scheme.
#[must_use]
pub fn bearer_in(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_start())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r26_scim_reads_a_bearer_and_no_other_scheme() {
        for header in ["Bearer abc", "bearer  abc", " BEARER abc "] {
            assert_eq!(bearer_in(header), Some("abc"), "{header}");
        }
        for header in ["", "Bearer", "Bearer ", "abc", "Basic abc", "Bearerabc"] {
            assert_eq!(bearer_in(header), None, "{header}");
        }
    }
}
