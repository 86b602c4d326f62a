//! The command line of the program.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use acs_emulator::choices::{self, Choices};

/// The command that the command line gives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Help,
    Serve(Arguments),
}

/// The options of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub host: IpAddr,
    /// 0 for any free port.
    pub port: u16,
    /// The https port; without it, https is not served.
    pub https_port: Option<u16>,
    /// The directory for keys and identities; without it, they are kept in memory.
    pub data: Option<PathBuf>,
    pub choices: Choices,
    /// JWK sets of trusted Entra issuers, in addition to the development issuer.
    pub entra_jwks: Vec<PathBuf>,
    /// The role that a bearer must have.
    pub entra_role: Option<String>,
    /// Applications that can get tokens.
    pub entra_clients: Vec<EntraClient>,
}

/// An application's id and secret. `Debug` does not show the secret.
#[derive(PartialEq, Eq)]
pub(crate) struct EntraClient {
    pub id: String,
    pub secret: String,
}

impl fmt::Debug for EntraClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EntraClient({}, …)", self.id)
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            https_port: None,
            data: None,
            choices: Choices::default(),
            entra_jwks: Vec::new(),
            entra_role: None,
            entra_clients: Vec::new(),
        }
    }
}

/// Parses the command line, without the program's name.
pub(crate) fn parse(arguments: impl Iterator<Item = String>) -> Result<Command, String> {
    let mut given = arguments;
    let mut parsed = Arguments::default();
    let (mut ephemeral, mut knowing) = (false, false);
    while let Some(flag) = given.next() {
        let mut value = || given.next().ok_or_else(|| format!("{flag} needs a value"));
        match flag.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--port" => parsed.port = port(&value()?)?,
            "--https-port" => parsed.https_port = Some(port(&value()?)?),
            "--host" => {
                let value = value()?;
                parsed.host = value
                    .parse()
                    .map_err(|_| format!("--host takes an IP address, not {value:?}"))?;
            }
            "--data" => parsed.data = Some(value()?.into()),
            "--entra-jwks" => parsed.entra_jwks.push(value()?.into()),
            "--entra-role" => parsed.entra_role = Some(value()?),
            "--entra-client" => {
                let value = value()?;
                let (id, secret) =
                    value.split_once('=').ok_or("--entra-client takes an id, =, and a secret")?;
                let (id, secret) = (id.to_owned(), secret.to_owned());
                parsed.entra_clients.push(EntraClient { id, secret });
            }
            "--ephemeral" => ephemeral = true,
            "--i-know-this-is-an-emulator" => knowing = true,
            _ if parsed.choices.take(&flag, value)? => {}
            _ => return Err(format!("there is no argument {flag:?}")),
        }
    }
    if ephemeral && parsed.data.is_some() {
        return Err("--ephemeral and --data contradict each other: leave one out".into());
    }
    if parsed.https_port.is_some() && parsed.data.is_none() {
        return Err("--https-port needs --data, to keep the certificate that clients trust".into());
    }
    if !parsed.host.is_loopback() && !knowing {
        return Err(format!(
            "{} is reachable from other machines, and whoever reaches the emulator controls it \
             without credentials; add --i-know-this-is-an-emulator if that is wanted",
            parsed.host
        ));
    }
    Ok(Command::Serve(parsed))
}

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("a port is a number from 0 to 65535, not {text:?}"))
}

/// What `--help` prints.
pub(crate) fn usage() -> String {
    format!("{USAGE}\n\n{CHOICES}\n{}\n\n{LOG}", choices::USAGE)
}

const USAGE: &str = "\
A local Azure Communication Services Identity service.

Usage: acs-emulator [--port N] [--host IP] [--data DIR [--https-port N] | --ephemeral]
                    [CHOICES]

  --port N       the port to listen on; 0, the default, takes a free one
  --host IP      the address to listen on; 127.0.0.1 by default
  --data DIR     keep keys and identities in DIR, and find them there again
  --https-port N serve https too, with a certificate that DIR/ca.pem vouches for
  --ephemeral    keep nothing (the default)
  --entra-jwks FILE
                 believe Entra tokens that a key of this JWK set signed, too
  --entra-role ROLE
                 deny a bearer that does not have ROLE among its roles
  --entra-client ID=SECRET
                 an application that gets tokens, in place of the development one
  --i-know-this-is-an-emulator
                 allow an address that other machines can reach";
const CHOICES: &str = "Choices, mostly where nobody knows what the real service does:";
const LOG: &str = "The log goes to stderr; RUST_LOG says how much of it.";

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn nothing_said_is_loopback_any_port_and_memory() {
        let expected = Command::Serve(Arguments::default());
        assert_eq!(parsed("").unwrap(), expected);
        assert_eq!(parsed("--ephemeral").unwrap(), expected);
    }

    #[test]
    fn everything_can_be_said() {
        let Ok(Command::Serve(arguments)) = parsed(
            "--port 8080 --https-port 0 --host 0.0.0.0 --data d --i-know-this-is-an-emulator",
        ) else {
            panic!("refused")
        };
        assert_eq!((arguments.port, arguments.https_port), (8080, Some(0)));
        assert_eq!(arguments.data, Some("d".into()));
        let Ok(Command::Serve(arguments)) =
            parsed("--entra-jwks a --entra-jwks b --entra-role r --entra-client id=s=1")
        else {
            panic!("refused")
        };
        assert_eq!(arguments.entra_jwks, [PathBuf::from("a"), "b".into()]);
        assert_eq!(arguments.entra_role.as_deref(), Some("r"));
        let client = EntraClient { id: "id".into(), secret: "s=1".into() };
        assert_eq!(arguments.entra_clients, [client]);
        assert!(!format!("{arguments:?}").contains("s=1"));
    }

    #[test]
    fn a_mistake_is_named() {
        for (line, expected) in [
            ("--port", "--port needs a value"),
            ("--port x", "0 to 65535"),
            ("--https-port 0", "needs --data"),
            ("--host localhost", "IP address"),
            ("--host 0.0.0.0", "reachable from other machines"),
            ("--data d --ephemeral", "contradict"),
            ("--revocation-lag 901", "0 to 900"),
            ("--entra-client id", "an id, =, and a secret"),
            ("serve", "no argument"),
        ] {
            let complaint = parsed(line).unwrap_err();
            assert!(complaint.contains(expected), "{line}: {complaint}");
        }
    }
}
