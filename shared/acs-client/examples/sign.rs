//! Signs requests, so that the signatures can be compared with those of another client. Each input
//! line is a request in JSON, `{"method", "target", "host", "date", "body", "key"}`. Each output
//! line has the headers of its signature, `{"x-ms-content-sha256", "authorization"}`.
//!
//! ```sh
//! echo '{"method":"POST","target":"/identities?api-version=2023-10-01","host":"localhost:8787",
//!   "date":"Tue, 05 Mar 2024 07:08:09 GMT","body":"","key":"AAEC"}' | tr -d '\n' |
//!   cargo run -p acs-client --example sign
//! ```

use std::error::Error;
use std::io::{self, BufRead as _, Write as _};

use acs_client::AccessKey;
use acs_client::sign::{Unsigned, sign};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Request {
    method: String,
    /// Path and query.
    target: String,
    host: String,
    /// The header `x-ms-date`.
    date: String,
    body: String,
    /// The access key in base64.
    key: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let request: Request = serde_json::from_str(&line?)?;
        let key: AccessKey = request.key.parse()?;
        let unsigned = Unsigned {
            verb: &request.method,
            path_and_query: &request.target,
            host: &request.host,
            date: &request.date,
            body: request.body.as_bytes(),
        };
        let signed = sign(&key, unsigned);
        let headers = json!({"x-ms-content-sha256": signed.content_sha256,
            "authorization": signed.authorization.expose()});
        writeln!(out, "{headers}")?;
        out.flush()?;
    }
    Ok(())
}
