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
    /// `{name+}`: the rest of the path, which must be the last segment of a route.
    Rest(String),
}

impl Segment {
    fn parse(raw: &str) -> Self {
        match raw.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Rest(name.to_owned()),
                None => Self::Parameter(name.to_owned()),
            },
            None => Self::Literal(raw.to_owned()),
        }
    }
}

/// All routes, with fewer parameters first, and those with a rest last: API Gateway prefers the most
/// specific route.
pub(crate) struct Routes(Vec<RouteTarget>);

impl Routes {
    pub(crate) fn new(routes: impl IntoIterator<Item = (RouteSpec, Arc<FunctionPool>)>) -> Self {
        let mut targets: Vec<_> =
            routes.into_iter().map(|(route, function)| RouteTarget::new(route, function)).collect();
        targets.sort_by_key(|target| openness(&target.segments));
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
            .find_map(|target| Some((target, path_parameters(&target.segments, &path)?)))
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
        let segments = route.path.split('/').map(Segment::parse).collect();
        Self {
            key: format!("{} {}", route.method, route.path),
            access: route.access,
            function,
            method: route.method,
            segments,
        }
    }
}

/// How many paths a route stands for: a more specific one has a smaller value.
fn openness(segments: &[Segment]) -> (usize, usize) {
    let count =
        |is_kind: fn(&Segment) -> bool| segments.iter().filter(|segment| is_kind(segment)).count();
    let rests = count(|segment| matches!(segment, Segment::Rest(_)));
    (rests, count(|segment| matches!(segment, Segment::Parameter(_))))
}

/// The parameters of a path; `None` if the segments are not those of the path.
fn path_parameters(segments: &[Segment], path: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut parameters = BTreeMap::new();
    let mut rest = path;
    for segment in segments {
        let (actual, left) = rest.split_first()?;
        match segment {
            Segment::Literal(text) if text == actual => {}
            Segment::Parameter(name) if !actual.is_empty() => {
                parameters.insert(name.clone(), (*actual).to_owned());
            }
            Segment::Rest(name) if rest != [""] => {
                parameters.insert(name.clone(), rest.join("/"));
                return Some(parameters);
            }
            _ => return None,
        }
        rest = left;
    }
    rest.is_empty().then_some(parameters)
}

#[cfg(test)]
mod tests;
