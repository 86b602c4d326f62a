//! Controls the functions directly, without gateway, queue or schedule.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{ControlApi, ControlError, ok, read};
use crate::runtime::{FunctionPool, InvocationError, Signal};

/// Sends an event to a function, and returns its response unchanged.
pub(super) async fn invoke(
    State(control): State<Arc<ControlApi>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let function = function(&control, &name)?;
    let _: Value = read(&body)?;
    match function.invoke(body).await {
        Ok(answer) => Ok(([(header::CONTENT_TYPE, "application/json")], answer).into_response()),
        Err(InvocationError::Failed) => Err(ControlError(
            StatusCode::BAD_GATEWAY,
            format!("function {name} failed: see its log"),
        )),
        Err(InvocationError::TimedOut) => {
            Err(ControlError(StatusCode::GATEWAY_TIMEOUT, format!("function {name} timed out")))
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignalBody {
    signal: Signal,
}

/// Sends a signal to all processes of a function.
pub(super) async fn signal(
    State(control): State<Arc<ControlApi>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, ControlError> {
    let function = function(&control, &name)?;
    let body: SignalBody = read(&body)?;
    Ok(ok(&json!({ "pids": function.signal(body.signal).await })))
}

fn function<'a>(
    control: &'a ControlApi,
    name: &str,
) -> Result<&'a Arc<FunctionPool>, ControlError> {
    let named = control.functions.iter().find(|function| function.name() == name);
    named.ok_or_else(|| {
        ControlError::missing("function", name, control.functions.iter().map(|f| f.name()))
    })
}
