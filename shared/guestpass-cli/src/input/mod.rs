//! What the tool reads: arguments, files and stdin.

pub(crate) mod jwt;
pub(crate) mod logs;
pub(crate) mod names;
mod stdin;
pub(crate) mod text;
pub(crate) mod values;

pub(crate) use stdin::take_stdin;
