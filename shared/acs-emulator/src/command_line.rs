//! The command line of the program.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use acs_emulator::AllowedHosts;
use acs_emulator::options::{EmulatorOptions, Flag};

/// The command that the command line gives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EmulatorCommand {
    Help,
    Serve(CommandLine),
}

/// The arguments of the server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct CommandLine {
    pub host: IpAddr,
    /// 0 for any free port.
    pub port: u16,
    /// The https port; without it, https is not served.
    pub https_port: Option<u16>,
    /// The directory for keys and identities; without it, they are kept in memory.
    pub data: Option<PathBuf>,
    ephemeral: bool,
    exposed: bool,
    /// The names of this machine for clients of the control API and of the Entra endpoints.
    pub allowed_hosts: AllowedHosts,
    pub options: EmulatorOptions,
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

impl Default for CommandLine {
    fn default() -> Self {
        Self {
            host: Ipv4Addr::LOCALHOST.into(),
            port: 0,
            https_port: None,
            data: None,
            ephemeral: false,
            exposed: false,
            allowed_hosts: AllowedHosts::default(),
            options: EmulatorOptions::default(),
            entra_jwks: Vec::new(),
            entra_role: None,
            entra_clients: Vec::new(),
        }
    }
}

/// Parses the command line, without the program's name.
pub(crate) fn parse(
    mut arguments: impl Iterator<Item = String>,
) -> Result<EmulatorCommand, String> {
    let mut line = CommandLine::default();
    while let Some(name) = arguments.next() {
        if matches!(name.as_str(), "--help" | "-h") {
            return Ok(EmulatorCommand::Help);
        }
        let mut value = || arguments.next();
        if !Flag::parse(FLAGS, &mut line, &name, &mut value)?
            && !Flag::parse(EmulatorOptions::FLAGS, &mut line.options, &name, value)?
        {
            return Err(format!("unknown argument `{name}`"));
        }
    }
    if line.ephemeral && line.data.is_some() {
        return Err("`--ephemeral` cannot be used with `--data`: remove one of them".into());
    }
    if line.https_port.is_some() && line.data.is_none() {
        return Err("`--https-port` requires `--data`, the directory that keeps the certificate \
                    authority that clients trust"
            .into());
    }
    if !line.host.is_loopback() && !line.exposed {
        return Err(format!(
            "address {} is reachable from other machines, and any client that can connect controls \
             the emulator without credentials: use a loopback address, or confirm with \
             `--i-know-this-is-an-emulator`",
            line.host
        ));
    }
    Ok(EmulatorCommand::Serve(line))
}

/// What `--help` prints.
pub(crate) fn usage() -> String {
    format!(
        "A local Azure Communication Services Identity service.

Usage: acs-emulator [OPTIONS]

{}
Where the behaviour of ACS is unknown or can vary:

{}
Logs are written to stderr; RUST_LOG sets their level.",
        Flag::help(FLAGS),
        Flag::help(EmulatorOptions::FLAGS)
    )
}

const FLAGS: &[Flag<CommandLine>] = &[
    Flag {
        name: "--port",
        value: "N",
        help: "Sets the port for http; 0, the default, selects a free port.",
        set: |line, text| port(text).map(|port| line.port = port),
    },
    Flag {
        name: "--https-port",
        value: "N",
        help: "Also serves https, with a certificate that DIR/ca.pem signs. Requires --data.",
        set: |line, text| port(text).map(|port| line.https_port = Some(port)),
    },
    Flag {
        name: "--host",
        value: "IP",
        help: "Sets the address to listen on; 127.0.0.1 by default.",
        set: |line, text| {
            line.host = text.parse().map_err(|_| format!("`{text}` is not an IP address"))?;
            Ok(())
        },
    },
    Flag {
        name: "--i-know-this-is-an-emulator",
        value: "",
        help: "Allows an address that other machines can reach.",
        set: |line, _| {
            line.exposed = true;
            Ok(())
        },
    },
    Flag {
        name: "--allow-host",
        value: "NAME",
        help:
            "Also serves the control API and the Entra endpoints under this host name, for example
            that of a service in Docker Compose. By default, they are served under IP addresses,
            localhost and names such as host.docker.internal. Repeatable.",
        set: |line, text| line.allowed_hosts.allow(text),
    },
    Flag {
        name: "--data",
        value: "DIR",
        help: "Keeps keys and identities in DIR, and loads them from there.",
        set: |line, text| {
            line.data = Some(text.into());
            Ok(())
        },
    },
    Flag {
        name: "--ephemeral",
        value: "",
        help: "Keeps keys and identities in memory only (the default).",
        set: |line, _| {
            line.ephemeral = true;
            Ok(())
        },
    },
    Flag {
        name: "--entra-jwks",
        value: "FILE",
        help: "Also accepts Entra tokens that are signed with a key of this JWK set. Repeatable.",
        set: |line, text| {
            line.entra_jwks.push(text.into());
            Ok(())
        },
    },
    Flag {
        name: "--entra-role",
        value: "ROLE",
        help: "Denies a bearer token without this role.",
        set: |line, text| {
            line.entra_role = Some(text.to_owned());
            Ok(())
        },
    },
    Flag {
        name: "--entra-client",
        value: "ID=SECRET",
        help: "Lets an application get Entra tokens, instead of the development application.
            Repeatable.",
        set: |line, text| {
            // The value may contain a secret, so the error does not quote it.
            let (id, secret) = text.split_once('=').ok_or("expected ID=SECRET")?;
            line.entra_clients.push(EntraClient { id: id.to_owned(), secret: secret.to_owned() });
            Ok(())
        },
    },
];

fn port(text: &str) -> Result<u16, String> {
    text.parse().map_err(|_| format!("`{text}` is not a port from 0 to 65535"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<EmulatorCommand, String> {
        parse(line.split_whitespace().map(str::to_owned))
    }

    fn served(line: &str) -> CommandLine {
        match parsed(line).unwrap() {
            EmulatorCommand::Serve(line) => line,
            EmulatorCommand::Help => panic!("help"),
        }
    }

    #[test]
    fn the_default_is_loopback_any_port_and_memory() {
        assert_eq!(served(""), CommandLine::default());
        assert_eq!(served("--ephemeral").data, None);
    }

    #[test]
    fn every_flag_is_parsed() {
        let line = served(
            "--port 8080 --https-port 0 --host 0.0.0.0 --data d --i-know-this-is-an-emulator \
             --allow-host emulator --no-limits",
        );
        let mut hosts = AllowedHosts::default();
        hosts.allow("emulator").unwrap();
        assert_eq!(line.allowed_hosts, hosts);
        assert_eq!((line.port, line.https_port), (8080, Some(0)));
        assert_eq!(line.data, Some("d".into()));
        assert!(line.options.no_limits);
        let line = served("--entra-jwks a --entra-jwks b --entra-role r --entra-client id=s=1");
        assert_eq!(line.entra_jwks, [PathBuf::from("a"), "b".into()]);
        assert_eq!(line.entra_role.as_deref(), Some("r"));
        let client = EntraClient { id: "id".into(), secret: "s=1".into() };
        assert_eq!(line.entra_clients, [client]);
        assert!(!format!("{line:?}").contains("s=1"));
    }

    #[test]
    fn an_error_names_the_argument_and_what_is_expected() {
        for (line, expected) in [
            ("--port", "`--port` requires N"),
            ("--port x", "0 to 65535"),
            ("--https-port 0", "requires `--data`"),
            ("--host localhost", "not an IP address"),
            ("--allow-host emulator:80", "not a host name"),
            ("--host 0.0.0.0", "reachable from other machines"),
            ("--data d --ephemeral", "cannot be used with"),
            ("--revocation-lag 901", "0 to 900"),
            ("--entra-client id", "expected ID=SECRET"),
            ("serve", "unknown argument `serve`"),
        ] {
            let message = parsed(line).unwrap_err();
            assert!(message.contains(expected), "{line}: {message}");
        }
    }

    #[test]
    fn the_readme_has_the_help() {
        assert!(include_str!("../README.md").contains(&usage()), "{}", usage());
    }
}
