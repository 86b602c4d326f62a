//! The arguments of `guestpass invitation`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use identity_core::guest::InvitationStatus;
use identity_core::identity::Scope;

use super::values::{Confirmation, RevocationReason, SCOPES, one_of, parse_part};
use crate::report::duration;

/// The commands about invitations.
#[derive(Subcommand)]
pub(crate) enum InvitationCommand {
    /// Create an invitation for a guest; prints its handle and PIN, once
    Create(InvitationCreateArguments),
    /// List invitations: those being revoked, then the first to close first
    List(InvitationListArguments),
    /// Show an invitation and the guests who came in by it
    Show(InvitationNameArguments),
    /// Move the end of an invitation, or admit more devices
    Extend(InvitationExtendArguments),
    /// Permit ten PINs again after too many wrong ones
    Unlock(InvitationUnlockArguments),
    /// Revoke an invitation and every token of its guests
    Revoke(InvitationRevokeArguments),
    /// Exchange a handle for a token, as a guest's app does
    Exchange(InvitationExchangeArguments),
}

/// What the policy permits for guests.
#[derive(Args)]
pub(crate) struct GuestPolicyFile {
    /// A file with the policy: the template parameter Policy [default: the defaults of its member
    /// `guests`]
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Option<PathBuf>,
}

/// Which end an invitation has.
#[derive(Args)]
pub(crate) struct InvitationEnd {
    /// When the invitation ends (RFC 3339)
    #[arg(long, value_name = "TIME", conflicts_with = "closes_in")]
    pub(crate) closes_at: Option<String>,
    /// How long from now the invitation lasts, for example 2h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) closes_in: Option<Duration>,
}

/// What to create.
#[derive(Args)]
#[command(after_help = "\
The link of the Teams meeting is read from stdin or a file, because it is a
secret, too. In place of a link, give the meeting ID, and its passcode on
the next line.

The handle is a password for the invitation. To keep it out of the terminal:
  eval \"$(guestpass invitation create --closes-in 2h -o env < link)\"
sets GUEST_HANDLE, GUEST_LINK if the page is known, and GUEST_PIN if there
is one.")]
pub(crate) struct InvitationCreateArguments {
    /// A file with the link of the meeting [default: stdin]
    #[arg(long, value_name = "PATH", default_value = "-", hide_default_value = true)]
    pub(crate) meeting_file: PathBuf,
    #[command(flatten)]
    pub(crate) end: InvitationEnd,
    /// When the invitation begins (RFC 3339) [default: now]
    #[arg(long, value_name = "TIME")]
    pub(crate) opens_at: Option<String>,
    /// The name of the guest in the meeting
    #[arg(long, value_name = "TEXT")]
    pub(crate) display_name: Option<String>,
    /// The scopes of the guest's tokens [default: all that the policy permits]
    #[arg(
        long,
        num_args = 1..,
        value_delimiter = ',',
        value_name = "SCOPE",
        value_parser = one_of(&SCOPES, Scope::as_str)
    )]
    pub(crate) scope: Vec<Scope>,
    /// How many devices the invitation admits [default: 1]
    #[arg(long, value_name = "N")]
    pub(crate) devices: Option<u64>,
    /// Require a PIN from each new device
    #[arg(long)]
    pub(crate) pin: bool,
    /// Hours from the end to the deletion of the guests [default: as the policy says]
    #[arg(long, value_name = "N")]
    pub(crate) delete_after_hours: Option<u64>,
    /// Your own name for the invitation
    #[arg(long, value_name = "TEXT")]
    pub(crate) reference: Option<String>,
    /// The page on which guests join: the template parameter GuestJoinUrl. Also prints the link
    /// [default: the page of the local stack]
    #[arg(long, value_name = "URL")]
    pub(crate) join_url: Option<String>,
    #[command(flatten)]
    pub(crate) policy: GuestPolicyFile,
}

/// Which invitations to list.
#[derive(Args)]
pub(crate) struct InvitationListArguments {
    /// Only invitations in this state
    #[arg(long, value_parser = one_of(&STATES, InvitationStatus::as_str))]
    pub(crate) state: Option<InvitationStatus>,
    /// Only invitations that close within this time from now, for example 24h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub(crate) closing_within: Option<Duration>,
    /// Only invitations that this caller created: an external id, or cli|NAME for this tool
    #[arg(long, value_name = "ID")]
    pub(crate) by: Option<String>,
    /// Only invitations whose id, reference or creator contains this text, for example the end that
    /// a terminal shows of an id
    #[arg(long, value_name = "TEXT", value_parser = parse_part)]
    pub(crate) matching: Option<String>,
    /// List at most this many invitations
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
}

/// The states of invitations.
const STATES: [(InvitationStatus, &str); 5] = [
    (InvitationStatus::Open, ""),
    (InvitationStatus::Locked, "After ten wrong PINs"),
    (InvitationStatus::Closed, "Its end has passed"),
    (InvitationStatus::Revoking, "ACS has yet to confirm the revocation"),
    (InvitationStatus::Revoked, ""),
];

/// Which invitation to show.
#[derive(Args)]
pub(crate) struct InvitationNameArguments {
    /// The id of the invitation, which is not its handle
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    pub(crate) id: String,
}

/// How to extend an invitation.
#[derive(Args)]
pub(crate) struct InvitationExtendArguments {
    /// The id of the invitation, which is not its handle
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) end: InvitationEnd,
    /// How many devices the invitation admits; not less than now
    #[arg(long, value_name = "N")]
    pub(crate) devices: Option<u64>,
    #[command(flatten)]
    pub(crate) policy: GuestPolicyFile,
}

/// Which invitation to unlock.
#[derive(Args)]
pub(crate) struct InvitationUnlockArguments {
    /// The id of the invitation, which is not its handle
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    pub(crate) id: String,
}

/// Which invitation to revoke.
#[derive(Args)]
pub(crate) struct InvitationRevokeArguments {
    /// The id of the invitation, which is not its handle
    #[arg(value_name = "ID", allow_hyphen_values = true)]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) reason: RevocationReason,
    #[command(flatten)]
    pub(crate) confirmation: Confirmation,
}

/// Which handle to exchange.
#[derive(Args)]
#[command(after_help = "\
For a test of an invitation. Each call is a new device, and takes one of the
places of the invitation, unless --device-file names a file with the device
that took one before.")]
pub(crate) struct InvitationExchangeArguments {
    /// A file with the handle [default: stdin]
    #[arg(long, value_name = "PATH", default_value = "-", hide_default_value = true)]
    pub(crate) handle_file: PathBuf,
    /// A file with the PIN
    #[arg(long, value_name = "PATH")]
    pub(crate) pin_file: Option<PathBuf>,
    /// A file with the device: 22 to 86 characters of base64url [default: a random one]
    #[arg(long, value_name = "PATH")]
    pub(crate) device_file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) policy: GuestPolicyFile,
}
