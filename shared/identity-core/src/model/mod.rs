//! The types of the domain and the rules over them. They do no input or output.

pub mod admission;
pub mod audit;
pub(crate) mod cleanup_run;
pub(crate) mod entra;
pub(crate) mod error;
pub mod event;
pub mod event_decision;
pub mod guest;
pub mod identity;
pub mod phone;
pub mod policy;
pub mod record;
pub mod resource;
pub mod secret;

pub(crate) use admission::{
    Admission, Bearer, Requester, TokenPace, admit, admit_acting, admit_bearer,
};
pub(crate) use audit::{Actor, AuditAction, AuditEntry, AuditPage, AuditQuery};
pub(crate) use cleanup_run::{
    Ages, CleanupMode, CleanupRun, EndedGuests, Finished, IdentitySample, Limit, Reasons, Spared,
    Stopped,
};
pub(crate) use error::Error;
pub(crate) use event::{Event, EventKind, EventSource};
pub(crate) use event_decision::{EventDecision, NoEffect};
pub(crate) use guest::{
    AdmittedGuest, DeviceId, DeviceSecret, GuestEntry, GuestHandle, GuestKeys, GuestPin,
    InvalidInvitation, Invitation, InvitationId, InvitationRefusal, InvitationRevocation,
    InvitationState, InvitationStatus, InvitationStep, InvitedMeeting, Meeting,
};
pub(crate) use identity::{AccessToken, AcsId, ExternalId, IdentityRef, Invocation, TokenRequest};
pub(crate) use policy::GuestPolicy;
pub(crate) use record::{
    Active, BlockDecision, By, Cause, CutOff, Lease, LeaseId, Origin, Reason, Receipt, ReceiptId,
    Record, RevocationOrder, State, StateName,
};
pub(crate) use resource::{Placement, ResourceName};
pub(crate) use secret::Secret;
