//! The pages of the stack, as a browser requests them.

mod console;
mod sign_in;
