//! `local-stack`: the program that `make run` starts.

use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use local_stack::{
    LocalStack, ProcessEnvironment, StackCommand, StackOptions, check_health, fill_demo, parse,
    usage,
};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match parse(std::env::args().skip(1), environment()) {
        Ok(StackCommand::Help) => writeln!(io::stdout(), "{}", usage()).map_err(Into::into),
        Ok(StackCommand::CheckHealth(file)) => check_health(&file).map_err(Into::into),
        Ok(StackCommand::Start { options, exit_with_stdin, demo }) => {
            run(*options, exit_with_stdin, demo).await
        }
        Err(problem) => Err(format!("{problem}\n\n{}", usage()).into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "local-stack: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(
    options: StackOptions,
    exit_with_stdin: bool,
    demo: bool,
) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    if !options.host.is_loopback() {
        let host = options.host;
        writeln!(
            io::stderr(),
            "Warning: gateway and issuer listen on {host}, so other machines can reach them.\n\
             The issuer signs a token for any caller, with any user and scope. Use this only\n\
             in a network that you trust, and only with test data.\n"
        )?;
    }
    let stack = LocalStack::start(options).await?;
    stack.print_introduction();
    tokio::select! {
        outcome = show_demo(&stack, demo) => outcome?,
        interrupt = tokio::signal::ctrl_c() => interrupt?,
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
        () = stdin_closed(exit_with_stdin) => {}
    }
    stack.stop().await;
    Ok(())
}

/// Fills the stack if this is a demonstration. Resolves only if that fails.
async fn show_demo(stack: &LocalStack, demo: bool) -> Result<(), Box<dyn std::error::Error>> {
    if demo {
        writeln!(io::stdout(), "Filling the stack with a day of 2,000 users…")?;
        fill_demo(stack).await?;
        writeln!(io::stdout(), "\nOpen {0} and {0}/try\n", stack.console())?;
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if io::stdout().is_terminal() && has_display(is_set) {
            open_in_browser(stack.console());
        }
    }
    std::future::pending().await
}

/// Opens a page in the user's browser. Without one, the printed address remains.
fn open_in_browser(url: &str) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let mut command = Command::new(opener);
    command.arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let _ = command.spawn();
}

/// Whether a browser can have a window. In a terminal without one, `xdg-open` would start a browser
/// of the terminal, over the log.
fn has_display(is_set: impl Fn(&str) -> bool) -> bool {
    cfg!(target_os = "macos") || ["DISPLAY", "WAYLAND_DISPLAY"].into_iter().any(is_set)
}

/// Resolves when stdin is closed. If it is not `watched`, this never resolves.
async fn stdin_closed(watched: bool) {
    if !watched {
        return std::future::pending().await;
    }
    let (closed, is_closed) = oneshot::channel();
    // A separate thread, because the shutdown would wait for a thread of tokio's.
    std::thread::spawn(move || {
        let mut buffer = [0; 256];
        while io::stdin().read(&mut buffer).is_ok_and(|read| read > 0) {}
        let _ = closed.send(());
    });
    let _ = is_closed.await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "the stack's settings are read here and nowhere else"
)]
fn environment() -> ProcessEnvironment {
    let own = std::env::current_exe().ok();
    ProcessEnvironment {
        own_dir: own.as_deref().and_then(Path::parent).unwrap_or(Path::new(".")).to_owned(),
        port: std::env::var("GUESTPASS_PORT").ok(),
        resources: std::env::var("GUESTPASS_RESOURCES").ok(),
        rust_log: std::env::var("RUST_LOG").ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(not(target_os = "macos"))]
    fn a_browser_needs_a_display() {
        for (set, expected) in
            [(&["DISPLAY"][..], true), (&["WAYLAND_DISPLAY"], true), (&["TERM", "BROWSER"], false)]
        {
            assert_eq!(has_display(|name| set.contains(&name)), expected, "{set:?}");
        }
    }
}
