use std::time::{Duration, SystemTime};

use identity_core::{
    record::{Record, State},
    testing::record,
};

/// The identities in the table.
#[derive(Clone, Copy, Debug)]
pub struct Population {
    /// The number of identities that were not used for 91 days or more.
    pub stale: u64,
    /// The number of identities that were used within the last 89 days, evenly spread.
    pub fresh: u64,
    /// The current time.
    pub now: SystemTime,
}

impl Population {
    /// Every record; the same records on each call.
    pub fn records(self) -> impl Iterator<Item = Record> {
        let stale = (0..self.stale).map(move |n| {
            let age = DAY * (91 + u32::try_from(n % 300).unwrap());
            one(&format!("stale-{n:08}"), n, self.now - age)
        });
        let fresh = (0..self.fresh).map(move |n| {
            one(&format!("fresh-{n:08}"), self.stale + n, self.now - self.fresh_age(n))
        });
        stale.chain(fresh)
    }

    /// The number of identities unused for more than `days`, with at most 89 days.
    #[must_use]
    pub fn unused_for_more_than(self, days: u32) -> u64 {
        let fresh = (0..self.fresh).filter(|n| self.fresh_age(*n) > DAY * days).count();
        self.stale + u64::try_from(fresh).unwrap()
    }

    fn fresh_age(self, n: u64) -> Duration {
        let span = u64::try_from((DAY * 89).as_millis()).unwrap();
        Duration::from_millis(span * n / self.fresh)
    }
}

/// An identity as the service creates it: the external id from an issuer and a subject, and the ACS
/// id with two GUIDs.
fn one(subject: &str, n: u64, last_used: SystemTime) -> Record {
    let user = format!("https://login.example.com/5f0e4c57|{subject}");
    // The values are spread like random ones, and are unique.
    let spread = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let (high, low) = (spread >> 32, spread & 0xffff_ffff);
    let acs_id = format!("8:acs:{RESOURCE}_{high:08x}-{:04x}-4000-8000-0000{low:08x}", n & 0xffff);
    Record {
        created_at: last_used - DAY * 30,
        changed_at: last_used - DAY * 30,
        ..record(&user, State::active(&acs_id), last_used)
    }
}

/// The emulator's resource, to which the identities belong.
pub(crate) const RESOURCE: &str = "9d1e2f30-6a4b-4c8d-9e0f-1a2b3c4d5e6f";

const DAY: Duration = Duration::from_hours(24);
