//! What a function says, line by line into its log.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::task::JoinHandle;

use super::lock;

/// How much of a log is shown when a function does not start.
const LAST_LINES: usize = 10;

/// The log of one process: the function's file, which all its processes append to.
pub(super) struct Log {
    file: Arc<File>,
    last_lines: Arc<Mutex<VecDeque<String>>>,
}

impl Log {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self { file: Arc::new(file), last_lines: Arc::default() })
    }

    /// Copies `from` into the log until it ends. Lines of several processes are not mixed,
    /// because each is one write at the end of the file.
    pub(super) fn pump(
        &self,
        from: Option<impl AsyncRead + Unpin + Send + 'static>,
    ) -> JoinHandle<()> {
        let file = Arc::clone(&self.file);
        let last_lines = Arc::clone(&self.last_lines);
        tokio::spawn(async move {
            let Some(from) = from else { return };
            let mut from = BufReader::new(from);
            let mut line = Vec::new();
            while from.read_until(b'\n', &mut line).await.is_ok_and(|read| read > 0) {
                if !line.ends_with(b"\n") {
                    line.push(b'\n');
                }
                let _ = (&*file).write_all(&line);
                let mut last_lines = lock(&last_lines);
                if last_lines.len() == LAST_LINES {
                    last_lines.pop_front();
                }
                last_lines.push_back(String::from_utf8_lossy(&line).trim_end().to_owned());
                line.clear();
            }
        })
    }

    /// The end of what this process said.
    pub(super) fn last_lines(&self) -> Vec<String> {
        lock(&self.last_lines).iter().cloned().collect()
    }
}
