//! The client of `--check-health`: an image without a shell has no other program for it.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use serde_json::Value;

/// Requests a page of the stack that wrote `file`.
///
/// # Errors
/// No stack has written the file, or it does not answer within two seconds.
pub fn check_health(file: &Path) -> Result<(), String> {
    let text = fs::read(file)
        .map_err(|error| format!("no stack is ready: cannot read {}: {error}", file.display()))?;
    let stack: Value = serde_json::from_slice(&text).unwrap_or_default();
    let console = stack.get("console").and_then(Value::as_str);
    let address = console.and_then(|url| url.strip_prefix("http://")?.parse().ok());
    let address = address.ok_or_else(|| {
        format!("{} is not the file of a stack: it has no `console`", file.display())
    })?;
    match status(address) {
        Ok(status) if status.starts_with("HTTP/1.0 200 ") => Ok(()),
        Ok(status) => Err(format!("{address} is not a stack: it answers {status:?}")),
        Err(error) => Err(format!("no stack serves {address}: {error}")),
    }
}

/// The first line of the response.
fn status(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, LIMIT)?;
    stream.set_read_timeout(Some(LIMIT))?;
    // HTTP/1.0, so that the end of the connection is the end of the response.
    write!(stream, "GET /_local/clock HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut response = Vec::new();
    stream.take(LONGEST).read_to_end(&mut response)?;
    let response = String::from_utf8_lossy(&response);
    Ok(response.lines().next().unwrap_or_default().to_owned())
}

const LIMIT: Duration = Duration::from_secs(2);
const LONGEST: u64 = 4096;
