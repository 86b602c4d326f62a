//! lambda-edge.
