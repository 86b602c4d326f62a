use super::{ProblemType, Retry};

/// The problems of invitations and of the guests who use them.
impl ProblemType {
    /// No invitation has this handle.
    pub const INVITATION_UNKNOWN: Self = Self {
        status: 404,
        name: "invitation-unknown",
        title: "Unknown invitation",
        detail: "No invitation has this handle. Ask for a new link.",
        retry: Retry::Never,
    };
    /// The invitation cannot be used before its `opensAt`.
    pub const INVITATION_NOT_OPEN: Self = Self {
        status: 403,
        name: "invitation-not-open",
        title: "Invitation is not open yet",
        detail: "The invitation can be used from its `opensAt` on. Retry after the time in \
                 `Retry-After`.",
        retry: Retry::Later,
    };
    /// The invitation has ended.
    pub const INVITATION_CLOSED: Self = Self {
        status: 410,
        name: "invitation-closed",
        title: "Invitation is closed",
        detail: "The invitation has ended. Ask for a new link.",
        retry: Retry::Never,
    };
    /// The invitation was revoked, or is being revoked.
    pub const INVITATION_REVOKED: Self = Self {
        status: 410,
        name: "invitation-revoked",
        title: "Invitation is revoked",
        detail: "The invitation was revoked, and its tokens with it. Ask for a new link.",
        retry: Retry::Never,
    };
    /// Other devices hold all places of the invitation.
    pub const INVITATION_USED_UP: Self = Self {
        status: 403,
        name: "invitation-used-up",
        title: "Invitation is used up",
        detail: "The invitation was used on as many devices as it admits. Ask for a new link, or \
                 use the device of the first use.",
        retry: Retry::Never,
    };
    /// The invitation has a PIN, and the device is new.
    pub const PIN_REQUIRED: Self = Self {
        status: 403,
        name: "pin-required",
        title: "PIN required",
        detail: "Ask the guest for the PIN of the invitation, and send it in `pin`.",
        retry: Retry::Never,
    };
    /// The PIN is another one.
    pub const PIN_WRONG: Self = Self {
        status: 403,
        name: "pin-wrong",
        title: "Wrong PIN",
        detail: "This is not the PIN of the invitation. After ten wrong PINs, the invitation is \
                 locked.",
        retry: Retry::Never,
    };
    /// Too many wrong PINs were sent for the invitation.
    pub const INVITATION_LOCKED: Self = Self {
        status: 403,
        name: "invitation-locked",
        title: "Invitation is locked",
        detail: "Too many wrong PINs were sent, so the invitation admits no new device until the \
                 sender unlocks it. Devices that were admitted before can still use it.",
        retry: Retry::Never,
    };
    /// An invitation with these properties cannot be created, or cannot become this one.
    pub const INVALID_INVITATION: Self = Self {
        status: 400,
        name: "invalid-invitation",
        title: "Invalid invitation",
        detail: "A member of the invitation is outside of the limits of the policy's `guests`.",
        retry: Retry::Never,
    };
}
