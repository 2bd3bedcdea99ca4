//! Routes that describe themselves only when they are asked to.
//!
//! `utoipa-axum` writes a route's description when it is added, which is most of a function's start although hardly any sandbox is
//! ever asked for its document. Here the description waits, as a function, until somebody wants it.

use axum::{Router, routing::MethodRouter};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

#[doc(hidden)]
pub use utoipa_axum::{PathItemExt, paste, routes as described};

/// The handlers of one path; made by [`routes!`](crate::routes!).
#[derive(Debug)]
pub struct Route<S> {
    path: String,
    methods: MethodRouter<S>,
    describe: fn() -> UtoipaMethodRouter<S>,
}

impl<S> Route<S> {
    #[doc(hidden)]
    pub fn new(path: String, methods: MethodRouter<S>, describe: fn() -> UtoipaMethodRouter<S>) -> Self {
        Self { path, methods, describe }
    }
}

/// A router, and what its routes say of themselves.
#[derive(Debug)]
pub struct Routes<S> {
    router: Router<S>,
    described: Vec<fn() -> UtoipaMethodRouter<S>>,
}

impl<S: Clone + Send + Sync + 'static> Default for Routes<S> {
    fn default() -> Self {
        Self { router: Router::new(), described: Vec::new() }
    }
}

impl<S: Clone + Send + Sync + 'static> Routes<S> {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the handlers of one path.
    #[must_use]
    pub fn routes(mut self, route: Route<S>) -> Self {
        self.router = self.router.route(&route.path, route.methods);
        self.described.push(route.describe);
        self
    }

    /// Adds a route that the document does not tell of.
    #[must_use]
    pub fn route(mut self, path: &str, methods: MethodRouter<S>) -> Self {
        self.router = self.router.route(path, methods);
        self
    }

    /// Adds all routes of `other`.
    #[must_use]
    pub fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.described.extend(other.described);
        self
    }

    /// The router alone.
    pub fn into_router(self) -> Router<S> {
        self.router
    }

    /// `document` with what the routes say of themselves.
    #[must_use]
    pub fn describe(self, document: OpenApi) -> OpenApi {
        let add = |router: OpenApiRouter<S>, describe: fn() -> _| router.routes(describe());
        self.described.into_iter().fold(OpenApiRouter::with_openapi(document), add).into_openapi()
    }
}

/// The handlers of one path, each under `#[utoipa::path]`, for [`Routes::routes`].
#[macro_export]
macro_rules! routes {
    ($first:ident $(, $further:ident)* $(,)?) => {{
        use $crate::routes::PathItemExt as _;
        let mut methods = axum::routing::MethodRouter::new();
        $crate::routes::paste! {
            for method in <[<__path_ $first>] as utoipa::Path>::methods() {
                methods = methods.on(method.to_method_filter(), $first);
            }
            $(for method in <[<__path_ $further>] as utoipa::Path>::methods() {
                methods = methods.on(method.to_method_filter(), $further);
            })*
            $crate::routes::Route::new(
                <[<__path_ $first>] as utoipa::Path>::path(),
                methods,
                || $crate::routes::described!($first $(, $further)*),
            )
        }
    }};
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use tower::ServiceExt as _;

    use super::*;

    #[utoipa::path(get, path = "/things/{id}", responses((status = 200)))]
    async fn read() -> &'static str {
        "read"
    }

    #[utoipa::path(delete, path = "/things/{id}", responses((status = 204)))]
    async fn remove() -> &'static str {
        "removed"
    }

    fn things() -> Routes<()> {
        Routes::new().routes(crate::routes!(read, remove))
    }

    #[tokio::test]
    async fn each_handler_answers_its_method() {
        let router: Router = Routes::new().merge(things()).into_router();
        for (method, expected) in [("GET", "read"), ("DELETE", "removed")] {
            let request = Request::builder().method(method).uri("/things/7").body(Body::empty()).unwrap();
            let response = router.clone().oneshot(request).await.unwrap();
            assert_eq!(axum::body::to_bytes(response.into_body(), 100).await.unwrap(), expected);
        }
    }

    #[test]
    fn all_of_them_are_in_the_document() {
        let document = Routes::new().merge(things()).describe(OpenApi::default());
        let path = &document.paths.paths["/things/{id}"];
        assert!(path.get.is_some() && path.delete.is_some());
    }
}
