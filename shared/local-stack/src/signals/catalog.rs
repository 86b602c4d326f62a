//! The transmitters that the stack configures by default.

use std::io;

use serde_json::{Map, Value, json};

use super::kind::SimulatedKind;
use super::scim_client::ScimClient;
use crate::secrets;

/// The client of the SSF transmitters' stream management.
pub(super) const CLIENT_ID: &str = "guestpass";

/// The length of the generated credentials, in characters.
const CREDENTIAL_LENGTH: usize = 48;

/// A simulated identity provider. It has no `Debug`, because it holds credentials.
pub(crate) struct SimulatedTransmitter {
    /// The last segment of its route, and its key in the secret.
    pub(crate) name: &'static str,
    pub(crate) kind: SimulatedKind,
    /// `iss` of its messages; its services are below this URL.
    pub(crate) issuer: String,
    /// `aud` of its messages.
    pub(crate) audience: String,
    /// For SSF: the credential that a push message carries, and the secret of the client that manages
    /// and polls the stream.
    pub(super) credential: String,
}

/// All simulated transmitters, with the users' issuer.
pub(crate) struct SimulatedTransmitters {
    pub(crate) transmitters: Vec<SimulatedTransmitter>,
    token_issuer: String,
    scim: ScimClient,
}

/// The name and the kind of each transmitter.
const CATALOG: [(&str, SimulatedKind); 6] = [
    ("ssf", SimulatedKind::SsfPush),
    ("ssf-poll", SimulatedKind::SsfPoll),
    ("logout", SimulatedKind::BackChannelLogout),
    ("universal-logout", SimulatedKind::GlobalTokenRevocation),
    ("apple", SimulatedKind::Apple),
    ("google", SimulatedKind::Google),
];

impl SimulatedTransmitters {
    /// The transmitters below `console`, which send to `gateway` about users of `token_issuer`.
    pub(crate) fn new(console: &str, gateway: &str, token_issuer: &str) -> io::Result<Self> {
        let transmitter = |(name, kind): (&'static str, SimulatedKind)| {
            let audience = match kind {
                // Its audience is the endpoint.
                SimulatedKind::GlobalTokenRevocation => format!("{gateway}/v1/signals/{name}"),
                _ => format!("guestpass-{name}"),
            };
            let credential = secrets::load_or_create(None, CREDENTIAL_LENGTH)?;
            let issuer = format!("{console}/transmitters/{name}");
            Ok(SimulatedTransmitter { name, kind, issuer, audience, credential })
        };
        let transmitters = CATALOG.into_iter().map(transmitter).collect::<io::Result<_>>()?;
        let scim = ScimClient::new(gateway, token_issuer)?;
        Ok(Self { transmitters, token_issuer: token_issuer.to_owned(), scim })
    }

    /// The value of the parameter `Transmitters`.
    pub(crate) fn parameter(&self) -> String {
        let configured = self.transmitters.iter().map(|t| t.configuration(&self.token_issuer));
        configured.chain([self.scim.configuration()]).collect::<Value>().to_string()
    }

    /// The secret of `TransmitterSecretArn`: credentials by transmitter.
    pub(crate) fn secret(&self) -> String {
        let secrets = self.transmitters.iter().filter_map(|transmitter| {
            let secret = transmitter.secret()?;
            Some((transmitter.name.to_owned(), secret))
        });
        let scim = (ScimClient::NAME.to_owned(), self.scim.secret());
        Value::Object(secrets.chain([scim]).collect::<Map<_, _>>()).to_string()
    }
}

impl SimulatedTransmitters {
    /// The transmitters for `stack.json`, with what a client of their APIs needs.
    pub(crate) fn with_credentials(&self) -> Value {
        let described = self.transmitters.iter().map(|transmitter| {
            let issuer = &transmitter.issuer;
            let mut description = json!({
                "name": transmitter.name,
                "kind": transmitter.kind.name(),
                "issuer": issuer,
            });
            if let (true, Some(members)) = (transmitter.kind.is_ssf(), description.as_object_mut())
            {
                members.insert("tokenUrl".to_owned(), format!("{issuer}/token").into());
                members.insert("clientId".to_owned(), CLIENT_ID.into());
                members.insert("clientSecret".to_owned(), transmitter.credential.as_str().into());
            }
            description
        });
        described.chain([self.scim.with_credentials()]).collect()
    }
}

impl SimulatedTransmitter {
    /// Its element of the parameter `Transmitters`.
    fn configuration(&self, token_issuer: &str) -> Value {
        let issuer = &self.issuer;
        let mut members = json!({
            "name": self.name,
            "kind": self.kind.name(),
            "issuer": issuer,
            "audiences": [self.audience],
            "jwksUri": format!("{issuer}/jwks"),
            "tokenIssuer": token_issuer,
        });
        let own = match self.kind {
            SimulatedKind::SsfPoll => {
                json!({ "delivery": "poll", "pollUrl": format!("{issuer}/poll") })
            }
            SimulatedKind::GlobalTokenRevocation => json!({ "clientIds": [CLIENT_ID] }),
            _ => json!({}),
        };
        if let (Some(members), Value::Object(own)) = (members.as_object_mut(), own) {
            members.extend(own);
        }
        members
    }

    /// Its credentials, if it has any.
    pub(crate) fn secret(&self) -> Option<Value> {
        match self.kind {
            SimulatedKind::SsfPush => Some(json!({ "authorization": self.authorization() })),
            SimulatedKind::SsfPoll => Some(json!({
                "tokenUrl": format!("{}/token", self.issuer),
                "clientId": CLIENT_ID,
                "clientSecret": self.credential,
            })),
            _ => None,
        }
    }

    /// The header `Authorization` of a pushed SET.
    pub(super) fn authorization(&self) -> String {
        format!("Bearer {}", self.credential)
    }
}
