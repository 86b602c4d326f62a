//! More users than ACS serves: `make load` plays a larger burst.

use std::time::Duration;

use load::{Burst, BurstComparison, LimitReading};

#[test]
fn with_two_resources_a_burst_takes_about_the_predicted_time_as_well() {
    goes_as_predicted(
        &Burst { users: 60, limit: Duration::from_hours(4), seed: 3 },
        LimitReading::Kind,
        2,
    );
}

#[test]
fn in_a_burst_all_users_get_a_token_in_about_the_predicted_time() {
    goes_as_predicted(
        &Burst { users: 100, limit: Duration::from_hours(4), seed: 2 },
        LimitReading::Strict,
        1,
    );
}

fn goes_as_predicted(burst: &Burst, reading: LimitReading, resources: usize) {
    let played = BurstComparison::play(burst, reading, resources, 1_000).unwrap();
    let title = BurstComparison::TITLE;
    assert!(played.measured.time_to_99.is_some(), "{title}\n{played}");
    assert!(played.measured.acs.refused > 0, "ACS is not overloaded\n{title}\n{played}");
    assert!(played.is_close(), "{title}\n{played}");
}
