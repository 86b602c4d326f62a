//! The options of the program, and the flags that set them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use acs_emulator::AllowedHosts;
use acs_emulator::options::{EmulatorOptions, Flag};

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
    pub ephemeral: bool,
    exposed: bool,
    /// Whether the program ends when its stdin is closed.
    pub exit_with_stdin: bool,
    /// The names of this machine for clients of the control API and of the Entra endpoints.
    pub allowed_hosts: AllowedHosts,
    /// The names and addresses of this machine for endpoints and certificates.
    pub host_names: Vec<String>,
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
            exit_with_stdin: false,
            allowed_hosts: AllowedHosts::default(),
            host_names: Vec::new(),
            options: EmulatorOptions::default(),
            entra_jwks: Vec::new(),
            entra_role: None,
            entra_clients: Vec::new(),
        }
    }
}

impl CommandLine {
    /// Refuses options that contradict each other.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.ephemeral && self.data.is_some() {
            return Err("`--ephemeral` cannot be used with `--data`: remove one of them".into());
        }
        if self.https_port.is_some() && self.data.is_none() {
            return Err("`--https-port` requires `--data`, the directory that keeps the \
                        certificate authority that clients trust"
                .into());
        }
        if !self.host.is_loopback() && !self.exposed {
            return Err(format!(
                "address {} is reachable from other machines, and any client that can connect \
                 controls the emulator without credentials: use a loopback address, or confirm \
                 with `--i-know-this-is-an-emulator`",
                self.host
            ));
        }
        Ok(())
    }

    /// Where an emulator with these options serves http for clients on this machine.
    pub(crate) fn health_address(&self) -> Result<SocketAddr, String> {
        if self.port == 0 {
            return Err("`--check-health` requires `--port`, the port of the emulator".into());
        }
        let host = match self.host {
            IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            host => host,
        };
        Ok(SocketAddr::new(host, self.port))
    }
}

/// The flags besides those of [`EmulatorOptions`].
pub(crate) const FLAGS: &[Flag<CommandLine>] = &[
    Flag {
        name: "--port",
        value: "N",
        help: "Sets the port for http; 0, the default, selects a free port.",
        repeatable: false,
        set: |line, text| port(text).map(|port| line.port = port),
    },
    Flag {
        name: "--https-port",
        value: "N",
        help: "Also serves https, with a certificate that DIR/ca.pem signs. Requires --data.",
        repeatable: false,
        set: |line, text| port(text).map(|port| line.https_port = Some(port)),
    },
    Flag {
        name: "--host",
        value: "IP",
        help: "Sets the address to listen on; 127.0.0.1 by default.",
        repeatable: false,
        set: |line, text| {
            line.host = text.parse().map_err(|_| format!("`{text}` is not an IP address"))?;
            Ok(())
        },
    },
    Flag {
        name: "--i-know-this-is-an-emulator",
        value: "",
        help: "Allows an address that other machines can reach.",
        repeatable: false,
        set: |line, _| {
            line.exposed = true;
            Ok(())
        },
    },
    Flag {
        name: "--host-name",
        value: "NAME",
        help: "Sets a name or an IP address under which other machines reach this one, for example
            the name of a service in Docker Compose. Endpoints have the first one, certificates all
            of them, and the control API and the Entra endpoints are served under all of them.",
        repeatable: true,
        set: |line, text| {
            line.allowed_hosts.allow(text)?;
            line.host_names.push(text.to_owned());
            Ok(())
        },
    },
    Flag {
        name: "--allow-host",
        value: "NAME",
        help:
            "Also serves the control API and the Entra endpoints under this host name, for example
            that of a proxy. By default, they are served under IP addresses, localhost and names
            such as host.docker.internal.",
        repeatable: true,
        set: |line, text| line.allowed_hosts.allow(text),
    },
    Flag {
        name: "--exit-with-stdin",
        value: "",
        help: "Ends when stdin is closed, so that it does not outlive the program that started it.",
        repeatable: false,
        set: |line, _| {
            line.exit_with_stdin = true;
            Ok(())
        },
    },
    Flag {
        name: "--data",
        value: "DIR",
        help: "Keeps keys and identities in DIR, and loads them from there.",
        repeatable: false,
        set: |line, text| {
            line.data = Some(text.into());
            Ok(())
        },
    },
    Flag {
        name: "--ephemeral",
        value: "",
        help: "Keeps keys and identities in memory only (the default).",
        repeatable: false,
        set: |line, _| {
            line.ephemeral = true;
            Ok(())
        },
    },
    Flag {
        name: "--entra-jwks",
        value: "FILE",
        help: "Also accepts Entra tokens that are signed with a key of this JWK set.",
        repeatable: true,
        set: |line, text| {
            line.entra_jwks.push(text.into());
            Ok(())
        },
    },
    Flag {
        name: "--entra-role",
        value: "ROLE",
        help: "Denies a bearer token without this role.",
        repeatable: false,
        set: |line, text| {
            line.entra_role = Some(text.to_owned());
            Ok(())
        },
    },
    Flag {
        name: "--entra-client",
        value: "ID=SECRET",
        help: "Lets an application get Entra tokens, instead of the development application.",
        repeatable: true,
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
