//! The flows of a browser and of a machine over real sockets.

use std::{collections::HashMap, sync::Arc};

use jsonwebtoken::{Algorithm, DecodingKey, Validation, jwk::JwkSet};
use reqwest::{Client, Response, Url, redirect::Policy};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::*;

const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0123";
const CALLBACK: &str = "http://localhost:5173/callback";

struct Issuer {
    base: String,
    browser: Client,
    identity: Arc<Identity>,
    _directory: TempDir,
}

impl Issuer {
    async fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}{PATH}", listener.local_addr().unwrap());
        let identity = Arc::new(Identity::new(base.clone(), directory.path()));
        let app: Router = Router::new().nest(PATH, router(Arc::clone(&identity)));
        tokio::spawn(async move { axum::serve(listener, app).await });
        drop(crate::http::client()); // chooses the TLS provider
        let browser = Client::builder().redirect(Policy::none()).cookie_store(true).build().unwrap();
        Self { base, browser, identity, _directory: directory }
    }

    /// Scheme and authority of the issuer's own pages.
    fn origin(&self) -> &str {
        self.base.strip_suffix(PATH).unwrap()
    }

    /// The query of the web application's authorization request.
    fn query(changes: &[(&str, &str)]) -> Vec<(String, String)> {
        let challenge = code::challenge_of(VERIFIER);
        let good = [
            ("response_type", "code"),
            ("client_id", WEB_CLIENT),
            ("redirect_uri", CALLBACK),
            ("scope", "openid email profile"),
            ("state", "s t&te"),
            ("nonce", "n-1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let mut query: HashMap<String, String> =
            good.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        for (name, value) in changes {
            query.insert((*name).to_owned(), (*value).to_owned());
        }
        query.into_iter().filter(|(_, value)| !value.is_empty()).collect()
    }

    async fn authorize(&self, changes: &[(&str, &str)]) -> Response {
        self.browser.get(format!("{}/oauth2/authorize", self.base)).query(&Self::query(changes)).send().await.unwrap()
    }

    async fn login(&self, form: &[(&str, &str)]) -> Response {
        self.browser.post(format!("{}/login", self.base)).query(&Self::query(&[])).form(form).send().await.unwrap()
    }

    async fn token(&self, form: &[(&str, &str)]) -> (u16, Value) {
        let response = self.browser.post(format!("{}/oauth2/token", self.base)).form(form).send().await.unwrap();
        assert_eq!(response.headers()["cache-control"], "no-store");
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn redeem(&self, code: &str, verifier: &str) -> (u16, Value) {
        let form = [
            ("grant_type", "authorization_code"),
            ("client_id", WEB_CLIENT),
            ("redirect_uri", CALLBACK),
            ("code", code),
            ("code_verifier", verifier),
        ];
        self.token(&form).await
    }

    /// The claims of a token, checked with nothing but what the issuer publishes.
    async fn claims(&self, token: &str) -> Value {
        let discovery: Value = self.get(&format!("{}/.well-known/openid-configuration", self.base)).await;
        assert_eq!(discovery["issuer"], self.base.as_str());
        let keys: JwkSet = serde_json::from_value(self.get(discovery["jwks_uri"].as_str().unwrap()).await).unwrap();
        let kid = jsonwebtoken::decode_header(token).unwrap().kid.unwrap();
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&self.base]);
        validation.validate_aud = false;
        jsonwebtoken::decode(token, &DecodingKey::from_jwk(keys.find(&kid).unwrap()).unwrap(), &validation)
            .unwrap()
            .claims
    }

    async fn get(&self, url: &str) -> Value {
        self.browser.get(url).send().await.unwrap().json().await.unwrap()
    }
}

/// The parameters of a redirect.
fn redirect(response: &Response) -> (String, HashMap<String, String>) {
    assert_eq!(response.status(), 303);
    let url = Url::parse(response.headers()["location"].to_str().unwrap()).unwrap();
    let parameters = url.query_pairs().into_owned().collect();
    (format!("{}{}", url.origin().ascii_serialization(), url.path()), parameters)
}

#[tokio::test]
async fn a_login_gives_tokens_with_cognitos_claims() {
    let issuer = Issuer::start().await;
    let page = issuer.authorize(&[]).await;
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("form-action 'self' http://localhost:5173;"), "{policy}");
    assert_eq!(page.headers()["referrer-policy"], "same-origin", "else the browser hides the form's origin");
    let html = page.text().await.unwrap();
    for user in DEMO_USERS {
        assert!(html.contains(&format!(r#"name="demo" value="{}""#, user.name)) && html.contains(user.person));
    }

    let (address, parameters) =
        redirect(&issuer.login(&[("username", "manager"), ("password", "parvis-manager")]).await);
    assert_eq!((address.as_str(), parameters["state"].as_str()), (CALLBACK, "s t&te"));
    let (status, tokens) = issuer.redeem(&parameters["code"], VERIFIER).await;
    assert_eq!((status, &tokens["token_type"], &tokens["expires_in"]), (200, &json!("Bearer"), &json!(3600)));

    let access = issuer.claims(tokens["access_token"].as_str().unwrap()).await;
    let id = issuer.claims(tokens["id_token"].as_str().unwrap()).await;
    assert_eq!(
        (&access["token_use"], &access["client_id"], &access["username"]),
        (&json!("access"), &json!(WEB_CLIENT), &json!("manager"))
    );
    assert!(access.get("aud").is_none(), "as with Cognito");
    assert_eq!((&id["token_use"], &id["aud"], &id["nonce"]), (&json!("id"), &json!(WEB_CLIENT), &json!("n-1")));
    assert_eq!((&id["email"], &id["name"]), (&json!("malik.benali@example.org"), &json!("Malik Benali")));
    assert!(id.get("phone_number").is_none(), "not asked for");
    for claims in [&access, &id] {
        assert_eq!(claims["cognito:groups"], json!(["manager"]));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    }
    assert_eq!((&access["sub"], &access["origin_jti"]), (&id["sub"], &id["origin_jti"]));

    let (status, error) = issuer.redeem(&parameters["code"], VERIFIER).await;
    assert_eq!((status, error), (400, json!({ "error": "invalid_grant" })), "a code is good once");
}

#[tokio::test]
async fn a_refresh_renews_without_a_new_refresh_token() {
    let issuer = Issuer::start().await;
    let (_, parameters) = redirect(&issuer.login(&[("demo", "agent")]).await);
    let (_, tokens) = issuer.redeem(&parameters["code"], VERIFIER).await;
    let form = |token: &str| {
        [
            ("grant_type", "refresh_token".to_owned()),
            ("client_id", WEB_CLIENT.to_owned()),
            ("refresh_token", token.to_owned()),
        ]
    };
    let refresh = async |token: &str| {
        let form = form(token);
        let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        issuer.token(&form).await
    };
    let (status, renewed) = refresh(tokens["refresh_token"].as_str().unwrap()).await;
    assert_eq!((status, renewed.get("refresh_token")), (200, None));
    let before = issuer.claims(tokens["access_token"].as_str().unwrap()).await;
    let after = issuer.claims(renewed["access_token"].as_str().unwrap()).await;
    for kept in ["sub", "auth_time", "origin_jti", "scope", "cognito:groups"] {
        assert_eq!(before[kept], after[kept], "{kept}");
    }
    assert_ne!(before["jti"], after["jti"]);
    let access = tokens["access_token"].as_str().unwrap();
    assert_eq!(refresh(access).await, (400, json!({ "error": "invalid_grant" })), "an access token refreshes nothing");
}

#[tokio::test]
async fn a_stolen_code_is_worth_nothing() {
    let issuer = Issuer::start().await;
    let (_, parameters) = redirect(&issuer.login(&[("demo", "admin")]).await);
    assert_eq!(issuer.redeem(&parameters["code"], "guessed").await.0, 400);
    assert_eq!(issuer.redeem(&parameters["code"], VERIFIER).await.0, 400, "the attempt has spent it");
}

#[tokio::test]
async fn the_browser_stays_logged_in_until_it_logs_out() {
    let issuer = Issuer::start().await;
    let (_, silent) = redirect(&issuer.authorize(&[("prompt", "none")]).await);
    assert_eq!(silent["error"], "login_required");
    redirect(&issuer.login(&[("demo", "driver")]).await);
    let (_, silent) = redirect(&issuer.authorize(&[("prompt", "none")]).await);
    let (_, tokens) = issuer.redeem(&silent["code"], VERIFIER).await;
    assert_eq!(issuer.claims(tokens["id_token"].as_str().unwrap()).await["cognito:username"], "driver");
    assert_eq!(issuer.authorize(&[("prompt", "login")]).await.status(), 200, "asked to log in again");

    let logout = issuer
        .browser
        .get(format!("{}/logout", issuer.base))
        .query(&[("client_id", WEB_CLIENT), ("logout_uri", "http://localhost:5173/")]);
    assert_eq!(redirect(&logout.send().await.unwrap()).0, "http://localhost:5173/");
    assert_eq!(issuer.authorize(&[]).await.status(), 200, "the login page");
}

#[tokio::test]
async fn what_is_not_safe_is_refused() {
    let issuer = Issuer::start().await;
    for changes in [[("redirect_uri", "https://evil.example/")], [("client_id", "other")], [("redirect_uri", "")]] {
        assert_eq!(issuer.authorize(&changes).await.status(), 400, "{changes:?}: told to the person, never redirected");
    }
    for (changes, error) in [
        ([("code_challenge", "")], "invalid_request"),
        ([("code_challenge_method", "plain")], "invalid_request"),
        ([("response_type", "token")], "unsupported_response_type"),
        ([("scope", "openid everything")], "invalid_scope"),
    ] {
        assert_eq!(redirect(&issuer.authorize(&changes).await).1["error"], error, "{changes:?}");
    }
    let failed = issuer.login(&[("username", "admin\"><script>"), ("password", "x")]).await;
    assert_eq!(failed.status(), 401);
    let html = failed.text().await.unwrap();
    assert!(html.contains(r#"role="alert""#) && html.contains("admin&quot;&gt;&lt;script&gt;"), "{html}");
    assert_eq!(issuer.login(&[("username", "admin"), ("password", "parvis-manager")]).await.status(), 401);
    for (origin, status) in [("https://evil.example", 400), ("null", 400), (issuer.origin(), 303)] {
        let login = issuer.browser.post(format!("{}/login", issuer.base)).query(&Issuer::query(&[]));
        let sent = login.header("origin", origin).form(&[("demo", "admin")]).send().await.unwrap();
        assert_eq!(sent.status(), status, "{origin}");
    }
    let logout =
        issuer.browser.get(format!("{}/logout", issuer.base)).query(&[("logout_uri", "https://evil.example/")]);
    assert_eq!(logout.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn a_machine_logs_in_with_its_secret() {
    let issuer = Issuer::start().await;
    let url = format!("{}/oauth2/token", issuer.base);
    let ask = |secret: &'static str, scope: &'static str| {
        let form = [("grant_type", "client_credentials"), ("scope", scope)];
        issuer.browser.post(&url).basic_auth("parvis-machine", Some(secret)).form(&form).send()
    };
    let tokens: Value = ask("parvis-machine-demo", "parvis/read").await.unwrap().json().await.unwrap();
    let claims = issuer.claims(tokens["access_token"].as_str().unwrap()).await;
    assert_eq!((&claims["client_id"], &claims["scope"]), (&json!("parvis-machine"), &json!("parvis/read")));
    assert!(claims.get("cognito:groups").is_none() && tokens.get("id_token").is_none());
    assert_eq!(ask("wrong", "parvis/read").await.unwrap().status(), 401);
    assert_eq!(ask("parvis-machine-demo", "admin").await.unwrap().status(), 400);
    // The secret of another client is none of this one's.
    assert_eq!(ask("parvis-machine-2-demo", "parvis/park").await.unwrap().status(), 401);
}

#[tokio::test]
async fn user_info_gives_what_the_scopes_allow() {
    let issuer = Issuer::start().await;
    let url = format!("{}/oauth2/userInfo", issuer.base);
    let tokens = issuer.identity.mint_all("driver").await.unwrap();
    let info: Value =
        issuer.browser.get(&url).bearer_auth(&tokens.access_token).send().await.unwrap().json().await.unwrap();
    assert_eq!((&info["username"], &info["phone_number"]), (&json!("driver"), &json!("+33639980004")));
    for token in [tokens.id_token.unwrap().as_str(), "nonsense"] {
        assert_eq!(issuer.browser.get(&url).bearer_auth(token).send().await.unwrap().status(), 401);
    }
}

#[tokio::test]
async fn pages_of_other_origins_may_ask_for_tokens_but_not_read_the_login_page() {
    let issuer = Issuer::start().await;
    let discovery = issuer
        .browser
        .get(format!("{}/.well-known/openid-configuration", issuer.base))
        .header("origin", "http://localhost:5173");
    assert_eq!(discovery.send().await.unwrap().headers()["access-control-allow-origin"], "*");
    assert!(!issuer.authorize(&[]).await.headers().contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn the_login_page_speaks_french() {
    let issuer = Issuer::start().await;
    let page = issuer
        .browser
        .get(format!("{}/oauth2/authorize", issuer.base))
        .query(&Issuer::query(&[]))
        .header("accept-language", "fr-FR,en;q=0.5");
    let html = page.send().await.unwrap().text().await.unwrap();
    assert!(html.contains(r#"<html lang="fr">"#) && html.contains("Se connecter"), "{html}");
    assert!(issuer.authorize(&[("ui_locales", "fr")]).await.text().await.unwrap().contains("Gestion du site"));
}

#[tokio::test]
async fn a_restart_keeps_logins() {
    let directory = tempfile::tempdir().unwrap();
    let tokens = Identity::new("http://i", directory.path()).mint_all("admin").await.unwrap();
    let restarted = Identity::new("http://i", directory.path());
    let keys = restarted.keys().await.unwrap();
    assert!(Session::from_refresh(&tokens.refresh_token.unwrap(), "http://i", &keys).is_some());
    assert!(matches!(restarted.mint("nobody").await, Err(IdentityError::UnknownUser(_))));
}
