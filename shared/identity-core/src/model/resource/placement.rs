use std::collections::BTreeMap;

use serde::Deserialize;

use super::{ByResource, ResourceName};
use crate::model::ExternalId;

/// Which resources get new identities, and how many of them.
///
/// A resource that is not listed keeps its identities and gets no new ones.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "ByResource<ResourceShare>")]
pub struct Placement(BTreeMap<ResourceName, ResourceShare>);

/// What a resource gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawShare")]
pub enum ResourceShare {
    /// New identities, in proportion to this weight.
    Open {
        /// 1 to 1,000.
        weight: u16,
    },
    /// No new identities. An identity whose tokens have all expired is replaced by one in an open
    /// resource when its user asks for a token.
    Draining,
}

impl ResourceShare {
    /// The share of a resource without a weight.
    pub const OPEN: Self = Self::Open { weight: 1 };

    const MAX_WEIGHT: u16 = 1_000;
}

impl Default for Placement {
    /// All new identities are in the first resource.
    fn default() -> Self {
        Self(BTreeMap::from([(ResourceName::MAIN, ResourceShare::OPEN)]))
    }
}

impl Placement {
    /// The shares by resource. At least one of them must be open.
    pub fn new(shares: BTreeMap<ResourceName, ResourceShare>) -> Result<Self, &'static str> {
        let is_open = |share: &ResourceShare| matches!(share, ResourceShare::Open { .. });
        if !shares.values().any(is_open) {
            return Err("no resource is open: one must get the new identities");
        }
        Ok(Self(shares))
    }

    /// The listed resources with their shares.
    pub fn shares(&self) -> impl Iterator<Item = (&ResourceName, ResourceShare)> {
        self.0.iter().map(|(name, share)| (name, *share))
    }

    /// Whether the identities of a resource are to be replaced.
    #[must_use]
    pub fn is_draining(&self, resource: &ResourceName) -> bool {
        self.0.get(resource) == Some(&ResourceShare::Draining)
    }

    /// The resource for a new identity of `user`. Resources for which `is_held` is true are left
    /// out, unless all are held.
    ///
    /// The same user always gets the same resource, as long as the placement is the same, and a
    /// new resource moves no other user (rendezvous hashing).
    #[must_use]
    pub fn choose(
        &self,
        user: &ExternalId,
        is_held: impl Fn(&ResourceName) -> bool,
    ) -> ResourceName {
        let best = |skips_held: bool| {
            let open = self.0.iter().filter_map(|(name, share)| match share {
                ResourceShare::Open { weight } if !(skips_held && is_held(name)) => {
                    Some((name, score(user, name, *weight)))
                }
                _ => None,
            });
            open.max_by(|(_, one), (_, other)| one.total_cmp(other)).map(|(name, _)| name.clone())
        };
        best(true).or_else(|| best(false)).unwrap_or_default()
    }
}

/// The larger the weight of a resource, the more often its score is the highest: the logarithm of
/// an evenly distributed number has an exponential distribution.
fn score(user: &ExternalId, resource: &ResourceName, weight: u16) -> f64 {
    let hash = mixed(user.hash_with(resource.as_str()));
    -f64::from(weight) / fraction(hash).ln()
}

/// The fraction of the 52 highest bits, which is exact and never 0 or 1.
#[expect(clippy::cast_precision_loss, reason = "52 bits fit into the mantissa")]
fn fraction(hash: u64) -> f64 {
    ((hash >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

/// Spreads the difference of two hashes over all bits: the last bytes of a text change only some
/// bits of its FNV-1a hash (the finalizer of `MurmurHash3`, which is in the public domain).
fn mixed(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    hash ^ (hash >> 33)
}

impl TryFrom<ByResource<ResourceShare>> for Placement {
    type Error = &'static str;

    fn try_from(ByResource(shares): ByResource<ResourceShare>) -> Result<Self, Self::Error> {
        if shares.is_empty() { Ok(Self::default()) } else { Self::new(shares) }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawShare {
    #[serde(default)]
    state: RawState,
    weight: Option<u16>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawState {
    #[default]
    Open,
    Draining,
}

impl TryFrom<RawShare> for ResourceShare {
    type Error = &'static str;

    fn try_from(raw: RawShare) -> Result<Self, Self::Error> {
        match (raw.state, raw.weight) {
            (RawState::Draining, None) => Ok(Self::Draining),
            (RawState::Draining, Some(_)) => Err("a resource that is draining has no weight"),
            (RawState::Open, None) => Ok(Self::OPEN),
            (RawState::Open, Some(weight)) if (1..=Self::MAX_WEIGHT).contains(&weight) => {
                Ok(Self::Open { weight })
            }
            (RawState::Open, Some(_)) => Err("a weight must be a whole number from 1 to 1000"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::user;

    fn name(raw: &str) -> ResourceName {
        ResourceName::parse(raw).unwrap()
    }

    fn placement(json: &str) -> Result<Placement, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    /// The resources of 10,000 users, whose names differ in the last characters.
    fn chosen(json: &str, held: &str) -> Vec<ResourceName> {
        let placement = placement(json).unwrap();
        let users = (0..10_000).map(|index| user(&format!("https://idp.example|{index}")));
        users.map(|user| placement.choose(&user, |one| one.as_str() == held)).collect()
    }

    fn count(chosen: &[ResourceName], resource: &str) -> usize {
        chosen.iter().filter(|one| one.as_str() == resource).count()
    }

    #[test]
    fn new_identities_are_distributed_by_weight() {
        let all = chosen(r#"{"main": {}, "eu1": {"weight": 3}, "eu2": {"weight": 1}}"#, "");
        for (resource, expected) in [("main", 2_000), ("eu1", 6_000), ("eu2", 2_000)] {
            let found = count(&all, resource);
            assert!(found.abs_diff(expected) < 300, "{resource}: {found}");
        }
    }

    // A changed score would move users whose identities exist elsewhere.
    #[test]
    fn the_score_of_a_user_never_changes() {
        assert_eq!([0, 1, u64::MAX].map(mixed), [0, 0xb456_bcfc_34c2_cb2c, 0x64b5_720b_4b82_5f21]);
        assert_eq!(mixed(0x1234_5678_9abc_def0), 0x18b8_c062_f6f4_2398);
        assert!(fraction(0) > 0.0 && fraction(u64::MAX) < 1.0);
        assert!((fraction(1 << 63) - 0.5).abs() < 1e-9);
        let found = score(&user("https://idp.example|alice"), &name("eu1"), 3);
        assert!((found - 2.136_306_288_881).abs() < 1e-9, "{found}");
    }

    #[test]
    fn another_resource_takes_its_part_and_moves_nobody_else() {
        let before = chosen(r#"{"main": {}, "eu1": {}}"#, "");
        let after = chosen(r#"{"main": {}, "eu1": {}, "eu2": {}}"#, "");
        let moved = before.iter().zip(&after).filter(|(before, after)| before != after);
        assert!(moved.clone().all(|(_, after)| after.as_str() == "eu2"));
        assert!(moved.count().abs_diff(3_333) < 300);
    }

    #[test]
    fn a_draining_resource_and_one_that_is_not_listed_get_no_new_identity() {
        let all = chosen(r#"{"eu1": {}, "old": {"state": "draining"}}"#, "");
        assert_eq!(count(&all, "eu1"), 10_000);
        let placement = placement(r#"{"eu1": {}, "old": {"state": "draining"}}"#).unwrap();
        let draining = ["eu1", "old", "main"].map(|one| placement.is_draining(&name(one)));
        assert_eq!(draining, [false, true, false]);
    }

    #[test]
    fn a_held_resource_is_left_out_unless_it_is_the_only_one() {
        let json = r#"{"main": {}, "eu1": {}}"#;
        assert_eq!(count(&chosen(json, "main"), "eu1"), 10_000);
        assert_eq!(count(&chosen(r#"{"eu1": {}}"#, "eu1"), "eu1"), 10_000);
        let all_held = placement(json).unwrap().choose(&user("alice"), |_| true);
        assert_eq!(all_held, placement(json).unwrap().choose(&user("alice"), |_| false));
    }

    #[test]
    fn without_a_placement_the_first_resource_gets_everything() {
        assert_eq!(placement("{}").unwrap(), Placement::default());
        assert_eq!(Placement::default().choose(&user("alice"), |_| false), ResourceName::MAIN);
    }

    #[test]
    fn an_invalid_placement_says_what_to_change() {
        for (json, reason) in [
            (r#"{"old": {"state": "draining"}}"#, "no resource is open"),
            (r#"{"main": {"weight": 0}}"#, "a weight must be a whole number from 1 to 1000"),
            (r#"{"main": {"weight": 1001}}"#, "a weight must be a whole number from 1 to 1000"),
            (r#"{"main": {}, "old": {"state": "draining", "weight": 1}}"#, "has no weight"),
            (r#"{"main": {"wait": 1}}"#, "unknown field `wait`"),
            (r#"{"main": {"state": "closed"}}"#, "unknown variant `closed`"),
            (r#"{"main": {}, "main": {}}"#, "two resources have the name `main`"),
        ] {
            let error = placement(json).unwrap_err();
            assert!(error.contains(reason), "{json}: {error}");
        }
        assert!(placement(r#"{"main": {"weight": 1000}}"#).is_ok());
    }
}
