//! Writes the output of a function into its log, line by line.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::lock::lock;

/// How much of a log is shown if a function does not start.
const LAST_LINES: usize = 10;

/// The log of one process: it appends to the function's file, as all processes of the function do.
pub(super) struct FunctionLog {
    file: Arc<File>,
    last_lines: Arc<Mutex<VecDeque<String>>>,
}

impl FunctionLog {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Arc::new(file), last_lines: Arc::default() })
    }

    /// Copies `from` into the log until it ends.
    pub(super) fn pump(&self, from: Option<impl AsyncRead + Unpin + Send + 'static>) -> Pump {
        let log = Self { file: Arc::clone(&self.file), last_lines: Arc::clone(&self.last_lines) };
        let (requests, mut requested) = mpsc::channel::<oneshot::Sender<()>>(1);
        tokio::spawn(async move {
            let Some(from) = from else { return };
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            loop {
                tokio::select! {
                    // The available output is read first; then all of it is in the log.
                    biased;
                    read = from.read_until(b'\n', &mut line) => {
                        let is_over = !read.is_ok_and(|read| read > 0);
                        // A part of a line without an end may have been read before.
                        if !line.is_empty() {
                            log.write(&mut line);
                            line.clear();
                        }
                        if is_over {
                            return;
                        }
                    }
                    Some(answer) = requested.recv() => { let _ = answer.send(()); }
                }
            }
        });
        Pump { requests }
    }

    /// Each line is one write at the end of the file, so that lines of several processes do not
    /// mix.
    fn write(&self, line: &mut Vec<u8>) {
        if !line.ends_with(b"\n") {
            line.push(b'\n');
        }
        let _ = (&*self.file).write_all(line);
        let mut last_lines = lock(&self.last_lines);
        if last_lines.len() == LAST_LINES {
            last_lines.pop_front();
        }
        last_lines.push_back(String::from_utf8_lossy(line).trim_end().to_owned());
    }

    /// The last output of this process.
    pub(super) fn last_lines(&self) -> Vec<String> {
        lock(&self.last_lines).iter().cloned().collect()
    }
}

/// The task that copies one stream of a process into its log.
#[derive(Clone)]
pub(super) struct Pump {
    requests: mpsc::Sender<oneshot::Sender<()>>,
}

/// How long the stack waits for a process that does not stop writing.
const WAIT_LIMIT: Duration = Duration::from_secs(1);

impl Pump {
    /// Waits until all output up to now is in the log.
    pub(super) async fn catch_up(&self) {
        let (answer, answered) = oneshot::channel();
        let caught_up = async {
            // A pump whose stream has ended does not reply.
            if self.requests.send(answer).await.is_ok() {
                let _ = answered.await;
            }
        };
        let _ = timeout(WAIT_LIMIT, caught_up).await;
    }

    /// Waits until the stream has ended and all of it is in the log.
    pub(super) async fn ended(&self) {
        let _ = timeout(WAIT_LIMIT, self.requests.closed()).await;
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn all_output_is_in_the_log_even_without_an_end_of_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("log");
        let (mut output, input) = tokio::io::duplex(64);
        let pump = FunctionLog::open(&path).unwrap().pump(Some(input));
        output.write_all(b"one\ntwo\nthr").await.unwrap();
        pump.catch_up().await;
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\n");
        output.write_all(b"ee").await.unwrap();
        pump.catch_up().await;
        drop(output);
        pump.ended().await;
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "one\ntwo\nthree\n");
    }
}
