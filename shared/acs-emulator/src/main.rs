//! `acs-emulator`: the emulator as a separate program.

mod command_line;

use std::io::{self, Write as _};
use std::net::IpAddr;
use std::path::Path;
use std::process::ExitCode;

use acs_emulator::{Emulator, EmulatorServer};
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::command_line::{CommandLine, EmulatorCommand, usage};

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let outcome = match command_line::parse(std::env::args().skip(1)) {
        Ok(EmulatorCommand::Help) => say(&usage()),
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

async fn serve(arguments: CommandLine) -> Result<(), Box<dyn std::error::Error>> {
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
    interrupted().await?;
    server.stop().await;
    if let Some(secure) = secure {
        secure.stop().await;
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

/// Waits for Ctrl-C or a termination signal.
async fn interrupted() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt,
        _ = terminate.recv() => Ok(()),
    }
}

fn say(text: &str) -> Result<(), Box<dyn std::error::Error>> {
    // One write, because a reader of the first line may then close the pipe.
    let mut out = io::stdout().lock();
    out.write_all(format!("{text}\n").as_bytes())?;
    Ok(out.flush()?)
}
