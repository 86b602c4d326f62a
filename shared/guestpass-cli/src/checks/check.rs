//! The result of a check.

use identity_core::resource::ResourceName;
use serde::Serialize;

use crate::report::{CliError, OutputFormat, Result, Row, Rows, Style, output};

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum CheckResult {
    /// The check passed.
    Good,
    /// It works, but the user should know something about it.
    Note,
    /// It does not work.
    Bad,
    /// The check was skipped.
    Skipped,
}

/// A check and its result.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    #[serde(rename = "check")]
    about: &'static str,
    /// The ACS resource, if the service has more than one.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<String>,
    verdict: CheckResult,
    finding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Check {
    /// The check passed.
    pub(crate) fn good(about: &'static str, finding: impl Into<String>) -> Self {
        Self::new(about, CheckResult::Good, finding.into(), None)
    }

    /// It works, with a note.
    pub(crate) fn note(about: &'static str, finding: impl Into<String>) -> Self {
        Self::new(about, CheckResult::Note, finding.into(), None)
    }

    /// The check was skipped.
    pub(crate) fn skipped(about: &'static str, why: impl Into<String>) -> Self {
        Self::new(about, CheckResult::Skipped, why.into(), None)
    }

    /// The check failed; `remedy` fixes it.
    pub(crate) fn bad(
        about: &'static str,
        finding: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self::new(about, CheckResult::Bad, finding.into(), Some(remedy.into()))
    }

    fn new(
        about: &'static str,
        verdict: CheckResult,
        finding: String,
        remedy: Option<String>,
    ) -> Self {
        Self { about, resource: None, verdict, finding, remedy }
    }

    /// Adds the name of the ACS resource, if there is more than one.
    pub(crate) fn of_resource(self, resource: Option<&ResourceName>) -> Self {
        Self { resource: resource.map(ToString::to_string), ..self }
    }

    /// The finding, with the name of the resource.
    fn text(&self) -> String {
        match &self.resource {
            Some(resource) => format!("{resource}: {}", self.finding),
            None => self.finding.clone(),
        }
    }

    /// The check failed with `failure`.
    pub(crate) fn failed(about: &'static str, failure: &CliError) -> Self {
        Self::bad(about, failure.in_short(), failure.hint_text().unwrap_or("try again"))
    }

    /// Whether the check failed.
    pub(crate) fn is_bad(&self) -> bool {
        self.verdict == CheckResult::Bad
    }

    /// Whether the check is about `what`.
    pub(crate) fn is_about(&self, what: &str) -> bool {
        self.about == what
    }

    /// Whether the check is about the credential for ACS.
    pub(crate) fn is_about_credential(&self) -> bool {
        [KEY, ENTRA].contains(&self.about)
    }

    /// Whether the check passed.
    pub(crate) fn is_good(&self) -> bool {
        self.verdict == CheckResult::Good
    }
}

impl Row for Check {
    const COLUMNS: &'static [&'static str] = &["check", "verdict", "finding", "remedy"];

    fn cells(&self) -> Vec<String> {
        let verdict = match self.verdict {
            CheckResult::Good => "good",
            CheckResult::Note => "note",
            CheckResult::Bad => "bad",
            CheckResult::Skipped => "skipped",
        };
        let remedy = self.remedy.clone().unwrap_or_default();
        vec![self.about.to_owned(), verdict.to_owned(), self.text(), remedy]
    }
}

/// The results, printed as they come.
pub(crate) struct Findings {
    /// `None`: prints lines for people.
    rows: Option<Rows<Check>>,
    style: Style,
    bad: usize,
}

impl Findings {
    /// Starts without results.
    pub(crate) fn new(format: OutputFormat, style: Style) -> Result<Self> {
        Ok(Self { rows: Rows::unless_table(format)?, style, bad: 0 })
    }

    /// Prints a result.
    pub(crate) fn tell(&mut self, check: Check) -> Result<()> {
        self.bad += usize::from(check.is_bad());
        match &mut self.rows {
            Some(rows) => rows.push(check),
            None => line(&check, self.style),
        }
    }

    /// Prints the rest. Returns how many checks failed.
    pub(crate) fn finish(self) -> Result<usize> {
        self.rows.map_or(Ok(()), Rows::finish)?;
        Ok(self.bad)
    }
}

/// The name of the check of an access key.
pub(super) const KEY: &str = "key";

/// The name of the check of an Entra credential.
pub(super) const ENTRA: &str = "Entra";

fn line(check: &Check, style: Style) -> Result<()> {
    let Check { about, verdict, remedy, .. } = check;
    let mark = match verdict {
        CheckResult::Good => style.good("✓"),
        CheckResult::Note => style.note("!"),
        CheckResult::Bad => style.bad("✗"),
        CheckResult::Skipped => style.dim("–"),
    };
    output::marked(&mark, &format!("{about:<13} {}", check.text()))?;
    match remedy {
        Some(remedy) => output::line(&format!("{:16}→ {remedy}", "")),
        None => Ok(()),
    }
}
