//! The bodies of the API's responses. The functions and the operator's tool serialize the same
//! types, so both print the same JSON.

mod identity;
mod invitation;
mod phone;
mod problem;
mod timestamp;
mod token;
mod user;

pub use identity::{
    CreatedIdentityOutput, DecisionOutput, IdentityListOutput, IdentityOutput, ReceiptOutput,
};
pub use invitation::{
    CreatedInvitationOutput, GuestRevocationOutput, GuestTokenOutput, InvitationDetailsOutput,
    InvitationDevicesOutput, InvitationListOutput, InvitationOutput, InvitationReceiptOutput,
    InvitedGuestOutput, MeetingOutput,
};
pub use phone::{
    PhoneAccessOutput, PhoneAssignmentListOutput, PhoneAssignmentOutput, PhoneEntryOutput,
};
pub use problem::{ProblemDocument, ProblemType, Retry};
pub use timestamp::{format_timestamp, parse_timestamp};
pub use token::TokenOutput;
pub use user::UserOutput;
