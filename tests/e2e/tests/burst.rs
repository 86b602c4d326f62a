//! More users than ACS serves: `make load` plays a larger burst.

use std::time::Duration;

use load::{Burst, BurstComparison, LimitReading};

#[test]
fn with_two_resources_a_burst_takes_about_the_predicted_time_as_well() {
    let burst = Burst { users: 60, limit: Duration::from_hours(4), seed: 3 };
    goes_as_predicted(&BurstComparison::play(&burst, LimitReading::Kind, 2, 1_000).unwrap());
}

#[test]
fn in_a_burst_all_users_get_a_token_in_about_the_predicted_time() {
    let burst = Burst { users: 100, limit: Duration::from_hours(4), seed: 2 };
    goes_as_predicted(&BurstComparison::play(&burst, LimitReading::Strict, 1, 1_000).unwrap());
}

fn goes_as_predicted(played: &BurstComparison) {
    let title = BurstComparison::TITLE;
    assert!(played.measured.time_to_99.is_some(), "{title}\n{played}");
    assert!(played.measured.acs.refused > 0, "ACS is not overloaded\n{title}\n{played}");
    assert!(played.is_close(), "{title}\n{played}");
}
