//! Who may call: which bearers are accepted, by both authorizers.

mod authorizer;
mod door;
