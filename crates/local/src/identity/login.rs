//! The login page, in English and French.

use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::{authorize::origin_of, users::DEMO_USERS};
use crate::http::page::{Page, escape};

struct Texts {
    title: &'static str,
    hint: &'static str,
    demo: &'static str,
    password: &'static str,
    name: &'static str,
    secret: &'static str,
    submit: &'static str,
    passwords: &'static str,
    failed: &'static str,
    refused: &'static str,
    logged_out: &'static str,
    home: &'static str,
}

const ENGLISH: Texts = Texts {
    title: "Log in to Parvis",
    hint: "This is the local stack: its users are made up and their passwords are no secret.",
    demo: "Continue as",
    password: "With user name and password",
    name: "User name",
    secret: "Password",
    submit: "Log in",
    passwords: "Show the passwords",
    failed: "User name or password is wrong.",
    refused: "This login cannot go on",
    logged_out: "You are logged out",
    home: "Back to Parvis",
};

const FRENCH: Texts = Texts {
    title: "Se connecter à Parvis",
    hint: "Ceci est la pile locale : ses utilisateurs sont fictifs et leurs mots de passe publics.",
    demo: "Continuer en tant que",
    password: "Avec nom d’utilisateur et mot de passe",
    name: "Nom d’utilisateur",
    secret: "Mot de passe",
    submit: "Se connecter",
    passwords: "Afficher les mots de passe",
    failed: "Nom d’utilisateur ou mot de passe incorrect.",
    refused: "Cette connexion ne peut pas continuer",
    logged_out: "Vous êtes déconnecté",
    home: "Retour à Parvis",
};

fn texts(language: &str) -> &'static Texts {
    if language == "fr" { &FRENCH } else { &ENGLISH }
}

/// The login page for one authorization request.
pub(super) struct LoginPage<'a> {
    /// `en` or `fr`.
    pub language: &'static str,
    /// The request's query; the forms send it back with the credentials.
    pub query: &'a str,
    /// Where the code will be sent.
    pub redirect: &'a str,
    /// The user name of a failed attempt.
    pub failed: Option<&'a str>,
}

impl LoginPage<'_> {
    /// The page: 200, or 401 after a failed attempt.
    pub fn respond(self) -> Response {
        let t = texts(self.language);
        let action = format!("/_local/identity/login?{}", escape(self.query));
        let alert = if self.failed.is_some() { format!(r#"<p role="alert">{}</p>"#, t.failed) } else { String::new() };
        let users: String = DEMO_USERS.iter().map(|user| self.user_button(user)).collect();
        let passwords: String = DEMO_USERS
            .iter()
            .map(|user| format!("<li><code>{}</code> / <code>{}</code></li>", user.name, user.password))
            .collect();
        let main = format!(
            r#"<main class="narrow"><h1>{title}</h1><p class="soft">{hint}</p>{alert}
<h2 id="demo">{demo}</h2><form method="post" action="{action}" aria-labelledby="demo">{users}</form>
<h2 id="password">{password}</h2><form method="post" action="{action}" aria-labelledby="password">
<label for="username">{name}</label><input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required value="{failed}">
<label for="secret">{secret}</label><input id="secret" name="password" type="password" autocomplete="current-password" required>
<button>{submit}</button></form>
<details><summary>{show}</summary><ul>{passwords}</ul></details></main>"#,
            title = t.title,
            hint = t.hint,
            demo = t.demo,
            password = t.password,
            name = t.name,
            secret = t.secret,
            submit = t.submit,
            show = t.passwords,
            failed = escape(self.failed.unwrap_or_default()),
        );
        let status = if self.failed.is_some() { StatusCode::UNAUTHORIZED } else { StatusCode::OK };
        // The answer to the form redirects to the client, which browsers count as part of the form's action.
        let form_action = origin_of(self.redirect).unwrap_or_default();
        Page {
            status,
            language: self.language,
            title: t.title,
            main: &main,
            form_action: &form_action,
            ..Page::default()
        }
        .into_response()
    }

    fn user_button(&self, user: &super::DemoUser) -> String {
        let (name, person, role) = (user.name, user.person, user.description(self.language));
        format!(
            r#"<button class="user" name="demo" value="{name}"><span>{person}</span><span class="soft">{role}</span></button>"#
        )
    }
}

/// A request that cannot be answered by redirect.
pub(super) fn refusal_page(language: &'static str, reason: &str) -> Response {
    let t = texts(language);
    let main = format!(r#"<main class="narrow"><h1>{}</h1><p role="alert">{}</p></main>"#, t.refused, escape(reason));
    Page { status: StatusCode::BAD_REQUEST, language, title: t.refused, main: &main, ..Page::default() }.into_response()
}

/// Where a logout without address ends.
pub(super) fn logged_out(language: &'static str) -> Response {
    let t = texts(language);
    let main = format!(r#"<main class="narrow"><h1>{}</h1><p><a href="/">{}</a></p></main>"#, t.logged_out, t.home);
    Page { language, title: t.logged_out, main: &main, ..Page::default() }.into_response()
}
