//! `guestpass completion`

use std::io::{Write as _, stdout};

use clap::{Args, CommandFactory as _, ValueEnum};
use clap_complete::{Generator as _, Shell};

use crate::{cli::Cli, failure::Result};

/// Which shell.
#[derive(Args)]
#[command(after_help = "\
bash:  source <(guestpass completion bash)
zsh:   guestpass completion zsh > \"${fpath[1]}/_guestpass\"
fish:  guestpass completion fish > ~/.config/fish/completions/guestpass.fish")]
pub(crate) struct Arguments {
    /// The shell
    shell: Kind,
}

#[derive(Clone, Copy, ValueEnum)]
enum Kind {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
}

/// Writes the completion script.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let shell = match arguments.shell {
        Kind::Bash => Shell::Bash,
        Kind::Elvish => Shell::Elvish,
        Kind::Fish => Shell::Fish,
        Kind::Powershell => Shell::PowerShell,
        Kind::Zsh => Shell::Zsh,
    };
    let mut command = Cli::command();
    command.set_bin_name("guestpass");
    command.build();
    // The generator panics if it writes to a closed pipe, so it writes to a buffer.
    let mut script = Vec::new();
    shell.generate(&command, &mut script);
    Ok(stdout().write_all(&script)?)
}
