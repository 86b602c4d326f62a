//! The options of a stack, and the command line that sets them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use acs_emulator::AllowedHosts;
use acs_emulator::options::{EmulatorOptions, Flag};

use crate::gateway::GatewayLimits;

/// How to start a stack.
#[derive(Clone, Debug)]
pub struct StackOptions {
    /// The SAM template.
    pub template: PathBuf,
    /// The directory for keys, tables, identities and logs.
    pub data: PathBuf,
    /// Keeps keys, tables and identities in memory. Logs are still written to `data`.
    pub ephemeral: bool,
    /// The path of `stack.json` while the stack runs.
    pub stack_file: PathBuf,
    /// The first of the ports; 0 for any free ports.
    pub port: u16,
    /// The address of gateway and issuer; all other services are on loopback.
    pub host: IpAddr,
    /// Whether gateway and issuer speak https, with a certificate for `host`.
    pub https: bool,
    /// The names under which the services without credentials can be requested, besides those of
    /// this machine.
    pub allowed_hosts: AllowedHosts,
    /// The directory of the functions' binaries.
    pub functions_dir: PathBuf,
    /// Values of the template's parameters. The stack sets issuer, audience and secret itself if
    /// they are not given. With another issuer, the gateway accepts the tokens of that issuer.
    pub parameters: BTreeMap<String, String>,
    /// What the ACS emulator does where the behaviour of ACS is unknown.
    pub acs: EmulatorOptions,
    /// The number of ACS resources, each with an emulator of its own: 1 to 8.
    pub resources: u8,
    /// `RUST_LOG` of the functions.
    pub rust_log: String,
    /// The maximum number of processes of a function; further requests wait.
    pub processes: usize,
    /// How long a process may be idle before it is ended.
    pub idle_limit: Duration,
    /// The quotas of the gateway.
    pub gateway: GatewayLimits,
}

/// The command that the command line gives.
#[derive(Debug)]
pub enum StackCommand {
    /// Prints the help.
    Help,
    /// Checks the stack that wrote this file.
    CheckHealth(PathBuf),
    /// Starts a stack.
    Start {
        /// The options of the stack.
        options: Box<StackOptions>,
        /// Whether the stack ends when stdin is closed.
        exit_with_stdin: bool,
        /// Whether the stack is filled with a demonstration.
        demo: bool,
    },
}

/// The environment of the program.
#[derive(Debug, Default)]
pub struct ProcessEnvironment {
    /// The directory of the program: cargo also puts the functions there.
    pub own_dir: PathBuf,
    /// `GUESTPASS_PORT`.
    pub port: Option<String>,
    /// `GUESTPASS_RESOURCES`.
    pub resources: Option<String>,
    /// `RUST_LOG`.
    pub rust_log: Option<String>,
}

/// What `--help` prints.
#[must_use]
pub fn usage() -> String {
    format!("{USAGE}\n\nOptions of the ACS emulator:\n\n{}", Flag::help(EmulatorOptions::FLAGS))
}

const USAGE: &str = "\
Runs the whole service on localhost: gateway, functions, DynamoDB, ACS emulator, token issuer.

Usage: local-stack [options]

  --template PATH         the SAM template (default: infra/template.yaml)
  --data DIR              the directory for keys, tables, identities and logs
                          (default: target/local/data)
  --ephemeral             keep only the logs after the stack stops
  --stack-file PATH       the file for the addresses of all services
                          (default: target/local/stack.json)
  --port N                the first of eight ports: gateway, console, issuer, events,
                          ACS http, ACS https, DynamoDB, Secrets Manager; 0 for any
                          free ports (default: GUESTPASS_PORT, or 3000)
  --host ADDRESS          the IP address of gateway and issuer, for example 0.0.0.0 to
                          reach them from a phone (default: 127.0.0.1)
  --https                 let gateway and issuer speak https; the introduction names the
                          certificate that clients must trust
  --allow-host NAME       a host name under which this machine can be requested, besides IP
                          addresses and localhost; repeatable. Only the gateway accepts any name
  --functions-dir DIR     the directory of the function binaries
                          (default: the directory of this program)
  --parameter NAME=VALUE  a value for a parameter of the template. With Issuer=URL and
                          Audience=NAME, the gateway accepts the tokens of that issuer
  --resources N           the number of ACS resources, 1 to 8, each with an emulator of its own;
                          all but the first have any free ports
                          (default: GUESTPASS_RESOURCES, or 1)
  --no-throttling         ignore the rate limits of the template
  --demo                  fill the stack with a believable day of 2,000 users, and open the
                          console in a browser, if there is a desktop; best with
                          --ephemeral, --no-limits and --no-throttling, as `make demo` does
  --exit-with-stdin       stop when stdin is closed
  --check-health          start nothing; exit with 0 if the stack of --stack-file serves, for the
                          health check of a container

The template defines rules, queues and schedules. To show and control them, use /_local/ on
the console's port: GET queues, GET queues/NAME/messages, POST queues/NAME/redrive,
GET schedules, POST schedules/NAME/run, POST events (complete events, including those of AWS
and its partners), GET and POST clock {\"advanceSeconds\": N}, POST functions/NAME/invoke,
GET signals, POST signals/TRANSMITTER {\"sub\": \"alice\"} (a simulated provider sends).
The console reads from there, too: GET overview, GET identities?search=TEXT&state=STATE, GET events,
GET requests.
If you move the clock, it stays moved until you move it back or delete the data directory.";

/// A stack uses eight consecutive ports, so the first cannot be one of the last port numbers.
const LAST_PORT: u16 = u16::MAX - 7;

/// Parses the command line, without the program's name.
pub fn parse(
    arguments: impl IntoIterator<Item = String>,
    environment: ProcessEnvironment,
) -> Result<StackCommand, String> {
    let mut options = StackOptions {
        template: "infra/template.yaml".into(),
        data: "target/local/data".into(),
        ephemeral: false,
        stack_file: "target/local/stack.json".into(),
        port: match &environment.port {
            Some(value) => port("GUESTPASS_PORT", value)?,
            None => 3000,
        },
        host: Ipv4Addr::LOCALHOST.into(),
        https: false,
        allowed_hosts: AllowedHosts::default(),
        functions_dir: environment.own_dir,
        parameters: BTreeMap::new(),
        rust_log: environment.rust_log.unwrap_or_else(|| "info".to_owned()),
        acs: EmulatorOptions::default(),
        resources: match &environment.resources {
            Some(value) => resources("GUESTPASS_RESOURCES", value)?,
            None => 1,
        },
        processes: 16,
        idle_limit: Duration::from_mins(5),
        gateway: GatewayLimits::default(),
    };
    let (mut exit_with_stdin, mut demo, mut is_check) = (false, false, false);
    let mut arguments = arguments.into_iter();
    while let Some(flag) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("missing value for {flag}"));
        match flag.as_str() {
            "--help" | "-h" => return Ok(StackCommand::Help),
            "--template" => options.template = value()?.into(),
            "--data" => options.data = value()?.into(),
            "--ephemeral" => options.ephemeral = true,
            "--stack-file" => options.stack_file = value()?.into(),
            "--port" => options.port = port("--port", &value()?)?,
            "--host" => options.host = host(&value()?)?,
            "--https" => options.https = true,
            "--allow-host" => {
                let reason = |reason| format!("invalid value for --allow-host: {reason}");
                options.allowed_hosts.allow(&value()?).map_err(reason)?;
            }
            "--resources" => options.resources = resources("--resources", &value()?)?,
            "--functions-dir" => options.functions_dir = value()?.into(),
            "--parameter" => {
                let value = value()?;
                let (name, value) = value.split_once('=').ok_or_else(|| {
                    format!("invalid value `{value}` for --parameter: must be NAME=VALUE")
                })?;
                options.parameters.insert(name.to_owned(), value.to_owned());
            }
            "--no-throttling" => options.gateway.throttling = false,
            "--exit-with-stdin" => exit_with_stdin = true,
            "--demo" => demo = true,
            "--check-health" => is_check = true,
            _ if Flag::parse(EmulatorOptions::FLAGS, &mut options.acs, &flag, || value().ok())? => {
            }
            _ => return Err(format!("unknown option `{flag}`")),
        }
    }
    if is_check {
        return Ok(StackCommand::CheckHealth(options.stack_file));
    }
    Ok(StackCommand::Start { options: Box::new(options), exit_with_stdin, demo })
}

fn host(value: &str) -> Result<IpAddr, String> {
    value.parse().map_err(|_| {
        format!("invalid value `{value}` for --host: must be an IP address, for example 0.0.0.0")
    })
}

fn resources(name: &str, value: &str) -> Result<u8, String> {
    let number = value.parse().ok().filter(|number| (1..=8).contains(number));
    number
        .ok_or_else(|| format!("invalid value `{value}` for {name}: must be a number from 1 to 8"))
}

fn port(name: &str, value: &str) -> Result<u16, String> {
    match value.parse() {
        Ok(port) if port <= LAST_PORT => Ok(port),
        _ => Err(format!(
            "invalid value `{value}` for {name}: must be a number from 0 to {LAST_PORT}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str, port: Option<&str>) -> Result<(StackOptions, bool), String> {
        let environment = ProcessEnvironment {
            own_dir: "/bin".into(),
            port: port.map(str::to_owned),
            resources: None,
            rust_log: None,
        };
        match parse(line.split_whitespace().map(str::to_owned), environment)? {
            StackCommand::Start { options, exit_with_stdin, demo } => {
                assert_eq!(demo, line.contains("--demo"));
                Ok((*options, exit_with_stdin))
            }
            StackCommand::Help => Err("help".to_owned()),
            StackCommand::CheckHealth(file) => Err(format!("check {}", file.display())),
        }
    }

    #[test]
    fn every_option_has_a_default() {
        let (options, exit_with_stdin) = parsed("", None).unwrap();
        assert_eq!((options.port, options.ephemeral, exit_with_stdin), (3000, false, false));
        assert_eq!(options.functions_dir, PathBuf::from("/bin"));
        assert_eq!((options.rust_log.as_str(), options.resources), ("info", 1));
        assert_eq!(options.gateway, GatewayLimits::default());
    }

    #[test]
    fn the_command_line_overrides_the_environment() {
        assert_eq!(parsed("", Some("4000")).unwrap().0.port, 4000);
        assert_eq!(parsed("--port 0 --demo", Some("4000")).unwrap().0.port, 0);
        let (options, exit) = parsed(
            "--ephemeral --parameter Policy={} --exit-with-stdin --no-limits --no-throttling",
            None,
        )
        .unwrap();
        assert!(!options.gateway.throttling);
        assert_ne!(options.acs, EmulatorOptions::default());
        assert!(options.ephemeral && exit);
        assert!(options.host.is_loopback() && !options.https);
        let (reachable, _) = parsed("--host 0.0.0.0 --https --allow-host pc.local", None).unwrap();
        assert_ne!(reachable.allowed_hosts, options.allowed_hosts);
        assert!(reachable.host.is_unspecified() && reachable.https);
        assert_eq!(options.parameters["Policy"], "{}");
        assert_eq!(parsed("--resources 3", None).unwrap().0.resources, 3);
    }

    #[test]
    fn the_number_of_acs_resources_can_be_a_variable() {
        let parsed = |line: &str, resources: &str| {
            let (own_dir, resources) = (PathBuf::from("/bin"), Some(resources.to_owned()));
            let environment = ProcessEnvironment { own_dir, port: None, resources, rust_log: None };
            match parse(line.split_whitespace().map(str::to_owned), environment) {
                Ok(StackCommand::Start { options, .. }) => Ok(options.resources),
                Ok(_) => Err("another command".to_owned()),
                Err(error) => Err(error),
            }
        };
        assert_eq!(parsed("", "3"), Ok(3));
        assert_eq!(parsed("--resources 2", "3"), Ok(2));
        let error = parsed("", "many").unwrap_err();
        assert!(error.starts_with("invalid value `many` for GUESTPASS_RESOURCES"), "{error}");
    }

    #[test]
    fn an_error_names_the_option_or_the_variable() {
        for (line, port, expected) in [
            ("--port", None, "missing value for --port"),
            (
                "--port 65529",
                None,
                "invalid value `65529` for --port: must be a number from 0 to 65528",
            ),
            ("", Some("many"), "invalid value `many` for GUESTPASS_PORT"),
            ("--parameter x", None, "NAME=VALUE"),
            ("--resources 0", None, "`0` for --resources: must be a number from 1 to 8"),
            ("--resources 9", None, "`9` for --resources: must be a number from 1 to 8"),
            ("--host here", None, "invalid value `here` for --host: must be an IP address"),
            ("--allow-host a:1", None, "invalid value for --allow-host: `a:1` is not a host name"),
            ("start", None, "unknown option `start`"),
            ("--revocation-lag 901", None, "0 to 900"),
            ("--help", None, "help"),
            ("--check-health", None, "check target/local/stack.json"),
            ("--check-health --stack-file s.json", None, "check s.json"),
        ] {
            let problem = parsed(line, port).unwrap_err();
            assert!(problem.contains(expected), "{line}: {problem}");
        }
    }
}
