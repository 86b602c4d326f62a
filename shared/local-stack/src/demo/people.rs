//! The users of the demonstration, and the random numbers that are the same in each run.

const GIVEN: [&str; 40] = [
    "ada", "amir", "ana", "ben", "carla", "chen", "dana", "diego", "elif", "emma", "farid",
    "fiona", "goran", "hana", "ivo", "jana", "jonas", "kemal", "lea", "liam", "lin", "luca",
    "mara", "mia", "milan", "nadia", "nils", "noah", "olga", "omar", "paul", "priya", "rosa",
    "sami", "sofia", "tariq", "tom", "uma", "vera", "yuki",
];

const FAMILY: [&str; 50] = [
    "abel", "adams", "bauer", "becker", "bianchi", "brandt", "castro", "cohen", "costa", "diaz",
    "dubois", "evans", "fischer", "garcia", "gruber", "haas", "hansen", "ito", "jansen", "jensen",
    "kaya", "keller", "khan", "klein", "kovac", "lang", "larsen", "lopez", "maier", "marin",
    "meyer", "moreau", "nagy", "novak", "okoro", "olsen", "park", "patel", "petrov", "ricci",
    "roth", "sato", "schulz", "silva", "singh", "tanaka", "vogel", "wagner", "weber", "yilmaz",
];

/// The number of users.
pub(super) const USERS: usize = GIVEN.len() * FAMILY.len();

/// The `sub` of a user, such as `mia.keller`.
pub(super) fn user(number: usize) -> String {
    // Neighbours in number have neither name in common.
    let (given, family) = (number % GIVEN.len(), (number / GIVEN.len() + number) % FAMILY.len());
    let name = |names: &[&'static str], at: usize| names.get(at).copied().unwrap_or_default();
    format!("{}.{}", name(&GIVEN, given), name(&FAMILY, family))
}

/// A generator of Steele, Lea and Flood (`SplitMix64`), which is seeded with a constant.
pub(super) struct DemoRandom(u64);

impl DemoRandom {
    pub(super) fn new() -> Self {
        Self(2026)
    }

    /// A number from 0 to less than `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % (end.max(1) as u64)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_user_has_another_name_and_each_run_the_same_numbers() {
        let names: BTreeSet<_> = (0..USERS).map(user).collect();
        assert_eq!(names.len(), 2_000);
        let mut random = DemoRandom::new();
        let numbers: Vec<_> = (0..200).map(|_| random.below(10)).collect();
        assert!((0..10).all(|number| numbers.contains(&number)));
        let mut again = DemoRandom::new();
        assert!(numbers.iter().all(|number| again.below(10) == *number));
    }
}
