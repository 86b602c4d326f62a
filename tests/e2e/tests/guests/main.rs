//! Guests: invitations, the open route, and what is left after the meeting.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may panic")]

mod attacks;
mod door;
mod flood;
mod leaks;
mod life;
mod pins;
mod places;
mod support;
