//! Random numbers that need not be secure: for pauses, and for request ids.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

/// Random numbers that need not be secure: for jitter, and for request ids.
#[derive(Debug)]
pub(crate) struct Dice(AtomicU64);

impl Dice {
    /// The operating system seeds the hasher of a `HashMap`.
    pub(crate) fn new() -> Self {
        Self::seeded(RandomState::new().hash_one(0_u8))
    }

    /// Returns the same numbers for the same seed.
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number (Steele, Lea, Flood: `SplitMix64`).
    pub(crate) fn roll(&self) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A request id, in the form of a random UUID (RFC 9562 §5.4).
    pub(crate) fn request_id(&self) -> String {
        let (high, low) = (self.roll(), self.roll());
        let hex = format!(
            "{:016x}{:016x}",
            high & 0xffff_ffff_ffff_0fff | 0x4000,
            low & 0x3fff_ffff_ffff_ffff | 0x8000_0000_0000_0000
        );
        let mut id = String::with_capacity(36);
        for (place, digit) in hex.chars().enumerate() {
            if matches!(place, 8 | 12 | 16 | 20) {
                id.push('-');
            }
            id.push(digit);
        }
        id
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_numbers_and_request_ids_are_those_of_split_mix_64() {
        let dice = Dice::seeded(0);
        let rolls: Vec<_> = (0..3).map(|_| dice.roll()).collect();
        // The numbers of the reference implementation.
        assert_eq!(rolls, [0xe220_a839_7b1d_cdaf, 0x6e78_9e6a_a1b9_65f4, 0x06c4_5d18_8009_454f]);
        // The first two numbers, with the bits for version 4 and variant 10.
        assert_eq!(Dice::seeded(0).request_id(), "e220a839-7b1d-4daf-ae78-9e6aa1b965f4");
    }

    #[test]
    fn two_clients_use_different_request_ids() {
        assert_ne!(Dice::new().request_id(), Dice::new().request_id());
    }
}
