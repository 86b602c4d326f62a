//! The codes and the refresh tokens that are valid.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// RFC 6749 recommends at most ten minutes. An app exchanges its code at once.
const CODE_LIFETIME_MS: i64 = 60_000;

/// A refresh token that is not used for a day has expired.
const REFRESH_LIFETIME_MS: i64 = 24 * 3_600_000;

/// More than this many codes or refresh tokens at once are not kept: the oldest one is removed.
const MOST: usize = 1_000;

/// What a user has granted to an app.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SignInGrant {
    pub(super) client_id: String,
    pub(super) subject: String,
    /// The provider profile; empty for none.
    pub(super) profile: String,
    /// As the app requested it.
    pub(super) scope: String,
    pub(super) nonce: Option<String>,
    /// When the user signed in, in seconds since the epoch.
    pub(super) signed_in_at: i64,
}

/// How an app proves that it is the one that sent the user.
#[derive(Clone, Debug)]
pub(super) struct CodeBinding {
    pub(super) redirect_uri: String,
    pub(super) code_challenge: String,
}

#[derive(Debug)]
struct Issued<T> {
    value: T,
    issued_at_ms: i64,
}

#[derive(Debug)]
struct RefreshGrant {
    grant: SignInGrant,
    /// The code from which it descends.
    code: String,
}

/// The store, which lives as long as the stack.
#[derive(Debug, Default)]
pub(crate) struct SignInGrants {
    codes: Mutex<HashMap<String, Issued<(SignInGrant, CodeBinding)>>>,
    refresh_tokens: Mutex<HashMap<String, Issued<RefreshGrant>>>,
}

impl SignInGrants {
    /// A new code; `None` if the system's random generator failed.
    pub(super) fn issue_code(
        &self,
        grant: SignInGrant,
        binding: CodeBinding,
        now_ms: i64,
    ) -> Option<String> {
        let code = random_handle()?;
        insert(&self.codes, code.clone(), (grant, binding), CODE_LIFETIME_MS, now_ms);
        Some(code)
    }

    /// Ends a code, and returns what it stands for if it has not expired. A second use may be that
    /// of an attacker, so it also ends the refresh tokens of the first one (RFC 6749 §4.1.2).
    pub(super) fn take_code(&self, code: &str, now_ms: i64) -> Option<(SignInGrant, CodeBinding)> {
        let taken = locked(&self.codes).remove(code);
        if taken.is_none() {
            locked(&self.refresh_tokens).retain(|_, issued| issued.value.code != code);
        }
        taken.filter(|issued| now_ms - issued.issued_at_ms < CODE_LIFETIME_MS).map(|one| one.value)
    }

    /// A new refresh token; `None` if the system's random generator failed.
    pub(super) fn issue_refresh_token(
        &self,
        grant: SignInGrant,
        code: &str,
        now_ms: i64,
    ) -> Option<String> {
        let token = random_handle()?;
        let value = RefreshGrant { grant, code: code.to_owned() };
        insert(&self.refresh_tokens, token.clone(), value, REFRESH_LIFETIME_MS, now_ms);
        Some(token)
    }

    /// Ends a refresh token of an app, and returns its grant and the code from which it descends.
    pub(super) fn take_refresh_token(
        &self,
        token: &str,
        client_id: &str,
        now_ms: i64,
    ) -> Option<(SignInGrant, String)> {
        let mut tokens = locked(&self.refresh_tokens);
        let issued = tokens.get(token)?;
        let is_expired = now_ms - issued.issued_at_ms >= REFRESH_LIFETIME_MS;
        if is_expired || issued.value.grant.client_id != client_id {
            return None;
        }
        tokens.remove(token).map(|issued| (issued.value.grant, issued.value.code))
    }
}

fn insert<T>(
    kept: &Mutex<HashMap<String, Issued<T>>>,
    handle: String,
    value: T,
    lifetime_ms: i64,
    now_ms: i64,
) {
    let mut kept = locked(kept);
    kept.retain(|_, issued| now_ms - issued.issued_at_ms < lifetime_ms);
    if kept.len() >= MOST {
        let oldest = kept.iter().min_by_key(|(_, issued)| issued.issued_at_ms);
        if let Some(oldest) = oldest.map(|(handle, _)| handle.clone()) {
            kept.remove(&oldest);
        }
    }
    kept.insert(handle, Issued { value, issued_at_ms: now_ms });
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// 256 random bits in base64url.
fn random_handle() -> Option<String> {
    let mut bytes = [0; 32];
    rand::fill(&mut bytes).ok()?;
    Some(URL_SAFE_NO_PAD.encode(bytes))
}
