//! The options of the command line, read from environment variables: for containers, where the
//! variables of an image are changed more easily than its arguments.

use acs_emulator::options::{EmulatorOptions, Flag};
use tracing::warn;

use crate::flags::{CommandLine, FLAGS};

/// Sets the options that `variables` name. An empty value counts as no value, because some tools
/// cannot remove a variable. Variables of other programs are ignored.
pub(crate) fn apply(
    line: &mut CommandLine,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<(), String> {
    for (name, value) in variables.filter(|(name, _)| name.starts_with(PREFIX)) {
        // Kubernetes sets such a value for a service that is called `acs-emulator`.
        if value.is_empty() || value.starts_with("tcp://") {
            continue;
        }
        let known = set(FLAGS, line, &name, &value)?
            || set(EmulatorOptions::FLAGS, &mut line.options, &name, &value)?;
        if !known {
            warn!(variable = name, "environment variable ignored: no option has this name");
        }
    }
    Ok(())
}

/// Sets the option of the variable `name` in `target`; false if `flags` does not have it.
fn set<T>(flags: &[Flag<T>], target: &mut T, name: &str, value: &str) -> Result<bool, String> {
    let Some(flag) = flags.iter().find(|flag| variable(flag.name) == name) else {
        return Ok(false);
    };
    let invalid = |reason| format!("invalid value for the environment variable `{name}`: {reason}");
    let values: Vec<&str> = match (flag.value, value) {
        ("", "1" | "true") => vec![""],
        ("", "0" | "false") => vec![],
        ("", _) => return Err(invalid("expected 1 or 0".to_owned())),
        _ if flag.repeatable => value.split(',').map(str::trim).collect(),
        _ => vec![value],
    };
    for value in values {
        (flag.set)(target, value).map_err(invalid)?;
    }
    Ok(true)
}

/// The variable of a flag: `ACS_EMULATOR_HTTPS_PORT` of `--https-port`.
fn variable(flag: &str) -> String {
    let name = flag.trim_start_matches('-').replace('-', "_");
    format!("{PREFIX}{}", name.to_ascii_uppercase())
}

const PREFIX: &str = "ACS_EMULATOR_";

#[cfg(test)]
mod tests {
    use super::*;

    /// The options of variables, each `NAME=value` without the prefix.
    fn applied(variables: &[&str]) -> Result<CommandLine, String> {
        let variables = variables.iter().map(|variable| {
            let (name, value) = variable.split_once('=').unwrap();
            (format!("{PREFIX}{name}"), value.to_owned())
        });
        let mut line = CommandLine::default();
        apply(&mut line, variables)?;
        Ok(line)
    }

    #[test]
    fn a_variable_sets_the_option_of_its_name() {
        let variables = ["PORT=8080", "HTTPS_PORT=1", "DATA=a b", "NO_LIMITS=1", "SKEW=5"];
        let line = applied(&variables).unwrap();
        assert_eq!((line.port, line.https_port, line.data), (8080, Some(1), Some("a b".into())));
        assert!(line.options.no_limits);
        assert_eq!(line.options.skew.as_secs(), 5);
        assert_eq!(applied(&["HOST_NAME=acs, 10.0.0.1"]).unwrap().host_names, ["acs", "10.0.0.1"]);
    }

    #[test]
    fn empty_values_switched_off_options_and_links_of_kubernetes_set_nothing() {
        let variables = ["DATA=", "NO_LIMITS=0", "COUNT_REFUSED=false", "PORT=tcp://10.0.0.1:80"];
        assert_eq!(applied(&variables), Ok(CommandLine::default()));
        assert!(applied(&["NO_LIMITS=true"]).unwrap().options.no_limits);
    }

    #[test]
    fn unknown_variables_and_those_of_other_programs_are_ignored() {
        assert_eq!(applied(&["SERVICE_HOST=10.0.0.1"]), Ok(CommandLine::default()));
        let mut line = CommandLine::default();
        apply(&mut line, std::iter::once(("PORT".to_owned(), "x".to_owned()))).unwrap();
        assert_eq!(line, CommandLine::default());
    }

    #[test]
    fn an_error_names_the_variable() {
        for (variable, reason) in [
            ("PORT=x", "`x` is not a port"),
            ("NO_LIMITS=yes", "expected 1 or 0"),
            ("HOST_NAME=a,b:80", "`b:80` is not a host name"),
            ("SKEW=x", "`x` is not a number"),
        ] {
            let (name, _) = variable.split_once('=').unwrap();
            let message = applied(&[variable]).unwrap_err();
            let expected =
                format!("invalid value for the environment variable `{PREFIX}{name}`: {reason}");
            assert!(message.starts_with(&expected), "{message}");
        }
    }
}
