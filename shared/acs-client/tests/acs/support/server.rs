//! A server that plays a script.

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
pub(crate) enum Reply {
    /// Answers with these bytes, and keeps the connection.
    Say(String),
    /// Answers, and then closes the connection properly.
    SayAndClose(String),
    /// Closes the connection properly, without an answer.
    Close,
    /// Breaks the connection (RST), without an answer.
    Reset,
    /// Sends this text, and then nothing more.
    Hang(String),
}

impl Reply {
    pub(crate) fn status(status: u16) -> Self {
        Self::with(status, "", "")
    }

    /// A whole response. Each header in `headers` ends in `\r
    /// `.
    pub(crate) fn with(status: u16, headers: &str, body: &str) -> Self {
        let length = body.len();
        Self::Say(format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}"))
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
        Self::Say("HTTP/1.1 204 No Content\r\nms-cv: abc.0\r\n\r\n".to_owned())
    }
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Arrived {
    pub(crate) fn line(&self) -> &str {
        self.head.lines().next().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut pairs = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

/// Plays its replies in order, and repeats the last one. It has its own threads, so it continues
/// while the client's runtime does not run.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    replies: Mutex<VecDeque<Reply>>,
    arrived: Mutex<Vec<Arrived>>,
    connections: Mutex<usize>,
    closed: Mutex<Option<mpsc::Sender<()>>>,
    stopped: Mutex<bool>,
    accepting: Mutex<Option<thread::JoinHandle<()>>>,
}

impl Server {
    pub(crate) fn start(replies: impl Into<VecDeque<Reply>>) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap(), replies)
    }

    pub(crate) fn on(listener: TcpListener, replies: impl Into<VecDeque<Reply>>) -> Self {
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

    pub(crate) fn arrived(&self) -> Vec<Arrived> {
        self.state.arrived.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.state.arrived.lock().unwrap().len()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }

    /// Receives a message when a connection was closed after a response.
    pub(crate) fn closings(&self) -> mpsc::Receiver<()> {
        let (sender, receiver) = mpsc::channel();
        *self.state.closed.lock().unwrap() = Some(sender);
        receiver
    }
}

impl State {
    fn serve(&self, mut stream: TcpStream) {
        while let Some(length) = whole_request(&stream) {
            let mut bytes = vec![0; length];
            let reply = {
                let mut replies = self.replies.lock().unwrap();
                if replies.len() > 1 { replies.pop_front() } else { replies.front().cloned() }
            };
            let count = stream.peek(&mut bytes).unwrap();
            assert_eq!(count, length);
            self.note(&bytes);
            if matches!(reply, Some(Reply::Reset)) {
                return; // Closing with unread data makes the kernel send a RST.
            }
            stream.read_exact(&mut bytes).unwrap();
            match reply {
                Some(Reply::Say(text)) => drop(stream.write_all(text.as_bytes())),
                Some(Reply::SayAndClose(text)) => {
                    drop(stream.write_all(text.as_bytes()));
                    drop(stream);
                    if let Some(closed) = &*self.closed.lock().unwrap() {
                        closed.send(()).unwrap();
                    }
                    return;
                }
                Some(Reply::Hang(text)) => {
                    drop(stream.write_all(text.as_bytes()));
                    drop(stream.read(&mut [0])); // Until the client gives up.
                    return;
                }
                Some(Reply::Close | Reply::Reset) | None => return,
            }
        }
    }

    fn note(&self, bytes: &[u8]) {
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let arrived = Arrived { head: head.to_owned(), body: body.as_bytes().to_vec() };
        self.arrived.lock().unwrap().push(arrived);
    }
}

/// The length of the next request when all of it arrived; `None` at the end of the stream.
fn whole_request(stream: &TcpStream) -> Option<usize> {
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
