//! Guest passes: invitations for people without an account, and what their app holds.
//!
//! An invitation is named by a random *handle*, of which the store keeps a hash only. The keys that
//! are derived from it seal the meeting, tag the PIN and name the devices: a reader of the store
//! learns neither the meeting nor the guest's name, and can try no PIN.
//!
//! A use of an invitation is a *device*: the guest's app chooses a random device secret before its
//! first request, and the invitation's map of devices is the count. So a repeated request, a second
//! tab or a lost response is never a second use.
//!
//! Each device is a *guest*, with a record like a user's, `guest|<invitation>|<device>`.

mod entry;
mod handle;
mod invitation;
mod invitation_step;
mod keys;
mod meeting;
mod pin;
mod refusal;

pub use entry::AdmittedGuest;
pub(crate) use entry::{GuestEntry, decide};
pub use handle::{DeviceId, DeviceSecret, GuestHandle, InvitationId};
pub use invitation::{
    Invitation, InvitationRevocation, InvitationState, InvitationStatus, PIN_ATTEMPTS, PinCheck,
};
pub use invitation_step::InvitationStep;
pub(crate) use keys::GuestKeys;
pub use meeting::{InvitedMeeting, Meeting};
pub use pin::{GuestPin, PinTag};
pub use refusal::{InvalidInvitation, InvitationRefusal};
