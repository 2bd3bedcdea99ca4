//! The public port over real sockets, with functions played by a closure.

use std::{collections::BTreeMap, path::Path, sync::Mutex};

use bytes::Bytes;
use http::{Method, header};
use parvis_sam::{Cors, JwtAuthorizer, LogicalId, Route};
use reqwest::{Client, RequestBuilder, Response, redirect::Policy};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::DropGuard;

use super::*;
use crate::{identity, lambda::InvokeError, sns::Outbox};

/// Answers by path and remembers what it was asked.
#[derive(Clone, Default)]
struct Functions(Arc<Mutex<Vec<Value>>>);

impl Invoke for Functions {
    async fn invoke(&self, function: &LogicalId, payload: Bytes) -> Result<Bytes, InvokeError> {
        let event: Value = serde_json::from_slice(&payload).unwrap();
        let path = event["rawPath"].as_str().unwrap_or_default().to_owned();
        self.0.lock().unwrap().push(event);
        let function = function.to_string();
        match path.as_str() {
            "/v1/things/error" => {
                Err(InvokeError::Function { function, error_type: "Panic".into(), message: "secret detail".into(), payload: Bytes::new() })
            }
            "/v1/things/stopping" => Err(InvokeError::ShuttingDown),
            "/v1/things/large" => Err(InvokeError::PayloadTooLarge(7_000_000)),
            "/v1/things/malformed" => Ok(r#"{"statusCode":"none"}"#.into()),
            "/v1/things/slow" => {
                tokio::time::sleep(Duration::from_secs(60)).await;
                Ok("{}".into())
            }
            "/v1/things/cookies" => Ok(r#"{"statusCode":204,"cookies":["a=1","b=2"],"headers":{"access-control-allow-origin":"https://evil.example"}}"#.into()),
            _ => Ok(json!({ "statusCode": 200, "headers": { "content-type": "application/json" }, "body": json!({ "function": function }).to_string() })
                .to_string()
                .into()),
        }
    }
}

/// A running server.
struct Server {
    base: String,
    functions: Functions,
    identity: Arc<Identity>,
    client: Client,
    directory: TempDir,
    _stop: DropGuard,
}

fn route(method: &str, path: &str, authorizer: Option<&str>) -> Route {
    Route {
        id: path.into(),
        api: "HttpApi".into(),
        method: method.into(),
        path: path.into(),
        function: "ThingsFunction".into(),
        authorizer: authorizer.map(str::to_owned),
    }
}

impl Server {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let identity = Arc::new(Identity::new(format!("{base}{}", identity::PATH), directory.path()));
        let login = JwtAuthorizer {
            issuer: identity.issuer().into(),
            audience: vec![identity.client_id().into()],
            identity_source: "$request.header.Authorization".into(),
        };
        let api = HttpApi {
            logical_id: "HttpApi".into(),
            routes: vec![
                route("GET", "/v1/things", None),
                route("GET", "/v1/things/{proxy+}", None),
                route("POST", "/v1/things", Some("Login")),
                route("PUT", "/v1/open", None),
            ],
            authorizers: BTreeMap::from([("Login".into(), login)]),
            cors: Some(Cors {
                origins: vec!["*".into()],
                methods: vec!["GET".into(), "POST".into()],
                headers: vec!["authorization".into()],
                expose: vec!["etag".into()],
                max_age: Some(Duration::from_secs(3600)),
                credentials: false,
            }),
        };
        let (functions, cancel) = (Functions::default(), CancellationToken::new());
        let config = Config {
            listener,
            api,
            functions: functions.clone(),
            identity: Arc::clone(&identity),
            provider: parvis_test_provider::Provider::in_memory(Arc::new(chrono::Utc::now)),
            outbox: Outbox::open(&directory.path().join("outbox.db")).unwrap(),
            web_root: directory.path().join("dist"),
            web: WebConfig {
                ws_port: 9001,
                issuer: identity.issuer().into(),
                client_id: identity.client_id().into(),
                default_place: "default".into(),
            },
            cancel: cancel.clone(),
        };
        tokio::spawn(serve_with(config, Duration::from_millis(300)));
        drop(client()); // chooses the TLS provider
        let client = Client::builder().redirect(Policy::none()).gzip(false).build().unwrap();
        Self { base, functions, identity, client, directory, _stop: cancel.drop_guard() }
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.base))
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    async fn post_with(&self, token: &str) -> Response {
        self.request(Method::POST, "/v1/things").bearer_auth(token).json(&json!({ "a": 1 })).send().await.unwrap()
    }

    fn calls(&self) -> Vec<Value> {
        self.functions.0.lock().unwrap().clone()
    }

    fn write(&self, file: &str, content: &str) {
        let path = self.directory.path().join("dist").join(file);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

fn header_of(response: &Response, name: header::HeaderName) -> &str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_request_becomes_an_event_and_the_answer_a_response() {
    let server = Server::start().await;
    let response = server.get("/v1/things/a%20b/c?x=1").await;
    assert_eq!(response.status(), 200);
    let request_id = response.headers()["apigw-requestid"].to_str().unwrap().to_owned();
    assert_eq!(response.json::<Value>().await.unwrap(), json!({ "function": "ThingsFunction" }));
    let event = server.calls().remove(0);
    assert_eq!(event["routeKey"], "GET /v1/things/{proxy+}");
    assert_eq!(event["pathParameters"]["proxy"], "a b/c");
    assert_eq!(event["requestContext"]["requestId"], request_id.as_str());
    assert_eq!(event["requestContext"]["http"]["sourceIp"], "127.0.0.1");
}

#[tokio::test]
async fn what_no_route_serves_is_not_found() {
    let server = Server::start().await;
    for (method, path) in [
        (Method::GET, "/v1/nothing"),
        (Method::DELETE, "/v1/things"),
        (Method::HEAD, "/v1/things"),
        (Method::POST, "/elsewhere"),
        (Method::GET, "/_local/nothing"),
    ] {
        let response = server.request(method.clone(), path).header("accept", "text/html").send().await.unwrap();
        assert_eq!(response.status(), 404, "{method} {path}");
        if method != Method::HEAD {
            assert_eq!(response.json::<Value>().await.unwrap(), json!({ "message": "Not Found" }));
        }
    }
    assert!(server.calls().is_empty());
}

#[tokio::test]
async fn tokens_of_the_issuer_pass_and_their_claims_reach_the_function() {
    let server = Server::start().await;
    let tokens = server.identity.mint_all("manager").await.unwrap();
    for token in [tokens.access_token, tokens.id_token.unwrap()] {
        assert_eq!(server.post_with(&token).await.status(), 200);
    }
    for event in server.calls() {
        let jwt = &event["requestContext"]["authorizer"]["jwt"];
        assert_eq!(jwt["claims"]["cognito:groups"], "[manager]");
        assert!(jwt["claims"]["exp"].is_string() && jwt["scopes"].is_null(), "{jwt}");
    }
    assert_eq!(server.get("/v1/things").await.status(), 200, "an open route asks for nothing");
}

#[tokio::test]
async fn everything_else_is_unauthorized() {
    let server = Server::start().await;
    let (issuer, now) = (server.identity.issuer().to_owned(), chrono::Utc::now().timestamp());
    let good = json!({ "iss": issuer, "client_id": "parvis-web", "exp": now + 60, "sub": "x" });
    let sign = async |change: Value| {
        let mut claims = good.clone();
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        server.identity.sign(&claims).await.unwrap()
    };
    assert_eq!(server.post_with(&sign(json!({})).await).await.status(), 200, "the unchanged token is good");

    let valid = sign(json!({})).await;
    let stranger = Identity::new(issuer.clone(), &server.directory.path().join("stranger"));
    let public = jsonwebtoken::EncodingKey::from_secret(b"public");
    let forged =
        jsonwebtoken::encode(&jsonwebtoken::Header { kid: Some("x".into()), ..Default::default() }, &good, &public)
            .unwrap();
    let refresh = server.identity.mint_all("admin").await.unwrap().refresh_token.unwrap();
    for (what, token) in [
        ("expired", sign(json!({ "exp": now - 1 })).await),
        ("not valid yet", sign(json!({ "nbf": now + 60 })).await),
        ("another issuer", sign(json!({ "iss": "http://evil.example" })).await),
        ("another audience", sign(json!({ "aud": "other" })).await),
        ("another client", sign(json!({ "client_id": "other" })).await),
        ("no expiry", sign(json!({ "exp": null })).await),
        ("changed", format!("{}x{}", &valid[..valid.len() - 20], &valid[valid.len() - 19..])),
        ("another key", stranger.sign(&good).await.unwrap()),
        ("symmetric", forged),
        ("a refresh token", refresh),
        ("nonsense", "nonsense".into()),
    ] {
        let response = server.post_with(&token).await;
        assert_eq!(response.status(), 401, "{what}");
        assert!(header_of(&response, header::WWW_AUTHENTICATE).starts_with("Bearer error=\"invalid_token\""), "{what}");
        assert_eq!(response.json::<Value>().await.unwrap(), json!({ "message": "Unauthorized" }), "{what}");
    }
    let response =
        server.request(Method::POST, "/v1/things").header("origin", "https://a.example").send().await.unwrap();
    assert_eq!((response.status().as_u16(), header_of(&response, header::WWW_AUTHENTICATE)), (401, "Bearer"));
    assert_eq!(header_of(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), "*", "scripts can read the refusal");
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn scopes_are_forbidden_rather_than_unauthorized() {
    let server = Server::start().await;
    let login = JwtAuthorizer {
        issuer: server.identity.issuer().into(),
        audience: vec!["parvis-web".into()],
        identity_source: "$request.header.Authorization".into(),
    };
    let authorizer = jwt::Authorizer::new(login, client());
    let token = server.identity.mint("driver").await.unwrap();
    let (parts, ()) =
        http::Request::get("/").header("authorization", format!("Bearer {token}")).body(()).unwrap().into_parts();
    let granted = authorizer.check(&parts, &["parvis/write".into(), "email".into()]).await.unwrap();
    assert!(granted.scopes.unwrap().contains(&"openid".to_owned()));
    let denied = authorizer.check(&parts, &["parvis/write".into()]).await.unwrap_err().response();
    assert_eq!(denied.status(), 403);
    assert_eq!(denied.headers()[header::WWW_AUTHENTICATE], r#"Bearer scope="parvis/write" error="insufficient_scope""#);
}

#[tokio::test]
async fn failures_are_told_as_api_gateway_tells_them() {
    let server = Server::start().await;
    for (path, status, message) in [
        ("error", 500, "Internal Server Error"),
        ("malformed", 500, "Internal Server Error"),
        ("stopping", 503, "Service Unavailable"),
        ("slow", 503, "Service Unavailable"),
        ("large", 413, "Request Entity Too Large"),
    ] {
        let response = server.get(&format!("/v1/things/{path}")).await;
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.json::<Value>().await.unwrap(), json!({ "message": message }), "{path}");
    }
}

#[tokio::test]
async fn a_body_of_ten_megabytes_passes_and_one_byte_more_does_not() {
    let server = Server::start().await;
    for (size, status) in [(gateway::MAX_BODY_BYTES, 200), (gateway::MAX_BODY_BYTES + 1, 413)] {
        let response = server.request(Method::PUT, "/v1/open").body(vec![b'x'; size]).send().await.unwrap();
        assert_eq!(response.status(), status);
    }
    assert_eq!(server.calls().len(), 1);
}

#[tokio::test]
async fn cors_comes_from_the_template_alone() {
    let server = Server::start().await;
    let preflight = |method: &str| {
        let request = server.request(Method::OPTIONS, "/v1/things").header("origin", "https://a.example");
        request.header("access-control-request-method", method).send()
    };
    let response = preflight("POST").await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(header_of(&response, header::ACCESS_CONTROL_ALLOW_METHODS), "GET,POST");
    assert_eq!(header_of(&response, header::ACCESS_CONTROL_MAX_AGE), "3600");
    assert!(!preflight("DELETE").await.unwrap().headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
    assert!(server.calls().is_empty(), "a preflight needs no function");

    let response =
        server.request(Method::GET, "/v1/things/cookies").header("origin", "https://a.example").send().await.unwrap();
    assert_eq!(response.status(), 204);
    assert_eq!(header_of(&response, header::ACCESS_CONTROL_ALLOW_ORIGIN), "*");
    assert_eq!(header_of(&response, header::ACCESS_CONTROL_EXPOSE_HEADERS), "etag");
    assert_eq!(response.headers().get_all(header::SET_COOKIE).iter().collect::<Vec<_>>(), ["a=1", "b=2"]);
    assert!(!server.get("/v1/things/cookies").await.headers().contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN));
}

#[tokio::test]
async fn the_web_application_is_served_beside_the_api() {
    let server = Server::start().await;
    server.write("index.html", "<!doctype html><title>Parvis</title>");
    server.write("assets/app-1a2b.js", &"console.log(1);".repeat(200));
    server.write("assets/pre.css", "plain");
    server.write("assets/pre.css.gz", "packed beforehand");

    let page = server.request(Method::GET, "/places/default").header("accept", "text/html,*/*").send().await.unwrap();
    assert_eq!((page.status().as_u16(), header_of(&page, header::CACHE_CONTROL)), (200, "no-cache"));
    let modified = header_of(&page, header::LAST_MODIFIED).to_owned();
    assert!(page.text().await.unwrap().contains("<title>Parvis</title>"));
    let again = server
        .request(Method::GET, "/")
        .header("accept", "text/html")
        .header("if-modified-since", modified)
        .send()
        .await
        .unwrap();
    assert_eq!(again.status(), 304);

    let script =
        server.request(Method::GET, "/assets/app-1a2b.js").header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(header_of(&script, header::CACHE_CONTROL), "public, max-age=31536000, immutable");
    assert_eq!(
        (header_of(&script, header::CONTENT_TYPE), header_of(&script, header::CONTENT_ENCODING)),
        ("text/javascript", "gzip")
    );
    let style = server.request(Method::GET, "/assets/pre.css").header("accept-encoding", "gzip").send().await.unwrap();
    assert_eq!(style.text().await.unwrap(), "packed beforehand");

    for (path, accept) in [("/assets/gone.js", "text/html"), ("/favicon.ico", "image/*"), ("/%2e%2e/outbox.db", "*/*")]
    {
        assert_eq!(
            server.request(Method::GET, path).header("accept", accept).send().await.unwrap().status(),
            404,
            "{path}"
        );
    }
}

#[tokio::test]
async fn without_the_web_application_a_page_says_what_to_do() {
    let server = Server::start().await;
    let page = server.request(Method::GET, "/").header("accept", "text/html").send().await.unwrap();
    assert_eq!(page.status(), 200);
    let text = page.text().await.unwrap();
    assert!(text.contains("npm") && text.contains(r#"href="/_local/outbox""#), "{text}");
}

#[tokio::test]
async fn the_configuration_names_the_host_that_the_browser_used() {
    let server = Server::start().await;
    let config: Value = server
        .request(Method::GET, "/config.json")
        .header("host", "192.168.1.9:8080")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(config["mqtt"], json!({ "url": "ws://192.168.1.9:9001/mqtt", "authorizer": null }));
    assert_eq!(config["oidc"], json!({ "issuer": server.identity.issuer(), "client_id": "parvis-web" }));
    assert_eq!((&config["api"], &config["default_place"]), (&json!(""), &json!("default")));
}

/// The repository's template, with a made-up value for whatever only nested templates know.
fn resolved_template() -> parvis_sam::Stack {
    let template =
        parvis_sam::Template::load(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../template.yaml")).unwrap();
    let mut outputs = BTreeMap::<String, String>::new();
    loop {
        let resolution = parvis_sam::Resolution::default().secrets(|_| Some("secret".into()));
        let resolution = outputs.iter().fold(resolution, |resolution, (name, value)| resolution.with(name, value));
        match template.resolve(&resolution) {
            Ok(stack) => return stack,
            Err(parvis_sam::Error::Template { problem: parvis_sam::Problem::UnknownAttribute(name), .. }) => {
                assert!(outputs.insert(name.clone(), "made-up".into()).is_none(), "{name} does not resolve");
            }
            Err(error) => panic!("{error}"),
        }
    }
}

#[test]
fn the_templates_own_routes_are_served() {
    let template = resolved_template();
    let api = template.http_apis.values().next().unwrap();
    Gateway::new(api, Functions::default(), Site::new("x".into())).unwrap();
    let table = routes::RouteTable::new(api.routes.iter().map(|route| route.try_into().unwrap()).collect());
    for (method, path, key, authorizer) in [
        (Method::GET, "/v1/places", "GET /v1/places", None),
        (Method::GET, "/v1/places/default/spaces", "GET /v1/places/{proxy+}", None),
        (Method::POST, "/v1/places", "POST /v1/places", Some("Login")),
        (Method::PATCH, "/v1/places/default/zones/Zone_A/spaces/3", "PATCH /v1/places/{proxy+}", Some("Login")),
        (Method::GET, "/api/stats/hourly", "GET /api/{proxy+}", None),
        (Method::GET, "/openapi.json", "GET /openapi.json", None),
    ] {
        let (route, _) = table.find(&method, path).unwrap();
        assert_eq!((route.key.to_string().as_str(), route.authorizer.as_deref()), (key, authorizer), "{method} {path}");
        assert_eq!(route.function.as_str(), "OccupancyFunction");
    }
    assert!(!table.owns("/login") && table.owns("/v1/nothing"));
}

/// Every route that a function's document describes leads to it, behind a login exactly where the document says so.
#[test]
fn described_routes_lead_to_their_functions() {
    let template = resolved_template();
    let api = template.http_apis.values().next().unwrap();
    let table = routes::RouteTable::new(api.routes.iter().map(|route| route.try_into().unwrap()).collect());
    let documents = [
        ("BookingsFunction", parvis_bookings::routes::document()),
        ("OccupancyFunction", parvis_occupancy::routes::document()),
    ];
    for (function, document) in documents {
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        for (path, item) in document["paths"].as_object().unwrap() {
            let operations = item.as_object().unwrap().iter().filter(|(key, _)| *key != "parameters");
            for (method, operation) in operations {
                let method: Method = method.to_uppercase().parse().unwrap();
                let filled = path.replace(['{', '}'], "");
                let Some((route, _)) = table.find(&method, &filled) else { panic!("{method} {path} leads nowhere") };
                let login = operation["security"].as_array().is_some_and(|all| !all.is_empty());
                assert_eq!((route.function.as_str(), route.authorizer.is_some()), (function, login), "{method} {path}");
            }
        }
    }
}

#[test]
fn a_route_with_an_unknown_authorizer_is_refused() {
    let api = HttpApi {
        logical_id: "A".into(),
        routes: vec![route("GET", "/x", Some("Nobody"))],
        authorizers: BTreeMap::new(),
        cors: None,
    };
    let error = Gateway::new(&api, Functions::default(), Site::new("x".into())).err().unwrap();
    assert_eq!(error.to_string(), "route GET /x names authorizer Nobody, which the API does not define");
}
