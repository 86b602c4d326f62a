//! The command line of the program.

use std::net::SocketAddr;

use acs_emulator::options::{EmulatorOptions, Flag};

use crate::environment;
use crate::flags::{CommandLine, FLAGS};

/// The command that the command line gives.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum EmulatorCommand {
    Help,
    Version,
    /// Asks the emulator at this address whether it serves.
    CheckHealth(SocketAddr),
    Serve(CommandLine),
}

/// Parses the command line, without the program's name, after the variables of the environment:
/// an argument replaces the value of a variable, or adds to it if it is repeatable.
pub(crate) fn parse(
    mut arguments: impl Iterator<Item = String>,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<EmulatorCommand, String> {
    let mut line = CommandLine::default();
    environment::apply(&mut line, variables)?;
    let mut checks_health = false;
    while let Some(name) = arguments.next() {
        match name.as_str() {
            "--help" | "-h" => return Ok(EmulatorCommand::Help),
            "--version" | "-V" => return Ok(EmulatorCommand::Version),
            "--check-health" => {
                checks_health = true;
                continue;
            }
            _ => {}
        }
        let mut value = || arguments.next();
        if !Flag::parse(FLAGS, &mut line, &name, &mut value)?
            && !Flag::parse(EmulatorOptions::FLAGS, &mut line.options, &name, value)?
        {
            return Err(format!("unknown argument `{name}`"));
        }
    }
    if checks_health {
        return line.health_address().map(EmulatorCommand::CheckHealth);
    }
    line.check()?;
    Ok(EmulatorCommand::Serve(line))
}

/// What `--help` prints.
pub(crate) fn usage() -> String {
    format!(
        "A local Azure Communication Services Identity service.

Usage: acs-emulator [OPTIONS]

{}
  --check-health
          Asks the emulator that was started with the same --port and --host, or the same
          variables, whether it serves, and exits: for the health check of a container.
  --version
          Prints the version.

Where the behaviour of ACS is unknown or can vary:

{}
Each option is also read from an environment variable: --https-port from ACS_EMULATOR_HTTPS_PORT,
and so on. An option without a value is set by 1; several values are separated by commas. Arguments
replace the values of variables. Logs are written to stderr; RUST_LOG sets their level, for example
RUST_LOG=warn.",
        Flag::help(FLAGS).trim_end(),
        Flag::help(EmulatorOptions::FLAGS)
    )
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use acs_emulator::AllowedHosts;

    use super::*;
    use crate::flags::EntraClient;

    fn parsed(line: &str) -> Result<EmulatorCommand, String> {
        parse(line.split_whitespace().map(str::to_owned), std::iter::empty())
    }

    fn served(line: &str) -> CommandLine {
        match parsed(line).unwrap() {
            EmulatorCommand::Serve(line) => line,
            other => panic!("{other:?}"),
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
             --allow-host emulator --no-limits --host-name acs --host-name ::1",
        );
        assert_eq!(line.host_names, ["acs", "::1"]);
        let mut hosts = AllowedHosts::default();
        hosts.allow("emulator").unwrap();
        hosts.allow("acs").unwrap();
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
            ("--host-name emulator:80", "not a host name"),
            ("--check-health", "requires `--port`"),
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
    fn an_argument_replaces_the_value_of_a_variable_or_adds_to_it() {
        let variables = [("ACS_EMULATOR_PORT", "2"), ("ACS_EMULATOR_HOST_NAME", "a")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let arguments = ["--port", "1", "--host-name", "b"].map(str::to_owned);
        let line = match parse(arguments.into_iter(), variables.into_iter()).unwrap() {
            EmulatorCommand::Serve(line) => line,
            other => panic!("{other:?}"),
        };
        assert_eq!((line.port, line.host_names), (1, vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn the_health_of_an_emulator_on_all_addresses_is_asked_on_loopback() {
        for (host, expected) in [
            ("0.0.0.0", "127.0.0.1:80"),
            ("::", "[::1]:80"),
            ("127.0.0.2", "127.0.0.2:80"),
            ("192.0.2.1", "192.0.2.1:80"),
        ] {
            let asked = parsed(&format!("--check-health --port 80 --host {host}")).unwrap();
            assert_eq!(asked, EmulatorCommand::CheckHealth(expected.parse().unwrap()));
        }
    }

    #[test]
    fn the_readme_has_the_help() {
        assert!(include_str!("../README.md").contains(&usage()), "{}", usage());
    }
}
