//! The bodies of responses.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::Sleep;

/// A body that is complete, chunked, or truncated on purpose.
pub(crate) struct ResponseBody {
    rest: Option<Bytes>,
    length: Length,
    pace: Option<Pace>,
}

/// The delay of a slow body: it sends a byte whenever the timer has run.
struct Pace {
    every: Duration,
    timer: Pin<Box<Sleep>>,
}

enum Length {
    /// The length is announced by `Content-Length`.
    Known,
    /// The length is not announced, so hyper sends the body chunked.
    Unknown,
    /// The full length is announced, but only `rest` is sent.
    Cut { announced: u64, flushed: bool },
}

/// Makes hyper drop the connection.
#[derive(Debug, thiserror::Error)]
#[error("a fault drops the connection")]
pub(crate) struct ConnectionDropped;

impl ResponseBody {
    pub(crate) fn empty() -> Self {
        Self { rest: None, length: Length::Known, pace: None }
    }

    pub(crate) fn whole(bytes: Vec<u8>) -> Self {
        Self { rest: Some(bytes.into()), length: Length::Known, pace: None }
    }

    pub(crate) fn chunked(bytes: Vec<u8>) -> Self {
        Self { rest: Some(bytes.into()), length: Length::Unknown, pace: None }
    }

    /// Announces the length of `self`, and stops after the first half.
    pub(crate) fn cut(self) -> Self {
        let mut half = self.rest.unwrap_or_default();
        // An empty body cannot be truncated, so one byte is announced that is never sent.
        let announced = u64::try_from(half.len()).unwrap_or(u64::MAX).max(1);
        half.truncate(half.len() / 2);
        Self { rest: Some(half), length: Length::Cut { announced, flushed: false }, pace: None }
    }

    /// Sends one byte at a time, and waits for `every` between bytes.
    pub(crate) fn slowly(self, every: Duration) -> Self {
        let timer = Box::pin(tokio::time::sleep(every));
        Self { pace: Some(Pace { every, timer }), ..self }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = ConnectionDropped;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, ConnectionDropped>>> {
        let this = self.get_mut();
        if let (Some(rest), Some(pace)) = (&mut this.rest, &mut this.pace)
            && !rest.is_empty()
        {
            std::task::ready!(pace.timer.as_mut().poll(context));
            let byte = rest.split_to(1);
            pace.timer = Box::pin(tokio::time::sleep(pace.every));
            return Poll::Ready(Some(Ok(Frame::data(byte))));
        }
        if let Some(bytes) = this.rest.take().filter(|bytes| !bytes.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match &mut this.length {
            Length::Known | Length::Unknown => Poll::Ready(None),
            Length::Cut { flushed: true, .. } => Poll::Ready(Some(Err(ConnectionDropped))),
            Length::Cut { flushed, .. } => {
                // A pause in which hyper flushes; otherwise the first half would be lost too.
                *flushed = true;
                context.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Length::Known => {
                let length = self.rest.as_ref().map_or(0, Bytes::len);
                SizeHint::with_exact(u64::try_from(length).unwrap_or(u64::MAX))
            }
            Length::Unknown => SizeHint::new(),
            Length::Cut { announced, .. } => SizeHint::with_exact(announced),
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.length, Length::Known) && self.rest.as_ref().is_none_or(Bytes::is_empty)
    }
}
