//! What the stack says on its own stdout.
//!
//! A thread of its own writes, because stdout may stand still: somebody selects text in the
//! terminal, or a program started the stack and does not read its pipe. Requests go on then,
//! and lines beyond what the queue holds are lost.

use std::fmt::Display;
use std::io::{self, Write as _};
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

enum Message {
    Line(String),
    Flush(SyncSender<()>),
}

/// Lines that wait for stdout.
const QUEUE: usize = 1024;

/// How long an orderly end waits for a stdout that stands still.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Says one line, now or soon.
pub(crate) fn say(line: impl Display) {
    let _ = writer().try_send(Message::Line(line.to_string()));
}

/// Returns when everything is written that was said before, or after a second.
pub(crate) fn flush() {
    let (done, is_done) = sync_channel(1);
    if writer().try_send(Message::Flush(done)).is_ok() {
        let _ = is_done.recv_timeout(LAST_LINES);
    }
}

fn writer() -> &'static SyncSender<Message> {
    static WRITER: OnceLock<SyncSender<Message>> = OnceLock::new();
    WRITER.get_or_init(|| {
        let (sender, receiver) = sync_channel(QUEUE);
        thread::spawn(move || write(&receiver));
        sender
    })
}

fn write(messages: &Receiver<Message>) {
    for message in messages {
        // A closed stdout is no reason to stop serving.
        match message {
            Message::Line(line) => _ = writeln!(io::stdout(), "{line}"),
            Message::Flush(done) => {
                let _ = io::stdout().flush();
                let _ = done.send(());
            }
        }
    }
}
