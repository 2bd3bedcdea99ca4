//! HTML: one file, nothing loaded from elsewhere.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, context, value::Serde};

use crate::sheet::Sheet;

/// The page could not be made: the template asks for what the sheet does not have.
#[derive(Debug, thiserror::Error)]
#[error("the document's page cannot be made")]
pub struct HtmlError(#[from] minijinja::Error);

/// The document as a page.
///
/// # Errors
/// [`HtmlError`], which a test of the template excludes.
pub fn render(sheet: &Sheet) -> Result<String, HtmlError> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.add_template("document", include_str!("../templates/document.html"))?;
    Ok(environment.get_template("document")?.render(context! { sheet => Serde(sheet) })?)
}
