//! Colours of the output.

use std::io::IsTerminal;

/// The style of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without colour.
    Plain,
    /// With colour.
    Colour,
}

impl Style {
    /// Uses colour on a terminal that supports it, unless `NO_COLOR` is set.
    pub(crate) fn of(stream: &impl IsTerminal, env: &impl Fn(&str) -> Option<String>) -> Self {
        // no-color.org: an empty value counts as not set.
        let refused = env("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env("TERM").is_none_or(|term| term == "dumb");
        if stream.is_terminal() && !refused && !dumb { Self::Colour } else { Self::Plain }
    }

    /// Something good.
    pub(crate) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// An error.
    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// A note.
    pub(crate) fn note(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// Something less important.
    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Colour => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}
