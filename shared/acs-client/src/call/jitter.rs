//! Random numbers that need not be secure: for pauses, and for request IDs.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// A generator of random numbers.
#[derive(Debug)]
pub(crate) struct Jitter(AtomicU64);

impl Jitter {
    /// Uses a random seed: the operating system seeds the hasher of a `HashMap`.
    pub(crate) fn new() -> Self {
        Self::seeded(RandomState::new().hash_one(0_u8))
    }

    /// Returns the same numbers for the same seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number (Steele, Lea, Flood: `SplitMix64`).
    pub(crate) fn next(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A request ID, in the form of a random UUID (RFC 9562 §5.4).
    pub(crate) fn request_id(&self) -> String {
        let (high, low) = (self.next(), self.next());
        let hex = format!(
            "{:016x}{:016x}",
            high & 0xffff_ffff_ffff_0fff | 0x4000,
            low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
        );
        let mut id = String::with_capacity(36);
        for (index, digit) in hex.chars().enumerate() {
            if matches!(index, 8 | 12 | 16 | 20) {
                id.push('-');
            }
            id.push(digit);
        }
        id
    }
}

/// A random duration of at most `most`.
pub(crate) fn up_to(most: Duration, random: u64) -> Duration {
    let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
    Duration::from_micros(random % micros.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_and_request_ids_are_those_of_split_mix_64() {
        let jitter = Jitter::seeded(0);
        let numbers: Vec<_> = (0..3).map(|_| jitter.next()).collect();
        // The numbers of the reference implementation.
        assert_eq!(numbers, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
        // The first two numbers, with the bits for version 4 and variant 10.
        assert_eq!(Jitter::seeded(0).request_id(), "e220a839-7b1d-4daf-ae78-9e6aa1b965f4");
    }

    #[test]
    fn two_clients_use_different_request_ids() {
        assert_ne!(Jitter::new().request_id(), Jitter::new().request_id());
    }
}
