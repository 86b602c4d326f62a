use crate::model::Error;

/// The source of unpredictable numbers, for secrets.
pub trait RandomSource: Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error>;

    /// Returns some random bytes.
    fn bytes<const LENGTH: usize>(&self) -> Result<[u8; LENGTH], Error> {
        let mut bytes = [0; LENGTH];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }
}

/// The random generator of the cryptographic library, which the operating system seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemRandom;

impl RandomSource for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), Error> {
        aws_lc_rs::rand::fill(bytes).map_err(|_| Error::Internal("the random generator failed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_fills_differ() {
        let [one, other] = [(); 2].map(|()| SystemRandom.bytes::<16>().unwrap());
        assert_ne!(one, other);
    }
}
