//! `guestpass events streams create`

use serde_json::json;

use super::connect::connect;
use super::rows::{StreamRow, short};
use crate::commands::CommandContext;
use crate::input::secret_in;
use crate::options::StreamCreateArguments;
use crate::report::{CliError, Exit, Result, note};
use crate::service::{ManagedStream, StreamRequest, TransmitterApi};

const CAEP: &str = "https://schemas.openid.net/secevent/caep/event-type/";
const RISC: &str = "https://schemas.openid.net/secevent/risc/event-type/";

/// The events of CAEP that Guestpass acts on.
const CAEP_EVENTS: [&str; 3] = ["session-revoked", "credential-change", "token-claims-change"];

/// The events of RISC that Guestpass acts on.
const RISC_EVENTS: [&str; 6] = [
    "account-disabled",
    "account-enabled",
    "account-purged",
    "account-credential-change-required",
    "credential-compromise",
    "identifier-recycled",
];

/// Creates the stream, or updates the one that exists.
pub(super) async fn run(arguments: StreamCreateArguments, context: &CommandContext) -> Result<()> {
    let request = request(&arguments)?;
    let api = connect(arguments.access, context).await?;
    let stream = match api.create(&request).await? {
        Some(stream) => stream,
        None => update(&api, &request).await?,
    };
    let row = StreamRow::of(&stream);
    context.show(&row)?;
    if !row.audiences.is_empty() {
        let audiences = json!(row.audiences);
        note(&format!("Set `audiences` of this transmitter to {audiences} in Transmitters."));
    }
    let delivered = &row.events_delivered;
    let missing = request.events_requested.iter().filter(|event| !delivered.contains(event));
    let missing: Vec<_> = missing.map(|event| short(event)).collect();
    if !missing.is_empty() {
        note("The transmitter does not deliver:");
        note(&format!("  {}", missing.join(", ")));
    }
    Ok(())
}

/// Most transmitters allow one stream for each receiver, and answer 409 to a second one.
async fn update(api: &TransmitterApi, request: &StreamRequest) -> Result<ManagedStream> {
    let streams = api.streams().await?;
    let [stream] = streams.as_slice() else {
        let why = format!("it has {} streams for this receiver", streams.len());
        return Err(CliError::new(Exit::Failed, "the transmitter creates no more streams")
            .because(why)
            .hint("delete one that is not needed: `guestpass events streams delete`"));
    };
    let updated = api.update(&stream.stream_id, request).await?;
    note("The transmitter had a stream for this receiver. It was updated.");
    Ok(updated)
}

fn request(arguments: &StreamCreateArguments) -> Result<StreamRequest> {
    let mut delivery = json!({ "method": "urn:ietf:rfc:8936" });
    if let Some(endpoint) = &arguments.push {
        delivery = json!({ "method": "urn:ietf:rfc:8935", "endpoint_url": endpoint });
        if let (Some(file), Some(delivery)) =
            (&arguments.authorization_file, delivery.as_object_mut())
        {
            let header = secret_in(file, "the header Authorization")?;
            delivery.insert("authorization_header".to_owned(), header.expose().into());
        }
    }
    let events_requested = if arguments.event.is_empty() {
        let caep = CAEP_EVENTS.map(|event| format!("{CAEP}{event}"));
        caep.into_iter().chain(RISC_EVENTS.map(|event| format!("{RISC}{event}"))).collect()
    } else {
        arguments.event.iter().map(|event| uri(event)).collect::<Result<_>>()?
    };
    let description = arguments.description.clone();
    Ok(StreamRequest { delivery, events_requested, description })
}

/// The URI of a type of event, by its name.
fn uri(event: &str) -> Result<String> {
    if event.contains(':') {
        return Ok(event.to_owned());
    }
    if CAEP_EVENTS.contains(&event) {
        return Ok(format!("{CAEP}{event}"));
    }
    if RISC_EVENTS.contains(&event) {
        return Ok(format!("{RISC}{event}"));
    }
    Err(CliError::usage(format!("invalid value {event:?} for --event"))
        .because("Guestpass does not act on events of this type")
        .hint("`guestpass events streams create --help` lists the types; or give a URI"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_by_its_uri_or_by_the_last_part_of_it() {
        for (name, expected) in [
            ("session-revoked", format!("{CAEP}session-revoked")),
            ("account-disabled", format!("{RISC}account-disabled")),
            ("urn:own", "urn:own".to_owned()),
        ] {
            assert_eq!(uri(name).unwrap(), expected);
        }
        let problem = uri("session-presented").unwrap_err();
        assert!(problem.in_short().contains("session-presented"), "{problem}");
    }
}
