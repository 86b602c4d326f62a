//! What every command has: the environment, the selected service and the output.

use identity_core::ports::Clock;

use crate::options::ServiceOptions;
use crate::report::{OutputFormat, OutputOption, Result, Row, Rows, TableLayout, output};
use crate::service::{CliEnvironment, IdentityBackend, ServiceSession, Target};

/// The context of every command.
pub(crate) struct CommandContext {
    /// Environment, directory, terminal.
    pub(crate) environment: CliEnvironment,
    /// The options that select the service.
    pub(crate) service: ServiceOptions,
    /// The requested output.
    pub(crate) output: Option<OutputOption>,
    /// Whether tables are whole on a terminal, too.
    pub(crate) is_wide: bool,
}

impl CommandContext {
    /// The selected service.
    pub(crate) async fn target(&self) -> Result<Target> {
        Ok(Target::find(&self.service, &self.environment).await?.in_time().await)
    }

    /// The selected service, if an option, a variable or a local stack selects one.
    pub(crate) async fn target_if_any(&self) -> Result<Option<Target>> {
        if Target::is_told(&self.service, &self.environment) {
            self.target().await.map(Some)
        } else {
            Ok(None)
        }
    }

    /// The service, ready for requests.
    pub(crate) async fn session(&self) -> Result<ServiceSession> {
        ServiceSession::of(self.target().await?).await
    }

    /// The service, or the ACS resource alone, for a command that needs no record.
    pub(crate) async fn backend(&self) -> Result<IdentityBackend> {
        IdentityBackend::of(self.target().await?).await
    }

    /// The format of the answer.
    pub(crate) fn format(&self) -> Result<OutputFormat> {
        match self.shown() {
            OutputOption::As(format) => Ok(format),
            OutputOption::File(path) => Err(output::file_unsupported(&path)),
        }
    }

    /// The destination and the format of the answer.
    pub(crate) fn shown(&self) -> OutputOption {
        self.output.clone().unwrap_or(OutputOption::As(if self.environment.stdout_is_terminal {
            OutputFormat::Table
        } else {
            OutputFormat::Json
        }))
    }

    /// The layout of a table. A pipe or a file has no width, and gets whole cells.
    pub(crate) fn layout(&self, clock: &impl Clock) -> TableLayout {
        match self.environment.stdout_width.filter(|_| !self.is_wide) {
            Some(width) => TableLayout::Fitted { width, now: clock.now() },
            None => TableLayout::Whole,
        }
    }

    /// Starts a list, with times relative to those of `clock`.
    pub(crate) fn rows<R: Row>(&self, clock: &impl Clock) -> Result<Rows<R>> {
        Rows::with(self.format()?, self.layout(clock))
    }

    /// Prints a list.
    pub(crate) fn show_rows<R: Row>(&self, rows: Vec<R>, clock: &impl Clock) -> Result<()> {
        output::print_rows(rows, self.format()?, self.layout(clock))
    }

    /// Prints an answer.
    pub(crate) fn show<R: Row>(&self, row: &R) -> Result<()> {
        output::print_row(row, self.format()?)
    }
}
