//! One attempt: sign, send, read.

use std::time::{Duration, SystemTime};

use reqwest::{
    Client, Method, Response, Url,
    header::{
        ACCEPT, AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderValue,
        RETRY_AFTER,
    },
};

use crate::{
    ConnectionString,
    answer::{Answer, Body, LONGEST_NAME, Operation},
    date::{http_date, parse_http_date},
    error::{LONGEST_TEXT, Unanswered, chain, clean},
    retry::retry_after,
    sign::{Unsigned, sign},
};

/// A request, without what differs between its attempts.
pub(crate) struct Call {
    pub(crate) operation: Operation,
    pub(crate) url: Url,
    pub(crate) body: Vec<u8>,
    /// `x-ms-client-request-id`, the same for all attempts.
    pub(crate) request_id: String,
}

impl Call {
    /// Makes one attempt that ends within `limit`.
    pub(crate) async fn attempt(
        &self,
        http: &Client,
        to: &ConnectionString,
        now: SystemTime,
        limit: Duration,
    ) -> Result<Answer, Unanswered> {
        let method = match self.operation {
            Operation::Create | Operation::Issue | Operation::Revoke => Method::POST,
            Operation::Delete => Method::DELETE,
        };
        let headers = self.headers(&method, to, now).ok_or_else(|| self.lost("bad header"))?;
        let response = http
            .request(method, self.url.clone())
            .headers(headers)
            .body(self.body.clone())
            .timeout(limit)
            .send()
            .await
            .map_err(|error| self.unanswered(error))?;
        self.read(response, now).await
    }

    fn headers(
        &self,
        method: &Method,
        to: &ConnectionString,
        now: SystemTime,
    ) -> Option<HeaderMap> {
        let date = http_date(now)?;
        let path_and_query = format!("{}?{}", self.url.path(), self.url.query()?);
        let signed = sign(
            &to.key,
            Unsigned {
                verb: method.as_str(),
                path_and_query: &path_and_query,
                host: to.endpoint.host(),
                date: &date,
                body: &self.body,
            },
        );
        let value = |raw: &str| HeaderValue::from_str(raw).ok();
        let mut authorization = value(&signed.authorization)?;
        // What is sensitive is not printed by the libraries' own logs.
        authorization.set_sensitive(true);
        let mut headers = HeaderMap::from_iter([
            (ACCEPT, HeaderValue::from_static("application/json")),
            (AUTHORIZATION, authorization),
        ]);
        headers.insert("x-ms-date", value(&date)?);
        headers.insert("x-ms-content-sha256", value(&signed.content_sha256)?);
        headers.insert("x-ms-client-request-id", value(&self.request_id)?);
        if method == Method::POST {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
            if self.body.is_empty() {
                // hyper leaves it out, and servers may answer 411 to that.
                headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        }
        Some(headers)
    }

    async fn read(&self, mut response: Response, now: SystemTime) -> Result<Answer, Unanswered> {
        let status = response.status();
        let text = |name: &str, longest| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            clean(value.unwrap_or_default(), longest)
        };
        let mut answer = Answer {
            status: status.as_u16(),
            body: Body(Vec::new()),
            retry_after: retry_after(&text(RETRY_AFTER.as_str(), LONGEST_TEXT), now),
            date: parse_http_date(&text(DATE.as_str(), LONGEST_NAME)),
            cv: text("ms-cv", LONGEST_NAME),
            versions: text("api-supported-versions", LONGEST_TEXT),
            request_id: self.request_id.clone(),
        };
        match read_capped(&mut response).await {
            Ok(body) => answer.body = Body(body),
            Err(error) if status.is_success() => return Err(self.unanswered(error)),
            // The status says enough.
            Err(_) => {}
        }
        Ok(answer)
    }

    fn unanswered(&self, error: reqwest::Error) -> Unanswered {
        let (operation, request_id) = (self.operation.name(), self.request_id.clone());
        let error = error.without_url();
        // A timeout while connecting is both; that nothing was sent matters more.
        if error.is_connect() {
            Unanswered::NotConnected { operation, request_id, why: chain(&error) }
        } else if error.is_timeout() {
            Unanswered::TimedOut { operation, request_id }
        } else {
            self.lost(&chain(&error))
        }
    }

    fn lost(&self, why: &str) -> Unanswered {
        Unanswered::Lost {
            operation: self.operation.name(),
            request_id: self.request_id.clone(),
            why: why.to_owned(),
        }
    }
}

/// Reads a body; nothing of one that is too large.
pub(crate) async fn read_capped(response: &mut Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > LARGEST_BODY {
            return Ok(Vec::new());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// ACS's answers have some 2 KB.
const LARGEST_BODY: usize = 64 * 1024;
