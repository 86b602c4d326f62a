//! `acs-emulator`: the emulator as a separate program.

mod command_line;
mod environment;
mod flags;
mod health;
mod stop_signals;

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use acs_emulator::{Emulator, EmulatorServer};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tracing::warn;
use tracing_subscriber::EnvFilter;

use crate::command_line::{EmulatorCommand, usage};
use crate::flags::CommandLine;
use crate::stop_signals::StopSignals;

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_writer(io::stderr)
        .init();
    let outcome = match command_line::parse(std::env::args().skip(1), variables()) {
        Ok(EmulatorCommand::Help) => say(&usage()),
        Ok(EmulatorCommand::Version) => say(concat!("acs-emulator ", env!("CARGO_PKG_VERSION"))),
        Ok(EmulatorCommand::CheckHealth(address)) => health::check(address).await,
        Ok(EmulatorCommand::Serve(arguments)) => serve(arguments).await,
        Err(complaint) => Err(format!("{complaint}\n\n{}", usage()).into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "acs-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The variables of the environment. A variable that is not Unicode cannot be one of ours.
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

async fn serve(arguments: CommandLine) -> Result<(), Box<dyn std::error::Error>> {
    // As the first process of a container, this one would ignore a signal before this.
    let mut stop = StopSignals::new()?;
    let mut builder = Emulator::builder().options(arguments.options);
    builder = builder.allowed_hosts(arguments.allowed_hosts);
    if let Some(directory) = &arguments.data {
        builder = builder.data_dir(directory);
    }
    for path in &arguments.entra_jwks {
        let jwks = std::fs::read_to_string(path);
        builder = builder.trust_entra_keys(jwks.map_err(|cause| {
            format!("failed to read {}, the value of `--entra-jwks`: {cause}", path.display())
        })?);
    }
    if let Some(role) = &arguments.entra_role {
        builder = builder.require_entra_role(role);
    }
    for name in arguments.host_names {
        builder = builder.host_name(name);
    }
    for client in &arguments.entra_clients {
        builder = builder.entra_client(&client.id, &client.secret);
    }
    let emulator = builder.build()?;
    let server = emulator.serve(listen(arguments.host, arguments.port).await?)?;
    let secure = match (arguments.https_port, emulator.data_dir()) {
        (Some(port), Some(directory)) => {
            Some(emulator.serve_tls(listen(arguments.host, port).await?, directory)?)
        }
        _ => None,
    };
    say(&announcement(&emulator, &server, secure.as_ref()))?;
    tokio::select! {
        () = stop.received() => {}
        () = stdin_closed(arguments.exit_with_stdin) => {}
    }
    let stopped = async {
        tokio::join!(server.stop(), async {
            if let Some(secure) = secure {
                secure.stop().await;
            }
        })
    };
    if tokio::time::timeout(LAST_RESPONSES, stopped).await.is_err() {
        warn!("stopped before the last responses were sent");
    }
    Ok(())
}

/// The connection strings for clients. Their keys are only valid for this emulator.
fn announcement(
    emulator: &Emulator,
    server: &EmulatorServer,
    secure: Option<&EmulatorServer>,
) -> String {
    let mut lines = vec![
        format!("endpoint           {}", server.endpoint()),
        format!("connection string  {}", server.connection_string()),
        format!("secondary string   {}", server.secondary_connection_string()),
    ];
    if let Some(secure) = secure {
        lines.push(format!("https endpoint     {}", secure.endpoint()));
        lines.push(format!("https connection   {}", secure.connection_string()));
        lines.push(format!("https secondary    {}", secure.secondary_connection_string()));
        let ca_cert = secure.ca_cert_path().unwrap_or(Path::new("")).display();
        lines.push(format!("https certificate  {ca_cert}"));
    }
    lines.push(format!("control            {}/_emulator/", server.endpoint()));
    let kept = emulator.data_dir().map(|directory| directory.display().to_string());
    lines.push(format!("kept in            {}", kept.as_deref().unwrap_or("memory")));
    lines.join("\n")
}

async fn listen(host: IpAddr, port: u16) -> Result<TcpListener, String> {
    let bound = TcpListener::bind((host, port)).await;
    bound.map_err(|cause| format!("failed to listen on {host}, port {port}: {cause}"))
}

/// Resolves when stdin is closed. If it is not `watched`, this never resolves.
async fn stdin_closed(watched: bool) {
    if !watched {
        return std::future::pending().await;
    }
    let (closed, is_closed) = oneshot::channel();
    // A separate thread, because the runtime would wait for a thread of its own to end.
    std::thread::spawn(move || {
        // The error of a closed descriptor also means that nothing follows.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        let _ = closed.send(());
    });
    let _ = is_closed.await;
}

/// How long the responses in progress may take after the signal.
const LAST_RESPONSES: Duration = Duration::from_millis(700);

fn say(text: &str) -> Result<(), Box<dyn std::error::Error>> {
    // One write, because a reader of the first line may then close the pipe.
    let mut out = io::stdout().lock();
    out.write_all(format!("{text}\n").as_bytes())?;
    Ok(out.flush()?)
}
