//! Prints the steps as they are done.

use serde::Serialize;

use crate::commands::CommandContext;
use crate::report::{Result, Row, Rows, output};

/// The result of a step.
#[derive(Serialize)]
struct QuickstartStep {
    #[serde(rename = "step")]
    number: u8,
    title: &'static str,
    did: String,
    command: String,
}

impl Row for QuickstartStep {
    const COLUMNS: &'static [&'static str] = &["step", "title", "did", "command"];

    fn cells(&self) -> Vec<String> {
        vec![self.number.to_string(), self.title.to_owned(), self.did.clone(), self.command.clone()]
    }
}

/// The printed steps.
pub(super) struct QuickstartOutput {
    /// `None`: prints lines for people.
    rows: Option<Rows<QuickstartStep>>,
    count: u8,
}

impl QuickstartOutput {
    /// Starts without steps.
    pub(super) fn new(context: &CommandContext) -> Result<Self> {
        Ok(Self { rows: Rows::unless_table(context.format()?)?, count: 0 })
    }

    /// Prints the result of the next step.
    pub(super) fn tell(
        &mut self,
        title: &'static str,
        did: String,
        command: &'static str,
    ) -> Result<()> {
        self.count += 1;
        let (number, command) = (self.count, command.to_owned());
        if let Some(rows) = &mut self.rows {
            return rows.push(QuickstartStep { number, title, did, command });
        }
        output::line(&format!("{number}. {title}"))?;
        output::line(&format!("   {did}"))?;
        output::line(&format!("   $ {command}"))?;
        output::blank()
    }

    /// Prints the last step.
    pub(super) fn deleted(&mut self, count: usize) -> Result<()> {
        let did = format!("deleted {count} identities, with their tokens");
        self.tell("Delete the identities", did, "guestpass identity delete ID…")
    }

    /// Ends the output. A list is complete after a failure, too.
    pub(super) fn finish(self, is_done: bool) -> Result<()> {
        match self.rows {
            Some(rows) => rows.finish(),
            None if is_done => output::line("Everything that was created is deleted again."),
            None => Ok(()),
        }
    }
}
