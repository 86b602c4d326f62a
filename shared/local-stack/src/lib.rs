//! local-stack.
