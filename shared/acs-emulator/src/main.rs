//! `acs-emulator`: the emulator as a program of its own.

mod arguments;

use std::io::{self, Write as _};
use std::process::ExitCode;

use acs_emulator::Emulator;
use tokio::net::TcpListener;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command, USAGE};

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    let outcome = match arguments::parse(std::env::args().skip(1)) {
        Ok(Command::Help) => say(USAGE),
        Ok(Command::Serve(arguments)) => serve(arguments).await,
        Err(complaint) => Err(format!("{complaint}\n\n{USAGE}").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "acs-emulator: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut builder = Emulator::builder();
    if let Some(directory) = &arguments.data {
        builder = builder.data_dir(directory);
    }
    let emulator = builder.build()?;
    let address = (arguments.host, arguments.port);
    let listener = TcpListener::bind(address)
        .await
        .map_err(|cause| format!("cannot listen on {}:{}: {cause}", address.0, address.1))?;
    let server = emulator.serve(listener)?;
    // The connection string is what a client needs, and the key in it opens
    // nothing but this emulator.
    say(&format!(
        "endpoint           {}\nconnection string  {}\ncontrol            {}/_emulator/\nkept in            {}",
        server.endpoint(),
        server.connection_string(),
        server.endpoint(),
        emulator
            .data_dir()
            .map_or("memory, gone with this process".into(), |dir| dir.display().to_string()),
    ))?;
    interrupted().await?;
    server.stop().await;
    Ok(())
}

/// Waits for Ctrl-C or for being asked to end.
async fn interrupted() -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupt = tokio::signal::ctrl_c() => interrupt,
        _ = terminate.recv() => Ok(()),
    }
}

fn say(text: &str) -> Result<(), Box<dyn std::error::Error>> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    Ok(out.flush()?)
}
