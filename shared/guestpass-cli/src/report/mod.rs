//! What the user sees: results, errors, progress.

pub(crate) mod duration;
mod error;
mod invitations;
pub(crate) mod output;
mod printable;
mod progress;
mod receipt;
mod style;
pub(crate) mod timestamp;
mod unrecorded;
mod views;

pub(crate) use error::{CliError, EXIT_CODES, Exit, Result, chain, innermost};
pub(crate) use invitations::ListedInvitation;
pub(crate) use output::{
    OutputFormat, OutputOption, OutputOptionParser, ResultKind, Row, Rows, TableLayout, note,
};
pub(crate) use printable::printable;
pub(crate) use progress::Progress;
pub(crate) use style::Style;
pub(crate) use unrecorded::{UnrecordedIdentityView, UnrecordedRevocationView};
pub(crate) use views::{CreatedIdentityView, PlacedIdentity, unblocked};
