//! The bodies of the API's responses. The functions and the operator's tool serialize the same
//! types, so both print the same JSON.

mod identity;
mod problem;
mod timestamp;
mod token;

pub use identity::{
    CreatedIdentityOutput, DecisionOutput, IdentityListOutput, IdentityOutput, ReceiptOutput,
    UserOutput,
};
pub use problem::{ProblemDocument, ProblemType, Retry};
pub use timestamp::{format_timestamp, parse_timestamp};
pub use token::TokenOutput;
