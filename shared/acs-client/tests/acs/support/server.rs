//! A server that sends scripted responses.

use std::{
    collections::VecDeque,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, mpsc},
    thread,
};

use super::{ID, TOKEN};

/// How the server reacts to one request.
#[derive(Clone, Debug)]
pub(crate) enum ScriptedReply {
    /// Sends this response, and keeps the connection.
    Respond(String),
    /// Sends this response, and then closes the connection (FIN).
    RespondAndClose(String),
    /// Closes the connection (FIN) without a response.
    Close,
    /// Resets the connection (RST) without a response.
    Reset,
    /// Sends this text, and then nothing until the client closes the connection.
    Hang(String),
}

impl ScriptedReply {
    pub(crate) fn status(status: u16) -> Self {
        Self::with(status, "", "")
    }

    /// A complete response. Each header in `headers` ends in CR LF.
    pub(crate) fn with(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Respond(format!(
            "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}"
        ))
    }

    pub(crate) fn error(status: u16, code: &str, message: &str) -> Self {
        let body = serde_json::json!({"error": {"code": code, "message": message}}).to_string();
        Self::with(status, "ms-cv: abc.0\r\n", &body)
    }

    pub(crate) fn identity() -> Self {
        Self::with(201, "", &format!(r#"{{"identity":{{"id":"{ID}"}}}}"#))
    }

    pub(crate) fn token() -> Self {
        let expiry = "2027-01-15T09:00:00.1234567+00:00";
        Self::with(200, "", &format!(r#"{{"token":"{TOKEN}","expiresOn":"{expiry}"}}"#))
    }

    pub(crate) fn done() -> Self {
        Self::Respond("HTTP/1.1 204 No Content\r\nms-cv: abc.0\r\n\r\n".to_owned())
    }
}

/// A request in the form in which it was received.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedRequest {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl ReceivedRequest {
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Sends its replies in order, and repeats the last one. It has its own threads, so it runs even
/// while the client's runtime does not.
#[derive(Clone)]
pub(crate) struct ScriptedServer {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    replies: Mutex<VecDeque<ScriptedReply>>,
    received: Mutex<Vec<ReceivedRequest>>,
    connections: Mutex<usize>,
    closed: Mutex<Option<mpsc::Sender<()>>>,
    stopped: Mutex<bool>,
    accepting: Mutex<Option<thread::JoinHandle<()>>>,
}

impl ScriptedServer {
    pub(crate) fn start(replies: impl Into<VecDeque<ScriptedReply>>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), replies)
    }

    pub(crate) fn on(listener: TcpListener, replies: impl Into<VecDeque<ScriptedReply>>) -> Self {
        let state = Arc::new(State { replies: Mutex::new(replies.into()), ..State::default() });
        let server = Self { address: listener.local_addr().unwrap(), state };
        let state = server.state.clone();
        let accepting = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if *state.stopped.lock().unwrap() {
                    return;
                }
                *state.connections.lock().unwrap() += 1;
                let state = state.clone();
                thread::spawn(move || state.serve(stream));
            }
        });
        *server.state.accepting.lock().unwrap() = Some(accepting);
        server
    }

    /// Refuses connections from now on.
    pub(crate) fn stop(&self) {
        *self.state.stopped.lock().unwrap() = true;
        drop(TcpStream::connect(self.address));
        self.state.accepting.lock().unwrap().take().unwrap().join().unwrap();
    }

    pub(crate) fn received(&self) -> Vec<ReceivedRequest> {
        self.state.received.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.state.received.lock().unwrap().len()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }

    /// Receives a message after a connection was closed after a response.
    pub(crate) fn closings(&self) -> mpsc::Receiver<()> {
        let (sender, receiver) = mpsc::channel();
        *self.state.closed.lock().unwrap() = Some(sender);
        receiver
    }
}

impl State {
    fn serve(&self, mut stream: TcpStream) {
        while let Some(length) = next_request_length(&stream) {
            let mut bytes = vec![0; length];
            let reply = {
                let mut replies = self.replies.lock().unwrap();
                if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
            };
            let count = stream.peek(&mut bytes).unwrap();
            assert_eq!(count, length);
            self.record(&bytes);
            if matches!(reply, Some(ScriptedReply::Reset)) {
                return; // The kernel sends a RST, because received data was not read.
            }
            stream.read_exact(&mut bytes).unwrap();
            match reply {
                Some(ScriptedReply::Respond(text)) => drop(stream.write_all(text.as_bytes())),
                Some(ScriptedReply::RespondAndClose(text)) => {
                    drop(stream.write_all(text.as_bytes()));
                    drop(stream);
                    if let Some(closed) = &*self.closed.lock().unwrap() {
                        closed.send(()).unwrap();
                    }
                    return;
                }
                Some(ScriptedReply::Hang(text)) => {
                    drop(stream.write_all(text.as_bytes()));
                    drop(stream.read(&mut [0])); // Until the client closes the connection.
                    return;
                }
                Some(ScriptedReply::Close | ScriptedReply::Reset) | None => return,
            }
        }
    }

    fn record(&self, bytes: &[u8]) {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let received = ReceivedRequest { head: head.to_owned(), body: body.as_bytes().to_vec() };
        self.received.lock().unwrap().push(received);
    }
}

/// Waits until a complete request was received. Returns its length; `None` at the end of the stream.
fn next_request_length(stream: &TcpStream) -> Option<usize> {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let count = stream.peek(&mut buffer).ok()?;
        let text = String::from_utf8_lossy(buffer.get(..count)?).to_lowercase();
        if let Some(head) = text.find("\r\n\r\n") {
            let length = text.split("content-length: ").nth(1);
            let length = length.map_or(0, |rest| rest.lines().next().unwrap().parse().unwrap());
            if count >= head + 4 + length {
                return Some(head + 4 + length);
            }
        }
        if count == 0 {
            return None;
        }
        thread::yield_now();
    }
}
