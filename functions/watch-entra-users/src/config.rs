//! The configuration from the environment.

use graph_transmitters::GraphTransmitters;
use identity_store::Tables;
use lambda_edge::config::{ConfigError, Env, required};

/// The configuration of the function.
pub(crate) struct WatchConfig {
    pub(crate) tables: Tables,
    pub(crate) graph: GraphTransmitters,
    pub(crate) queue_url: String,
}

impl WatchConfig {
    pub(crate) fn from_env(env: &impl Env) -> Result<Self, ConfigError> {
        Ok(Self {
            tables: Tables::read_only(env)?,
            graph: GraphTransmitters::from_env(env)?,
            queue_url: required(env, "EVENT_QUEUE_URL")?,
        })
    }
}
