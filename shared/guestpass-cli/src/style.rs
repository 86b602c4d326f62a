//! A little colour, where it is wanted.

use std::io::IsTerminal;

/// How a stream is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// As it is.
    Plain,
    /// With colour.
    Colour,
}

impl Style {
    /// Colour on a terminal that can, unless somebody set `NO_COLOR`.
    pub(crate) fn of(stream: &impl IsTerminal, env: &impl Fn(&str) -> Option<String>) -> Self {
        // no-color.org: set to anything but nothing.
        let refused = env("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env("TERM").is_none_or(|term| term == "dumb");
        if stream.is_terminal() && !refused && !dumb { Self::Colour } else { Self::Plain }
    }

    /// What is well.
    pub(crate) fn good(self, text: &str) -> String {
        self.paint("32", text)
    }

    /// What is wrong.
    pub(crate) fn bad(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    /// What is worth a look.
    pub(crate) fn note(self, text: &str) -> String {
        self.paint("33", text)
    }

    /// What matters less.
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
