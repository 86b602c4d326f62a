mod body;
mod caller;
mod event;
pub mod fields;
mod object;
pub mod paging;
mod query;
mod read_error;
mod token_input;

use std::time::Duration;

use identity_core::{identity::Invocation, ports::Clock};
use lambda_http::{Context, Request, RequestExt};

use crate::deadline;

pub use body::{json, short_json};
pub use caller::Caller;
pub use event::GatewayEvent;
pub use object::Object;
pub use query::{invalid_parameter, query};
pub use token_input::TokenInput;

/// The name and the times of a request's invocation, as Lambda gave them.
#[must_use]
pub fn invocation(request: &Request, clock: &impl Clock) -> Invocation {
    let context = request.lambda_context_ref();
    context.map_or_else(|| invocation_of(&Context::default(), clock), |c| invocation_of(c, clock))
}

/// The name and the times of an invocation, as Lambda gave them.
#[must_use]
pub fn invocation_of(context: &Context, clock: &impl Clock) -> Invocation {
    let now = clock.now();
    let deadline = deadline(context, now, WITHOUT_DEADLINE);
    let acs_until = deadline.checked_sub(AFTER_ACS).unwrap_or(now).min(now + FOR_ACS);
    Invocation {
        id: context.request_id.clone(),
        deadline,
        acs_until,
        patience: Invocation::PATIENCE,
    }
}

/// For a request that did not come through Lambda.
const WITHOUT_DEADLINE: Duration = Duration::from_secs(10);

/// The time limit for all calls to ACS in a request together.
const FOR_ACS: Duration = Duration::from_secs(6);

/// The time reserved after ACS for the deciding write and for the response.
const AFTER_ACS: Duration = Duration::from_secs(2);
