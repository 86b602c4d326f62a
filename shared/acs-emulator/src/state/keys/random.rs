//! Randomness for keys, identifiers and correlation vectors.

use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;

/// `N` random bytes.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Unspecified> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes)?;
    Ok(bytes)
}
