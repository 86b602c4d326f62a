//! Checks whether the changes of Entra users are followed.

use std::time::{Duration, SystemTime};

use identity_core::ports::{Clock as _, DirectoryWatch, DirectoryWatches as _};

use crate::checks::Check;
use crate::report::duration;
use crate::service::ServiceSession;

/// Checks each tenant that `watch-entra-users` follows. Reads only.
pub(crate) async fn look_at_directories(session: &ServiceSession) -> Vec<Check> {
    match session.run(async |_| session.store.find_watches().await).await {
        Ok(watches) if watches.is_empty() => {
            vec![Check::skipped(ABOUT, "not configured, or watch-entra-users has not run yet")]
        }
        Ok(watches) => watches.iter().map(|one| judged(one, session.clock.now())).collect(),
        Err(failure) => vec![Check::failed(ABOUT, &failure)],
    }
}

fn judged(watch: &DirectoryWatch, now: SystemTime) -> Check {
    let DirectoryWatch { transmitter, tenant, followed_at, subscription_ends_at } = watch;
    let whose = format!("{transmitter}, tenant {tenant}");
    let Some(followed_at) = *followed_at else {
        return Check::bad(ABOUT, format!("{whose}: changes were never followed"), REMEDY);
    };
    let ago = now.duration_since(followed_at).unwrap_or_default();
    let left = subscription_ends_at.and_then(|ends_at| ends_at.duration_since(now).ok());
    let subscription = match left {
        Some(left) => format!("the subscription ends in {}", duration::format(left)),
        None => "the subscription has ended".to_owned(),
    };
    let finding =
        format!("{whose}: changes were followed {} ago, and {subscription}", duration::format(ago));
    if left.is_none() || ago > LONGEST_PAUSE {
        return Check::bad(ABOUT, finding, REMEDY);
    }
    Check::good(ABOUT, finding)
}

const ABOUT: &str = "Entra users";

/// As for the alarm `EntraNotWatched`. A run begins every fifteen minutes.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);

const REMEDY: &str =
    "read the log of watch-entra-users; see infra/providers/entra.md, \"If something is wrong\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_well_if_it_was_followed_within_an_hour_and_is_subscribed() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(100);
        let minute = Duration::from_mins(1);
        for (followed_at, ends_at, is_good, text) in [
            (Some(now - minute * 60), Some(now), true, "1 h ago, and the subscription ends in 0 s"),
            (Some(now - minute * 61), Some(now + minute), false, "1 h 1 min ago"),
            (Some(now), Some(now - minute), false, "the subscription has ended"),
            (Some(now), None, false, "the subscription has ended"),
            (None, Some(now + minute), false, "never followed"),
        ] {
            let watch = DirectoryWatch {
                transmitter: "entra".to_owned(),
                tenant: "t".to_owned(),
                followed_at,
                subscription_ends_at: ends_at,
            };
            let check = judged(&watch, now);
            assert_eq!((check.is_good(), check.is_bad()), (is_good, !is_good), "{check:?}");
            assert!(format!("{check:?}").contains(text), "{check:?}");
        }
    }
}
