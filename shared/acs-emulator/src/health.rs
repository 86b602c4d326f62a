//! The client of `--check-health`: an image without a shell has no other program for it.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Requests the health of the emulator at `address`.
///
/// # Errors
/// It does not answer within two seconds, or answers anything but 200.
pub(crate) async fn check(address: SocketAddr) -> Result<(), Box<dyn Error>> {
    let status = tokio::time::timeout(LIMIT, status(address)).await;
    match status {
        Ok(Ok(status)) if status.starts_with("HTTP/1.0 200 ") => Ok(()),
        Ok(Ok(status)) => {
            Err(format!("{address} is not an emulator: it answers {status:?}").into())
        }
        Ok(Err(cause)) => Err(format!("no emulator serves {address}: {cause}").into()),
        Err(_) => Err(format!("{address} did not answer within {LIMIT:?}").into()),
    }
}

/// The first line of the response, or its first bytes.
async fn status(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    // HTTP/1.0, so that the end of the connection is the end of the response.
    let request = format!("GET /_emulator/health HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut response = Vec::new();
    stream.take(LONGEST).read_to_end(&mut response).await?;
    let response = String::from_utf8_lossy(&response);
    Ok(response.lines().next().unwrap_or_default().to_owned())
}

const LIMIT: Duration = Duration::from_secs(2);
const LONGEST: u64 = 4096;
