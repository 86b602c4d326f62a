//! `guestpass quickstart`
use super::Context;
use crate::failure::Result;
use clap::Args;
/// x
#[derive(Args)]
pub(crate) struct Arguments {}
/// x
pub(crate) async fn run(_: Arguments, _: &Context) -> Result<()> {
    Ok(())
}
