//! `guestpass invitation exchange`

use std::path::Path;

use api_types::{GuestTokenOutput, MeetingOutput, TokenOutput, format_timestamp};
use identity_core::exchange_guest_pass::{ExchangeGuestPassRequest, exchange_guest_pass};
use identity_core::guest::{DeviceSecret, GuestHandle, GuestPin};
use identity_core::ports::Clock as _;

use super::terms::guest_policy;
use crate::commands::CommandContext;
use crate::input::secret_in;
use crate::options::InvitationExchangeArguments;
use crate::report::{CliError, Result};

/// Exchanges a handle for a token, with the rules of the function.
pub(crate) async fn run(
    arguments: InvitationExchangeArguments,
    context: &CommandContext,
) -> Result<()> {
    let guests = guest_policy(&arguments.policy)?;
    let handle = GuestHandle::new(secret_in(&arguments.handle_file, "the handle")?.expose());
    let pin = arguments.pin_file.as_deref().map(pin_in).transpose()?;
    let device = device_in(arguments.device_file.as_deref())?;
    let session = context.session().await?;
    let pass = session
        .run(async |invocation| {
            let request = ExchangeGuestPassRequest { handle, device, pin, pace: None, invocation };
            let (store, acs, clock) = (&session.store, &session.acs, &session.clock);
            exchange_guest_pass(store, acs, clock, Some(&guests), request).await
        })
        .await?;
    let token = TokenOutput::new(&pass.token, &pass.acs_id, session.clock.now());
    context.show(&GuestTokenOutput {
        token: TokenOutput { scopes: Some(pass.scopes), ..token },
        meeting: MeetingOutput::from(&pass.meeting),
        display_name: pass.display_name.map(|name| name.expose().to_owned()),
        opens_at: format_timestamp(pass.opens_at),
        closes_at: format_timestamp(pass.closes_at),
    })
}

fn pin_in(file: &Path) -> Result<GuestPin> {
    let text = secret_in(file, "the PIN")?;
    GuestPin::parse(text.expose())
        .ok_or_else(|| CliError::usage("invalid PIN").because("it has six digits"))
}

fn device_in(file: Option<&Path>) -> Result<DeviceSecret> {
    let text = match file {
        Some(file) => secret_in(file, "the device")?.expose().to_owned(),
        None => uuid::Uuid::new_v4().simple().to_string(),
    };
    DeviceSecret::parse(&text).ok_or_else(|| {
        CliError::usage("invalid device").because("it has 22 to 86 characters of base64url")
    })
}
