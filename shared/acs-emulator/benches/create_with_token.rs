//! Compares the creation of an identity with a token, over loopback HTTP, with bare RSA signing,
//! and measures the memory of a hundred thousand identities.
//!
//! `cargo bench -p acs-emulator`. Both halves of a round run on the same machine within seconds of
//! each other, so the ratio is comparable between machines although the figures are not. Clients
//! and emulator share the cores.

use std::error::Error;
use std::io::{Write as _, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use acs_emulator::{Emulator, EmulatorOptions, EmulatorServer};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::{digest, hmac, signature};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use time::OffsetDateTime;
use time::macros::format_description;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let threads = std::thread::available_parallelism()?.get();
    let runtime = Runtime::new()?;
    let emulator = Emulator::builder()
        .options(EmulatorOptions { no_limits: true, ..EmulatorOptions::default() })
        .build()?;
    let server = runtime.block_on(emulator.serve_on_loopback())?;
    let empty = resident_kib()?;
    let mut out = stdout().lock();
    writeln!(out, "{threads} threads, {CONNECTIONS} connections, {ROUNDS} rounds of {ROUND:?}")?;

    // The first round warms caches and clocks, and is not counted.
    over_http(&runtime, &emulator, &server, Stop::After(ROUND / 4))?;
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        let bare = bare_signing(threads)?;
        let http = over_http(&runtime, &emulator, &server, Stop::After(ROUND))?;
        writeln!(
            out,
            "round {round}: signing {bare:.0}/s, create with token {http:.0}/s, {:.2}",
            http / bare
        )?;
        rounds.push((bare, http, http / bare));
    }
    writeln!(
        out,
        "median: signing {:.0}/s, create with token {:.0}/s, ratio {:.2}",
        median(rounds.iter().map(|(bare, ..)| *bare)),
        median(rounds.iter().map(|(_, http, _)| *http)),
        median(rounds.iter().map(|(.., ratio)| *ratio)),
    )?;

    let there = runtime.block_on(identities(&server))?;
    over_http(&runtime, &emulator, &server, Stop::At(WEIGHED.saturating_sub(there)))?;
    let full = resident_kib()?;
    writeln!(
        out,
        "{} identities with a token each: {} MiB resident, {} MiB when there were none",
        there.max(WEIGHED),
        full / 1024,
        empty / 1024,
    )?;
    Ok(())
}

/// Signatures per second over as many bytes as the first two parts of a token have.
fn bare_signing(threads: usize) -> Result<f64, Failure> {
    let key = KeyPair::generate(KeySize::Rsa2048)?;
    let signed = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let random = SystemRandom::new();
                let (text, mut signature) = ([b'a'; 560], [0; 256]);
                while started.elapsed() < ROUND {
                    let scheme = &signature::RSA_PKCS1_SHA256;
                    if key.sign(scheme, &random, &text, &mut signature).is_ok() {
                        signed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    Ok(per_second(signed.into_inner(), started))
}

/// When the clients must stop.
#[derive(Clone, Copy)]
enum Stop {
    After(Duration),
    At(usize),
}

/// Identities per second that clients create, each with a token, over one connection per client.
fn over_http(
    runtime: &Runtime,
    emulator: &Emulator,
    server: &EmulatorServer,
    stop: Stop,
) -> Result<f64, Failure> {
    let request: Arc<[u8]> = request(emulator, server)?.into();
    let created = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let address = server.address();
    runtime.block_on(async {
        let clients = (0..CONNECTIONS).map(|_| {
            let (request, created) = (Arc::clone(&request), Arc::clone(&created));
            tokio::spawn(async move {
                let mut stream = TcpStream::connect(address).await?;
                stream.set_nodelay(true)?;
                let mut answer = Vec::with_capacity(4096);
                loop {
                    let go_on = match stop {
                        Stop::After(time) => started.elapsed() < time,
                        Stop::At(count) => created.fetch_add(1, Ordering::Relaxed) < count,
                    };
                    if !go_on {
                        return Ok(());
                    }
                    stream.write_all(&request).await?;
                    read_created(&mut stream, &mut answer).await?;
                    if let Stop::After(_) = stop {
                        created.fetch_add(1, Ordering::Relaxed);
                    }
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            let ended: Result<(), Failure> = client.await?;
            ended?;
        }
        Ok::<_, Failure>(())
    })?;
    Ok(per_second(created.load(Ordering::Relaxed), started))
}

/// A signed request. A signature may be used again, so one signature is enough for a round.
fn request(emulator: &Emulator, server: &EmulatorServer) -> Result<Vec<u8>, Failure> {
    #[expect(clippy::disallowed_methods, reason = "a client signs with the system's time")]
    let now: OffsetDateTime = std::time::SystemTime::now().into();
    let date = now.format(format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    ))?;
    let body = r#"{"createTokenWithScopes":["chat","voip"],"expiresInMinutes":60}"#;
    let (target, host) = ("/identities?api-version=2023-10-01", server.address());
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, body.as_bytes()));
    let text = format!("POST\n{target}\n{date};{host};{hash}");
    let key = STANDARD.decode(emulator.access_key().expose())?;
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &key), text.as_bytes());
    let signature = STANDARD.encode(signature);
    let length = body.len();
    let head = format!(
        "POST {target} HTTP/1.1\r\nHost: {host}\r\nx-ms-date: {date}\r\n\
         x-ms-content-sha256: {hash}\r\nContent-Type: application/json\r\n\
         Content-Length: {length}\r\nAuthorization: HMAC-SHA256 \
         SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}\r\n\r\n"
    );
    Ok([head.as_bytes(), body.as_bytes()].concat())
}

/// Reads one complete response, and fails unless its status is 201.
async fn read_created(stream: &mut TcpStream, answer: &mut Vec<u8>) -> Result<(), Failure> {
    answer.clear();
    loop {
        if stream.read_buf(answer).await? == 0 {
            return Err("the connection ended".into());
        }
        let Some(end) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else { continue };
        let head = str::from_utf8(answer.get(..end).unwrap_or_default())?;
        if !head.starts_with("HTTP/1.1 201") {
            return Err(head.lines().next().unwrap_or_default().to_owned().into());
        }
        let length = head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .ok_or("an answer without a length")?;
        if answer.len() >= end + 4 + length.1.parse::<usize>()? {
            return Ok(());
        }
    }
}

/// The number of identities.
async fn identities(server: &EmulatorServer) -> Result<usize, Failure> {
    let mut stream = TcpStream::connect(server.address()).await?;
    stream.write_all(b"GET /_emulator/requests HTTP/1.0\r\nHost: localhost\r\n\r\n").await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let told: serde_json::Value = serde_json::from_str(body)?;
    let count = told.pointer("/counts/createIdentityWithToken").and_then(serde_json::Value::as_u64);
    Ok(usize::try_from(count.ok_or("no count")?)?)
}

/// The memory of this process, in KiB.
fn resident_kib() -> Result<usize, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(kib.parse()?)
}

#[expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]
fn per_second(count: usize, since: Instant) -> f64 {
    count as f64 / since.elapsed().as_secs_f64()
}

fn median(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}

const CONNECTIONS: usize = 8;
const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_secs(3);
const WEIGHED: usize = 100_000;
