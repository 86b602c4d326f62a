//! An error in a template.

/// The result of reading a part of a template.
pub(super) type TemplateResult<T> = std::result::Result<T, TemplateError>;

/// An invalid or unsupported part of a template, and its path.
#[derive(Debug, thiserror::Error)]
#[error("{at}: {problem}")]
pub struct TemplateError {
    at: String,
    problem: String,
}

impl TemplateError {
    pub(crate) fn at(at: &str, problem: impl Into<String>) -> Self {
        Self { at: at.to_owned(), problem: problem.into() }
    }
}

/// The error that the part at the path `at` is invalid or unsupported.
pub(super) fn invalid(at: &str, problem: impl Into<String>) -> TemplateError {
    TemplateError::at(at, problem)
}
