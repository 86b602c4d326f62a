//! Checks the terms of a new invitation against the policy.

use std::time::{Duration, SystemTime};

use super::request::CreateInvitationRequest;
use crate::model::identity::{Scope, Scopes};
use crate::model::{GuestPolicy, InvalidInvitation, InvitedMeeting, Meeting, Secret};

/// The terms of an invitation that the policy permits.
pub(super) struct Terms {
    pub(super) invited: InvitedMeeting,
    pub(super) opens_at: SystemTime,
    pub(super) delete_at: SystemTime,
    pub(super) scopes: Scopes,
    pub(super) devices: u8,
    pub(super) has_pin: bool,
}

impl Terms {
    /// Checks the request; the error names the first member that is out of bounds.
    pub(super) fn checked(
        request: &CreateInvitationRequest,
        guests: &GuestPolicy,
        now: SystemTime,
    ) -> Result<Self, InvalidInvitation> {
        check_meeting(&request.meeting, guests)?;
        check_text("displayName", request.display_name.as_ref(), 64)?;
        check_text("reference", request.reference.as_ref(), 128)?;
        let opens_at = request.opens_at.unwrap_or(now);
        check_end(request.closes_at, opens_at, guests, now)?;
        let meeting = request.meeting.clone();
        Ok(Self {
            invited: InvitedMeeting { meeting, display_name: request.display_name.clone() },
            opens_at,
            delete_at: delete_at(request, guests)?,
            scopes: scopes(request, guests)?,
            devices: check_devices(request.devices.unwrap_or(1), guests)?,
            has_pin: has_pin(request.pin, guests)?,
        })
    }
}

/// Checks when an invitation closes.
pub(in crate::operations::guests) fn check_end(
    closes_at: SystemTime,
    opens_at: SystemTime,
    guests: &GuestPolicy,
    now: SystemTime,
) -> Result<(), InvalidInvitation> {
    let wrong = |reason| Err(InvalidInvitation::new("closesAt", reason));
    if closes_at <= now {
        return wrong("must be in the future".to_owned());
    }
    if closes_at <= opens_at {
        return wrong("must be after `opensAt`".to_owned());
    }
    if closes_at > now + guests.max_duration() {
        let days = guests.max_days();
        return wrong(format!("must be within the next {days} days, `maxDays` of the policy"));
    }
    Ok(())
}

/// Checks the number of devices.
pub(in crate::operations::guests) fn check_devices(
    devices: u64,
    guests: &GuestPolicy,
) -> Result<u8, InvalidInvitation> {
    let most = guests.max_devices();
    let fits = u8::try_from(devices).ok().filter(|devices| (1..=most).contains(devices));
    fits.ok_or_else(|| {
        let reason = format!("must be 1 to {most}, `maxDevices` of the policy");
        InvalidInvitation::new("devices", reason)
    })
}

fn delete_at(
    request: &CreateInvitationRequest,
    guests: &GuestPolicy,
) -> Result<SystemTime, InvalidInvitation> {
    let hours = request.delete_after_hours.unwrap_or(guests.delete_after_hours());
    if hours > GuestPolicy::MAX_DELETE_AFTER_HOURS {
        return Err(InvalidInvitation::new("deleteAfterHours", "must be 0 to 168"));
    }
    Ok(request.closes_at + Duration::from_hours(hours))
}

fn scopes(
    request: &CreateInvitationRequest,
    guests: &GuestPolicy,
) -> Result<Scopes, InvalidInvitation> {
    let scopes = request.scopes.as_ref().unwrap_or(guests.scopes());
    if !scopes.is_within(guests.scopes()) {
        let reason = "must be within the scopes that the policy permits to guests";
        return Err(InvalidInvitation::new("scopes", reason));
    }
    if outlives_chat(scopes, request.closes_at) {
        let reason = "must not have a chat scope if the invitation closes after 30 September 2028, \
                      when ACS Chat ends";
        return Err(InvalidInvitation::new("scopes", reason));
    }
    Ok(scopes.clone())
}

/// Whether an invitation that closes at this time has a scope that loses its service before.
pub(in crate::operations::guests) fn outlives_chat(scopes: &Scopes, closes_at: SystemTime) -> bool {
    let has_chat = scopes.as_slice().iter().any(|scope| Scope::Chat.includes(*scope));
    has_chat && closes_at > SystemTime::UNIX_EPOCH + CHAT_ENDS
}

fn has_pin(requested: Option<bool>, guests: &GuestPolicy) -> Result<bool, InvalidInvitation> {
    if requested == Some(false) && guests.requires_pin() {
        return Err(InvalidInvitation::new("pin", "must be true: the policy requires a PIN"));
    }
    Ok(requested.unwrap_or(guests.requires_pin()))
}

fn check_text(
    member: &'static str,
    text: Option<&Secret>,
    most: usize,
) -> Result<(), InvalidInvitation> {
    let Some(text) = text.map(Secret::expose) else { return Ok(()) };
    let fits = (1..=most).contains(&text.chars().count()) && !text.chars().any(char::is_control);
    if fits && !text.trim().is_empty() {
        return Ok(());
    }
    let reason = format!("must have 1 to {most} characters, none of them a control character");
    Err(InvalidInvitation::new(member, reason))
}

fn check_meeting(meeting: &Meeting, guests: &GuestPolicy) -> Result<(), InvalidInvitation> {
    match meeting {
        Meeting::Link(link) if is_link(link.expose(), guests) => Ok(()),
        Meeting::Link(_) => Err(InvalidInvitation::new(
            "meeting",
            "`joinUrl` must be an https link on a host of Teams or of `meetingHosts` of the policy",
        )),
        Meeting::Id { meeting_id, passcode } => {
            let digits = meeting_id.expose().bytes().filter(u8::is_ascii_digit).count();
            let plain = |byte: u8| byte.is_ascii_digit() || byte == b' ';
            if !meeting_id.expose().bytes().all(plain) || !(9..=20).contains(&digits) {
                let reason = "`meetingId` must have 9 to 20 digits";
                return Err(InvalidInvitation::new("meeting", reason));
            }
            let is_plain = |code: &str| {
                (1..=64).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_graphic())
            };
            if passcode.as_ref().is_some_and(|code| !is_plain(code.expose())) {
                let reason = "`passcode` must have 1 to 64 visible ASCII characters";
                return Err(InvalidInvitation::new("meeting", reason));
            }
            Ok(())
        }
    }
}

/// Whether it is an https link to a host of meetings, without a user, a port or a backslash, which
/// browsers read as a slash.
fn is_link(link: &str, guests: &GuestPolicy) -> bool {
    let visible = link.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(rest) = link.strip_prefix("https://").filter(|_| visible && link.len() <= 2048) else {
        return false;
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    guests.is_meeting_host(host)
}

/// The end of 30 September 2028, when Microsoft retires ACS Chat.
const CHAT_ENDS: Duration = Duration::from_hours(24 * 21_458);
