use std::fmt;

use crate::model::Secret;

/// The PIN of an invitation, which the guest receives over another channel than the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestPin(Secret);

impl GuestPin {
    /// Accepts six digits.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let fits = raw.len() == 6 && raw.bytes().all(|byte| byte.is_ascii_digit());
        fits.then(|| Self(Secret::new(raw)))
    }

    /// The PIN for a random number. `None` for the few numbers that would make some PINs more
    /// likely than others.
    pub(crate) fn generated(random: u32) -> Option<Self> {
        const PINS: u32 = 1_000_000;
        let is_even = random < u32::MAX - u32::MAX % PINS;
        is_even.then(|| Self(Secret::new(format!("{:06}", random % PINS))))
    }

    /// The PIN itself. Review every call of this method.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// What the store keeps of a PIN. Its key comes from the handle, so a reader
/// of the store without the handle cannot try PINs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PinTag(pub [u8; 16]);

impl fmt::Debug for PinTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PinTag(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_six_digits() {
        for bad in ["", "12345", "1234567", "12345a", "１２３４５６", "12345 "] {
            assert_eq!(GuestPin::parse(bad), None, "{bad}");
        }
        assert_eq!(GuestPin::parse("012345").unwrap().expose(), "012345");
    }

    #[test]
    fn every_pin_is_equally_likely() {
        let pin = |random| GuestPin::generated(random).map(|pin| pin.expose().to_owned());
        assert_eq!(pin(7).as_deref(), Some("000007"));
        assert_eq!(pin(1_000_007).as_deref(), Some("000007"));
        assert_eq!(pin(4_293_999_999).as_deref(), Some("999999"));
        assert_eq!(pin(4_294_000_000), None);
        assert_eq!(pin(u32::MAX), None);
    }
}
