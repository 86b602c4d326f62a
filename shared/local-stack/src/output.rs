//! The stack's own output on stdout.
//!
//! A separate thread writes, because stdout may block: the user selects text in the terminal, or
//! the parent process does not read its pipe. Requests continue meanwhile, and lines that do not
//! fit into the queue are lost.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

enum OutputLine {
    Line(String),
    Flush(SyncSender<()>),
}

/// The capacity of the queue of lines.
const QUEUE: usize = 1024;

/// How long an orderly shutdown waits for a blocked stdout.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Queues one line for stdout.
pub(crate) fn say(line: impl Display) {
    let _ = writer().try_send(OutputLine::Line(line.to_string()));
}

/// Returns when all queued lines are written, or after a second.
pub(crate) fn flush() {
    let (done, is_done) = sync_channel(1);
    if writer().try_send(OutputLine::Flush(done)).is_ok() {
        let _ = is_done.recv_timeout(LAST_LINES);
    }
}

fn writer() -> &'static SyncSender<OutputLine> {
    static WRITER: OnceLock<SyncSender<OutputLine>> = OnceLock::new();
    WRITER.get_or_init(|| {
        let (sender, receiver) = sync_channel(QUEUE);
        thread::spawn(move || write(&receiver));
        sender
    })
}

fn write(messages: &Receiver<OutputLine>) {
    for message in messages {
        // The stack continues to serve after stdout is closed.
        match message {
            OutputLine::Line(line) => _ = writeln!(io::stdout(), "{line}"),
            OutputLine::Flush(done) => {
                let _ = io::stdout().flush();
                let _ = done.send(());
            }
        }
    }
}
