//! Options for undocumented behaviour of the real service. The table in the crate's documentation
//! lists both choices of each option and the default.

use std::time::Duration;

use crate::emulator::Builder;

/// One choice per option.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a choice of its own, made both ways")]
pub(crate) struct Options {
    pub limits: bool,
    pub count_refused: bool,
    pub retry_after: bool,
    pub revocation_lag: time::Duration,
    pub revoke_by_second: bool,
    pub issue_for_deleted: bool,
    pub refuse_unknown_identities: bool,
    pub accept_unknown_scopes: bool,
    pub refuse_newer_members: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            limits: true,
            count_refused: false,
            retry_after: true,
            revocation_lag: time::Duration::ZERO,
            revoke_by_second: false,
            issue_for_deleted: false,
            refuse_unknown_identities: false,
            accept_unknown_scopes: false,
            refuse_newer_members: false,
        }
    }
}

impl Builder {
    /// Whether the documented limits apply: a number of calls of an operation in any 30 seconds of
    /// the emulator's clock, and 429 above it. By default they apply.
    pub fn limits(mut self, limits: bool) -> Self {
        self.options.limits = limits;
        self
    }

    /// Whether a call that is refused with 429 also takes a place in the 30 seconds, so that
    /// callers who keep asking are never served. By default it does not; Microsoft says that "all
    /// requests accrue against your usage limits".
    pub fn count_refused(mut self, count_refused: bool) -> Self {
        self.options.count_refused = count_refused;
        self
    }

    /// Whether a 429 has `Retry-After` with the number of seconds until a call is accepted. By
    /// default it has; whether the real service sends it is unknown.
    pub fn retry_after(mut self, retry_after: bool) -> Self {
        self.options.retry_after = retry_after;
        self
    }

    /// How long tokens stay valid after a revocation or a deletion, on the emulator's clock. The
    /// default is zero. ACS documents up to 15 minutes, and a larger value is reduced to 15
    /// minutes.
    pub fn revocation_lag(mut self, lag: Duration) -> Self {
        let lag = time::Duration::try_from(lag).unwrap_or(LONGEST_LAG);
        self.options.revocation_lag = lag.min(LONGEST_LAG);
        self
    }

    /// Makes a revocation end every token whose `iat` is in the same second or before, including a
    /// token that was issued after it. By default, the order of the two decides.
    pub fn revoke_by_second(mut self, by_second: bool) -> Self {
        self.options.revoke_by_second = by_second;
        self
    }

    /// Also issues tokens for identities that were deleted or never created, and these tokens are
    /// valid: the worst case for a client.
    pub fn issue_for_deleted(mut self, issue: bool) -> Self {
        self.options.issue_for_deleted = issue;
        self
    }

    /// Refuses with 404 to revoke or delete an identity that was deleted or never created, where
    /// the default is 204.
    pub fn refuse_unknown_identities(mut self, refuse: bool) -> Self {
        self.options.refuse_unknown_identities = refuse;
        self
    }

    /// Accepts any string as a scope and puts it into the token, where the default is 400.
    pub fn accept_unknown_scopes(mut self, accept: bool) -> Self {
        self.options.accept_unknown_scopes = accept;
        self
    }

    /// Refuses with 400 a member that is newer than the request's api-version, where the default is
    /// to ignore it.
    pub fn refuse_newer_members(mut self, refuse: bool) -> Self {
        self.options.refuse_newer_members = refuse;
        self
    }
}

/// The documented maximum delay of a revocation in ACS.
const LONGEST_LAG: time::Duration = time::Duration::minutes(15);
