//! Finds the route of the template for a request.

use std::collections::BTreeMap;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use crate::runtime::FunctionPool;
use crate::template::{RouteAuth, RouteSpec};

/// A route and its function.
pub(crate) struct RouteTarget {
    /// API Gateway's name of the route: `GET /v1/identities/{id}`.
    pub(crate) key: String,
    pub(crate) access: RouteAuth,
    pub(crate) function: Arc<FunctionPool>,
    method: String,
    segments: Vec<Segment>,
}

enum Segment {
    Literal(String),
    Parameter(String),
}

/// All routes, with fewer parameters first: API Gateway prefers the most specific route.
pub(crate) struct Routes(Vec<RouteTarget>);

impl Routes {
    pub(crate) fn new(routes: impl IntoIterator<Item = (RouteSpec, Arc<FunctionPool>)>) -> Self {
        let mut targets: Vec<_> =
            routes.into_iter().map(|(route, function)| RouteTarget::new(route, function)).collect();
        targets.sort_by_key(|target| {
            target.segments.iter().filter(|s| matches!(s, Segment::Parameter(_))).count()
        });
        Self(targets)
    }

    /// The route for a request with this decoded path, and its path parameters.
    pub(crate) fn find(
        &self,
        method: &str,
        path: &str,
    ) -> Option<(&RouteTarget, BTreeMap<String, String>)> {
        let path: Vec<&str> = path.split('/').collect();
        self.0
            .iter()
            .filter(|target| target.method == method)
            .find_map(|target| Some((target, target.parameters(&path)?)))
    }
}

/// The path of a request as API Gateway decodes it, before it looks for the route.
///
/// `%2F` becomes a slash, so a parameter cannot contain one. The decoded path is cut at a `?`, which
/// users report.
pub(crate) fn decoded(path: &str) -> String {
    let path = percent_decode_str(path).decode_utf8_lossy();
    path.split('?').next().unwrap_or_default().to_owned()
}

impl RouteTarget {
    fn new(route: RouteSpec, function: Arc<FunctionPool>) -> Self {
        let segments = route
            .path
            .split('/')
            .map(|segment| match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
                Some(name) => Segment::Parameter(name.to_owned()),
                None => Segment::Literal(segment.to_owned()),
            })
            .collect();
        Self {
            key: format!("{} {}", route.method, route.path),
            access: route.access,
            function,
            method: route.method,
            segments,
        }
    }

    fn parameters(&self, path: &[&str]) -> Option<BTreeMap<String, String>> {
        if path.len() != self.segments.len() {
            return None;
        }
        let mut parameters = BTreeMap::new();
        for (segment, actual) in self.segments.iter().zip(path) {
            match segment {
                Segment::Literal(text) if text == actual => {}
                Segment::Parameter(name) if !actual.is_empty() => {
                    parameters.insert(name.clone(), (*actual).to_owned());
                }
                _ => return None,
            }
        }
        Some(parameters)
    }
}

#[cfg(test)]
mod tests;
