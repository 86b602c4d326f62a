//! What the doctor looks at, one thing after the other. A check that another one's
//! finding makes pointless is passed over, so that one mistake gives one diagnosis.

pub(crate) mod administrator;
pub(crate) mod bearer;
pub(crate) mod issuer;
pub(crate) mod scopes;
pub(crate) mod secret;
pub(crate) mod service;
pub(crate) mod table;
pub(crate) mod teams;

use serde::Serialize;

use crate::{
    failure::{Failure, Result},
    output::{self, Format, Row, Rows},
    style::Style,
};

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Good,
    /// It works, but somebody should know.
    Note,
    /// It does not work.
    Bad,
    /// Not looked at.
    Skipped,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    #[serde(rename = "check")]
    about: &'static str,
    verdict: Verdict,
    finding: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Check {
    /// It is as it should be.
    pub(crate) fn good(about: &'static str, finding: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Good, finding: finding.into(), remedy: None }
    }

    /// It works, but.
    pub(crate) fn note(about: &'static str, finding: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Note, finding: finding.into(), remedy: None }
    }

    /// It was not looked at.
    pub(crate) fn skipped(about: &'static str, why: impl Into<String>) -> Self {
        Self { about, verdict: Verdict::Skipped, finding: why.into(), remedy: None }
    }

    /// It is wrong, and this mends it.
    pub(crate) fn bad(
        about: &'static str,
        finding: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let remedy = Some(remedy.into());
        Self { about, verdict: Verdict::Bad, finding: finding.into(), remedy }
    }

    /// It is wrong, as a failure tells.
    pub(crate) fn failed(about: &'static str, failure: &Failure) -> Self {
        Self::bad(about, failure.in_short(), failure.todo().unwrap_or("try again"))
    }

    /// Whether it is wrong.
    pub(crate) fn is_bad(&self) -> bool {
        self.verdict == Verdict::Bad
    }

    /// Whether it is about this.
    pub(crate) fn is_about(&self, what: &str) -> bool {
        self.about == what
    }

    /// Whether it is as it should be.
    pub(crate) fn is_good(&self) -> bool {
        self.verdict == Verdict::Good
    }
}

impl Row for Check {
    const COLUMNS: &'static [&'static str] = &["check", "verdict", "finding", "remedy"];

    fn cells(&self) -> Vec<String> {
        let verdict = match self.verdict {
            Verdict::Good => "good",
            Verdict::Note => "note",
            Verdict::Bad => "bad",
            Verdict::Skipped => "skipped",
        };
        let remedy = self.remedy.clone().unwrap_or_default();
        vec![self.about.to_owned(), verdict.to_owned(), self.finding.clone(), remedy]
    }
}

/// What was found, told as it is found.
pub(crate) struct Findings {
    told: Told,
    bad: usize,
}

enum Told {
    /// A line each, as they come.
    Lines(Style),
    /// In another format.
    Rows(Rows<Check>),
}

impl Findings {
    /// Nothing yet.
    pub(crate) fn new(format: Format, style: Style) -> Result<Self> {
        let told = match format {
            Format::Table => Told::Lines(style),
            format => Told::Rows(Rows::new(format)?),
        };
        Ok(Self { told, bad: 0 })
    }

    /// Tells one.
    pub(crate) fn tell(&mut self, check: Check) -> Result<()> {
        self.bad += usize::from(check.is_bad());
        match &mut self.told {
            Told::Lines(style) => line(&check, *style),
            Told::Rows(rows) => rows.push(check),
        }
    }

    /// How many are wrong.
    pub(crate) fn finish(self) -> Result<usize> {
        if let Told::Rows(rows) = self.told {
            rows.finish()?;
        }
        Ok(self.bad)
    }
}

fn line(check: &Check, style: Style) -> Result<()> {
    let Check { about, verdict, finding, remedy } = check;
    let mark = match verdict {
        Verdict::Good => style.good("✓"),
        Verdict::Note => style.note("!"),
        Verdict::Bad => style.bad("✗"),
        Verdict::Skipped => style.dim("–"),
    };
    output::marked(&mark, &format!("{about:<13} {finding}"))?;
    match remedy {
        Some(remedy) => output::line(&format!("{:16}→ {remedy}", "")),
        None => Ok(()),
    }
}
