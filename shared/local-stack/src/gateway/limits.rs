//! The quotas of API Gateway.

use std::time::Duration;

/// The quotas of the gateway. The default is what API Gateway documents; tests lower them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayLimits {
    /// The maximum size of a request's body in bytes.
    pub body_bytes: usize,
    /// The maximum size of a function's event in bytes, which is a quota of Lambda.
    pub event_bytes: usize,
    /// How long a function may take. It continues after that, but its response is lost.
    pub integration: Duration,
    /// Whether the rate limits of the template apply. Tests that send many requests switch them off.
    pub throttling: bool,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            body_bytes: 10 * 1024 * 1024,
            event_bytes: 6 * 1024 * 1024,
            integration: Duration::from_secs(30),
            throttling: true,
        }
    }
}
