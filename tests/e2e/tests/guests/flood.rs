use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use serde_json::json;
use tokio::task::JoinHandle;

use crate::support::{GuestStack, device};

/// Callers of the open route who send one invalid handle after the other, all at the same time.
pub(crate) struct Flood {
    seen: Arc<FloodReplies>,
    callers: Vec<JoinHandle<()>>,
}

/// What the callers got.
#[derive(Default)]
struct FloodReplies {
    admitted: AtomicU64,
    refused: AtomicU64,
    is_over: AtomicBool,
}

impl Flood {
    pub(crate) fn begin(guests: &Arc<GuestStack>) -> Self {
        let seen = Arc::<FloodReplies>::default();
        let caller = |number| {
            let (guests, seen) = (Arc::clone(guests), Arc::clone(&seen));
            tokio::spawn(async move { call_on(&guests, number, &seen).await })
        };
        Self { callers: (0..CALLERS).map(caller).collect(), seen }
    }

    /// The requests that the gateway has refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.seen.refused.load(Relaxed)
    }

    /// Ends the flood. Returns how many of its requests the gateway has admitted.
    pub(crate) async fn end(self) -> u64 {
        self.seen.is_over.store(true, Relaxed);
        for caller in self.callers {
            caller.await.unwrap();
        }
        self.seen.admitted.load(Relaxed)
    }
}

async fn call_on(guests: &GuestStack, caller: usize, seen: &FloodReplies) {
    for number in 0.. {
        if seen.is_over.load(Relaxed) {
            break;
        }
        let reply = guests.exchange(&format!("gp_{caller:05}{number:017}"), &device(caller)).await;
        let counted = if reply.status == 429 {
            assert_eq!(reply.body, json!({ "message": "Too Many Requests" }));
            &seen.refused
        } else {
            assert_eq!((reply.status, reply.problem()), (404, "invitation-unknown"), "{reply:?}");
            &seen.admitted
        };
        counted.fetch_add(1, Relaxed);
    }
}

/// The requests that the template admits at once.
pub(crate) const BURST: u64 = 60;

const CALLERS: usize = 40;
