//! What every command has: the environment, the selected service and the output.

use std::path::Path;

use crate::{
    options::ServiceOptions,
    report::{
        error::Result,
        output::{OutputFormat, OutputOption, Row, file_unsupported, print_row},
    },
    service::{environment::CliEnvironment, session::ServiceSession, target::Target},
};

/// The context of every command.
pub(crate) struct CommandContext {
    /// Environment, directory, terminal.
    pub(crate) environment: CliEnvironment,
    /// The options that select the service.
    pub(crate) service: ServiceOptions,
    /// The requested output.
    pub(crate) output: Option<OutputOption>,
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

    /// The format of the answer.
    pub(crate) fn format(&self) -> Result<OutputFormat> {
        match self.shown() {
            Destination::As(format) => Ok(format),
            Destination::File(path) => Err(file_unsupported(path)),
        }
    }

    /// The destination and the format of the answer.
    pub(crate) fn shown(&self) -> Destination<'_> {
        match &self.output {
            Some(OutputOption::File(path)) => Destination::File(path),
            Some(OutputOption::As(format)) => Destination::As(*format),
            None if self.environment.stdout_is_terminal => Destination::As(OutputFormat::Table),
            None => Destination::As(OutputFormat::Json),
        }
    }

    /// Prints an answer.
    pub(crate) fn show<R: Row>(&self, row: &R) -> Result<()> {
        print_row(row, self.format()?)
    }
}

/// The destination of an answer.
pub(crate) enum Destination<'a> {
    /// To stdout, in this format.
    As(OutputFormat),
    /// To this file.
    File(&'a Path),
}
