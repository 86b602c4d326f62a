//! An error in a template, or in the values of its parameters.

/// The result of reading a part of a template.
pub(super) type TemplateResult<T> = std::result::Result<T, TemplateError>;

/// Why a template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// A part is invalid or unsupported.
    #[error("{at}: {problem}")]
    Part {
        /// The path of the part.
        at: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Values of parameters are unknown, missing or invalid.
    #[error("{}", report(.0))]
    Parameters(Vec<ParameterProblem>),
}

/// An unknown, missing or invalid value of a parameter.
#[derive(Debug)]
pub struct ParameterProblem {
    name: String,
    problem: String,
}

impl ParameterProblem {
    pub(super) fn new(name: &str, problem: String) -> Self {
        Self { name: name.to_owned(), problem }
    }
}

impl TemplateError {
    pub(crate) fn at(at: &str, problem: impl Into<String>) -> Self {
        Self::Part { at: at.to_owned(), problem: problem.into() }
    }
}

/// The error that the part at the path `at` is invalid or unsupported.
pub(super) fn invalid(at: &str, problem: impl Into<String>) -> TemplateError {
    TemplateError::at(at, problem)
}

/// One line per parameter.
fn report(problems: &[ParameterProblem]) -> String {
    let plural = if problems.len() == 1 { "" } else { "s" };
    let mut report = format!("{} invalid parameter{plural}:", problems.len());
    for ParameterProblem { name, problem } in problems {
        report.extend(["\n  ", name, ": ", problem]);
    }
    report
}
