//! A template as read, before resolution.

use std::path::Path;

use serde_json::{Map, Value};

use crate::{
    build,
    error::{Error, Location, Problem},
    model::{LogicalId, Stack},
    resolution::Resolution,
    scope::Scope,
    yaml,
};

/// A template as read: intrinsics in long form, anchors and merge keys expanded, nothing resolved.
#[derive(Debug, Clone)]
pub struct Template {
    root: Map<String, Value>,
}

impl Template {
    /// Reads a template file.
    ///
    /// # Errors
    /// The file cannot be read or is not a YAML (or JSON) template.
    pub fn load(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|source| Error::Read { path: path.into(), source })?;
        Self::read(&text, path)
    }

    /// Reads a template from text.
    ///
    /// # Errors
    /// The text is not a YAML (or JSON) template.
    pub fn parse(text: &str) -> Result<Self, Error> {
        Self::read(text, Path::new("<text>"))
    }

    fn read(text: &str, path: &Path) -> Result<Self, Error> {
        let document = serde_norway::from_str(text).map_err(|source| Error::Yaml { path: path.into(), source })?;
        match yaml::to_json(document)? {
            Value::Object(root) if root.get("Resources").is_some_and(Value::is_object) => Ok(Self { root }),
            _ => Err(Location::of("Resources").invalid("a template is a mapping with Resources")),
        }
    }

    /// Resolves the template into the typed model.
    ///
    /// # Errors
    /// A part that matters is missing, malformed, unknown or has no value; the error names resource and property.
    pub fn resolve(&self, resolution: &Resolution) -> Result<Stack, Error> {
        build::stack(&Scope::new(self, resolution)?)
    }

    /// Resolves the template's outputs; those whose condition is false are absent.
    ///
    /// # Errors
    /// As [`Template::resolve`].
    pub fn outputs(&self, resolution: &Resolution) -> Result<std::collections::BTreeMap<String, String>, Error> {
        let scope = Scope::new(self, resolution)?;
        let mut outputs = std::collections::BTreeMap::new();
        for (name, output) in self.section("Outputs") {
            let at = Location::of("Outputs").join(name);
            if scope.applies(output, &at)? {
                let value = output.get("Value").ok_or_else(|| at.invalid("has no Value"))?;
                outputs.insert(name.clone(), scope.text(value, &at)?);
            }
        }
        Ok(outputs)
    }

    /// The entries of a top-level section; none when it is absent.
    pub(crate) fn section(&self, name: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.root.get(name).and_then(Value::as_object).into_iter().flatten()
    }

    /// One entry of a top-level section.
    pub(crate) fn entry(&self, section: &str, name: &str) -> Option<&Value> {
        self.root.get(section)?.get(name)
    }

    /// `Globals.Function` and its like.
    pub(crate) fn globals(&self, kind: &str) -> Option<&Map<String, Value>> {
        self.root.get("Globals")?.get(kind)?.as_object()
    }

    /// Every resource with its type, conditional ones included.
    ///
    /// # Errors
    /// A resource without type.
    pub fn resource_types(&self) -> Result<Vec<(LogicalId, &str)>, Error> {
        self.section("Resources")
            .map(|(id, resource)| Ok((LogicalId::from(id.as_str()), type_of(resource, id)?)))
            .collect()
    }
}

/// The type of a resource.
pub fn type_of<'a>(resource: &'a Value, id: &str) -> Result<&'a str, Error> {
    resource
        .get("Type")
        .and_then(Value::as_str)
        .ok_or_else(|| Location::of(id).error(Problem::Invalid("has no Type".into())))
}
