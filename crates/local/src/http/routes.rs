//! Routes of an HTTP API and how API Gateway chooses among them.
//!
//! The rules are those of "Create routes for HTTP APIs": a route without a greedy variable wins over one with
//! `{proxy+}`, `$default` comes last, literal segments win over variables from left to right, and a named method wins
//! over `ANY`. A path that only another method serves is simply not found (404, never 405).

use std::{collections::BTreeMap, fmt, str::FromStr};

use http::Method;
use parvis_sam::LogicalId;
use percent_encoding::percent_decode_str;

/// One route of the template: its key, the function behind it and the authorizer in front of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// `GET /v1/places/{proxy+}` or `$default`.
    pub key: RouteKey,
    /// Logical id of the function that answers.
    pub function: LogicalId,
    /// Name of the JWT authorizer, if the route asks for one.
    pub authorizer: Option<String>,
    /// Scopes of which the token must carry at least one; empty for none.
    pub scopes: Vec<String>,
}

/// A route key as API Gateway writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteKey {
    /// `$default`: whatever no other route takes.
    Default,
    /// Method (`None` stands for `ANY`) and path.
    Path {
        /// `None` for `ANY`.
        method: Option<Method>,
        /// The path's segments.
        segments: Vec<Segment>,
    },
}

/// A segment of a route's path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Segment {
    /// Taken literally. First, so that the derived order is AWS's order of specificity.
    Literal(String),
    /// `{name}`: exactly one segment.
    Variable(String),
    /// `{name+}`: this segment and all that follow.
    Greedy(String),
}

impl Segment {
    fn rank(&self) -> u8 {
        match self {
            Self::Literal(_) => 0,
            Self::Variable(_) => 1,
            Self::Greedy(_) => 2,
        }
    }
}

/// A route key that API Gateway would refuse as well.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("route key {key:?}: {reason}")]
pub struct BadRouteKey {
    key: String,
    reason: &'static str,
}

impl FromStr for RouteKey {
    type Err = BadRouteKey;

    fn from_str(key: &str) -> Result<Self, Self::Err> {
        let bad = |reason| BadRouteKey { key: key.to_owned(), reason };
        if key == "$default" {
            return Ok(Self::Default);
        }
        let (method, path) = key.split_once(' ').ok_or_else(|| bad("expected METHOD /path or $default"))?;
        let method = match method.to_ascii_uppercase().as_str() {
            "ANY" => None,
            name => Some(Method::from_bytes(name.as_bytes()).map_err(|_| bad("not an HTTP method"))?),
        };
        let path = path.strip_prefix('/').ok_or_else(|| bad("the path must start with /"))?;
        let segments: Vec<Segment> = path.split('/').map(segment).collect();
        if segments.iter().rev().skip(1).any(|segment| matches!(segment, Segment::Greedy(_))) {
            return Err(bad("a greedy variable must be the last segment"));
        }
        Ok(Self::Path { method, segments })
    }
}

fn segment(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(name) => match name.strip_suffix('+') {
            Some(name) => Segment::Greedy(name.to_owned()),
            None => Segment::Variable(name.to_owned()),
        },
        None => Segment::Literal(text.to_owned()),
    }
}

impl fmt::Display for RouteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Path { method, segments } = self else { return f.write_str("$default") };
        write!(f, "{} ", method.as_ref().map_or("ANY", Method::as_str))?;
        segments.iter().try_for_each(|segment| match segment {
            Segment::Literal(text) => write!(f, "/{text}"),
            Segment::Variable(name) => write!(f, "/{{{name}}}"),
            Segment::Greedy(name) => write!(f, "/{{{name}+}}"),
        })
    }
}

/// Values of the path variables, decoded.
pub type PathParameters = BTreeMap<String, String>;

/// The routes of one API.
#[derive(Debug, Clone, Default)]
pub struct RouteTable {
    routes: Vec<Route>,
}

impl RouteTable {
    /// Orders the routes by specificity, so that the first that matches is the one.
    #[must_use]
    pub fn new(mut routes: Vec<Route>) -> Self {
        routes.sort_by_cached_key(|route| specificity(&route.key));
        Self { routes }
    }

    /// The route that API Gateway would choose, with its path variables.
    #[must_use]
    pub fn find(&self, method: &Method, path: &str) -> Option<(&Route, PathParameters)> {
        let segments: Vec<&str> = path.strip_prefix('/').unwrap_or(path).split('/').collect();
        self.routes.iter().find_map(|route| route.key.matches(method, &segments).map(|parameters| (route, parameters)))
    }

    /// Whether some route starts with the first segment of this path: such a path belongs to the API, so a page must
    /// not answer in its place.
    #[must_use]
    pub fn owns(&self, path: &str) -> bool {
        let first = path.trim_start_matches('/').split('/').next().unwrap_or_default();
        self.routes.iter().any(|route| match &route.key {
            RouteKey::Default => false,
            RouteKey::Path { segments, .. } => segments.first() == Some(&Segment::Literal(first.to_owned())),
        })
    }
}

/// Sort key: smaller is more specific.
fn specificity(key: &RouteKey) -> (bool, bool, Vec<u8>, bool) {
    match key {
        RouteKey::Default => (true, true, Vec::new(), true),
        RouteKey::Path { method, segments } => {
            let greedy = matches!(segments.last(), Some(Segment::Greedy(_)));
            (false, greedy, segments.iter().map(Segment::rank).collect(), method.is_none())
        }
    }
}

impl RouteKey {
    fn matches(&self, method: &Method, path: &[&str]) -> Option<PathParameters> {
        let Self::Path { method: wanted, segments } = self else { return Some(PathParameters::new()) };
        if wanted.as_ref().is_some_and(|wanted| wanted != method) {
            return None;
        }
        let mut parameters = PathParameters::new();
        for (index, segment) in segments.iter().enumerate() {
            let actual = path.get(index)?;
            match segment {
                Segment::Literal(text) if *text == decode(actual) => {}
                Segment::Literal(_) => return None,
                Segment::Variable(_) | Segment::Greedy(_) if actual.is_empty() => return None,
                Segment::Variable(name) => {
                    parameters.insert(name.clone(), decode(actual));
                }
                Segment::Greedy(name) => {
                    parameters.insert(name.clone(), decode(&path[index..].join("/")));
                    return Some(parameters);
                }
            }
        }
        (path.len() == segments.len()).then_some(parameters)
    }
}

impl TryFrom<&parvis_sam::Route> for Route {
    type Error = BadRouteKey;

    fn try_from(route: &parvis_sam::Route) -> Result<Self, Self::Error> {
        let key =
            if route.path == "$default" { route.path.clone() } else { format!("{} {}", route.method, route.path) };
        // The template model has no `AuthorizationScopes` yet: no route of ours asks for any.
        Ok(Self {
            key: key.parse()?,
            function: route.function.clone(),
            authorizer: route.authorizer.clone(),
            scopes: Vec::new(),
        })
    }
}

/// Percent-decoding as API Gateway does it for the path; what is not UTF-8 is replaced.
#[must_use]
pub fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn table(keys: &[&str]) -> RouteTable {
        RouteTable::new(
            keys.iter()
                .map(|key| Route {
                    key: key.parse().unwrap(),
                    function: (*key).into(),
                    authorizer: None,
                    scopes: vec![],
                })
                .collect(),
        )
    }

    fn chosen(table: &RouteTable, method: Method, path: &str) -> Option<String> {
        table.find(&method, path).map(|(route, _)| route.key.to_string())
    }

    #[test]
    fn the_documented_example_of_priorities() {
        let table =
            table(&["$default", "ANY /{proxy+}", "GET /pets/{proxy+}", "GET /pets/dog/{id}", "GET /pets/dog/1"]);
        for (method, path, expected) in [
            (Method::GET, "/pets/dog/1", "GET /pets/dog/1"),
            (Method::GET, "/pets/dog/2", "GET /pets/dog/{id}"),
            (Method::GET, "/pets/cat/1", "GET /pets/{proxy+}"),
            (Method::POST, "/test/5", "ANY /{proxy+}"),
            (Method::GET, "/", "$default"),
        ] {
            assert_eq!(chosen(&table, method, path).as_deref(), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_full_match_wins_over_a_greedy_one_even_if_its_start_is_less_literal() {
        let table = table(&["GET /a/b/{proxy+}", "GET /a/{x}/c"]);
        assert_eq!(chosen(&table, Method::GET, "/a/b/c").as_deref(), Some("GET /a/{x}/c"));
        assert_eq!(chosen(&table, Method::GET, "/a/b/d").as_deref(), Some("GET /a/b/{proxy+}"));
    }

    #[test]
    fn a_named_method_wins_over_any_and_another_method_is_not_found() {
        let table = table(&["ANY /v1/places", "POST /v1/places", "GET /v1/spaces"]);
        assert_eq!(chosen(&table, Method::POST, "/v1/places").as_deref(), Some("POST /v1/places"));
        assert_eq!(chosen(&table, Method::PUT, "/v1/places").as_deref(), Some("ANY /v1/places"));
        assert_eq!(chosen(&table, Method::HEAD, "/v1/spaces"), None);
    }

    #[test]
    fn greedy_needs_something_and_variables_are_decoded() {
        let table = table(&["GET /v1/places/{proxy+}"]);
        assert_eq!(chosen(&table, Method::GET, "/v1/places"), None);
        assert_eq!(chosen(&table, Method::GET, "/v1/places/"), None);
        let (_, parameters) = table.find(&Method::GET, "/v1/places/gare%20du%20nord/spaces").unwrap();
        assert_eq!(parameters["proxy"], "gare du nord/spaces");
    }

    #[test]
    fn pages_do_not_answer_for_paths_of_the_api() {
        let table = table(&["GET /v1/places", "GET /{proxy+}"]);
        assert!(table.owns("/v1/nothing") && !table.owns("/login"));
    }

    #[test]
    fn bad_keys_are_refused() {
        for key in ["/v1", "GET v1", "GET /{a+}/b", "G ET /x"] {
            assert!(key.parse::<RouteKey>().is_err(), "{key}");
        }
    }

    proptest! {
        #[test]
        fn keys_survive_writing_and_reading(segments in prop::collection::vec("[a-z]{1,5}|\\{[a-z]{1,5}\\}", 1..5), greedy: bool) {
            let tail = if greedy { "/{rest+}" } else { "" };
            let key = format!("GET /{}{tail}", segments.join("/"));
            prop_assert_eq!(key.parse::<RouteKey>().unwrap().to_string(), key);
        }

        #[test]
        fn a_literal_route_is_always_preferred_for_its_own_path(segments in prop::collection::vec("[a-z]{1,4}", 1..5), cut in 0usize..5) {
            let literal = format!("GET /{}", segments.join("/"));
            let mut other: Vec<String> = segments.clone();
            let at = cut % segments.len();
            other[at] = "{v}".into();
            let variable = format!("GET /{}", other.join("/"));
            let table = table(&["GET /{proxy+}", &variable, &literal]);
            prop_assert_eq!(chosen(&table, Method::GET, &literal[4..]), Some(literal.clone()));
        }
    }
}
