//! A TCP stream that can end with a reset.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Ends with RST instead of FIN if it is marked as broken: the caller then sees what a crashed peer
/// looks like, not an orderly close.
pub(crate) struct ResettableStream {
    stream: TcpStream,
    broken: Arc<AtomicBool>,
}

impl ResettableStream {
    pub(crate) fn new(stream: TcpStream, broken: Arc<AtomicBool>) -> Self {
        Self { stream, broken }
    }
}

impl Drop for ResettableStream {
    fn drop(&mut self) {
        if self.broken.load(Ordering::SeqCst) {
            // If the system refuses, the stream ends with FIN, which also drops the connection.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for ResettableStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for ResettableStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
