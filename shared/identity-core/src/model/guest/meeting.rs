use serde::{Deserialize, Serialize};

use crate::model::{Error, Secret};

/// The meeting of an invitation: how the app joins it. Teams accepts either form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meeting {
    /// The link of the meeting.
    Link(Secret),
    /// The ID of the meeting, with its passcode if it has one.
    Id {
        /// The ID.
        meeting_id: Secret,
        /// The passcode.
        passcode: Option<Secret>,
    },
}

/// What an invitation keeps sealed: who is invited to what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvitedMeeting {
    /// The meeting.
    pub meeting: Meeting,
    /// The name that the guest has in the meeting.
    pub display_name: Option<Secret>,
}

impl InvitedMeeting {
    /// The text to seal.
    pub(super) fn to_text(&self) -> Result<Vec<u8>, Error> {
        let text = |secret: &Secret| secret.expose().to_owned();
        let display_name = self.display_name.as_ref().map(text);
        let sealed = match &self.meeting {
            Meeting::Link(link) => {
                SealedText { join_url: Some(text(link)), display_name, ..SealedText::default() }
            }
            Meeting::Id { meeting_id, passcode } => SealedText {
                meeting_id: Some(text(meeting_id)),
                passcode: passcode.as_ref().map(text),
                display_name,
                ..SealedText::default()
            },
        };
        serde_json::to_vec(&sealed).map_err(|_| Error::Internal("failed to write a sealed meeting"))
    }

    /// Reads the text again.
    pub(super) fn of_text(text: &[u8]) -> Result<Self, Error> {
        let read: Option<SealedText> = serde_json::from_slice(text).ok();
        let sealed = read.ok_or(INVALID)?;
        let meeting = match (sealed.join_url, sealed.meeting_id) {
            (Some(link), _) => Meeting::Link(Secret::new(link)),
            (None, Some(id)) => Meeting::Id {
                meeting_id: Secret::new(id),
                passcode: sealed.passcode.map(Secret::new),
            },
            (None, None) => return Err(INVALID),
        };
        Ok(Self { meeting, display_name: sealed.display_name.map(Secret::new) })
    }
}

const INVALID: Error = Error::Internal("the sealed meeting of an invitation is invalid");

/// The sealed text, as JSON.
#[derive(Default, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
struct SealedText {
    #[serde(skip_serializing_if = "Option::is_none")]
    join_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meeting_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passcode: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
}
