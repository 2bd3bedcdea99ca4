//! What can be wrong with a template, and where.

use std::{fmt, path::PathBuf};

/// Why a template could not be read or resolved.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file could not be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file asked for.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The text is not YAML, or not a template.
    #[error("{}: not a template", path.display())]
    Yaml {
        /// The file asked for, or `<text>`.
        path: PathBuf,
        /// What the YAML reader said, with line and column.
        source: serde_norway::Error,
    },
    /// A part of the template is wrong, unknown or not supported.
    #[error("{at}: {problem}")]
    Template {
        /// Resource and property.
        at: Location,
        /// What is wrong there.
        problem: Problem,
    },
}

/// The place in a template that an error is about: a logical id (or section) and the path of a property below it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Location(Vec<String>);

impl Location {
    /// The location of a resource, parameter or section.
    #[must_use]
    pub fn of(id: impl fmt::Display) -> Self {
        Self(vec![id.to_string()])
    }

    /// One step further down.
    #[must_use]
    pub fn join(&self, step: impl fmt::Display) -> Self {
        let mut steps = self.0.clone();
        steps.push(step.to_string());
        Self(steps)
    }

    /// An error at this place.
    #[must_use]
    pub fn error(&self, problem: Problem) -> Error {
        Error::Template { at: self.clone(), problem }
    }

    /// An error at this place about a property's value.
    #[must_use]
    pub fn invalid(&self, message: impl Into<String>) -> Error {
        self.error(Problem::Invalid(message.into()))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("."))
    }
}

/// What is wrong at a [`Location`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A `Ref` to something that is neither a parameter, a pseudo-parameter nor a resource.
    #[error("refers to {0}, which is neither a parameter nor a resource of this template")]
    UnknownReference(String),
    /// A `GetAtt` of an attribute that the model cannot compute; usually an output of a nested application without override.
    #[error("needs {0}, which has no value here (add an override for it)")]
    UnknownAttribute(String),
    /// A `FindInMap` without entry.
    #[error("no mapping {0}")]
    UnknownMapping(String),
    /// A condition that the template does not define, or that refers to itself.
    #[error("condition {0} is not defined or refers to itself")]
    UnknownCondition(String),
    /// An intrinsic function that is not supported.
    #[error("intrinsic function {0} is not supported")]
    UnsupportedFunction(String),
    /// A resource type that the model does not know.
    #[error("resource type {0} is not known to the model")]
    UnsupportedType(String),
    /// A dynamic reference for which the resolver gave nothing.
    #[error("no value for the dynamic reference {0}")]
    UnresolvedReference(String),
    /// A parameter without value.
    #[error("parameter has neither a value nor a default")]
    MissingParameter,
    /// A value for a parameter that the template does not have.
    #[error("the template has no such parameter")]
    UnknownParameter,
    /// An ARN, URL or name that must be a resource of this template and is not.
    #[error("{0} is not a resource of this template")]
    NotInTemplate(String),
    /// Anything else: a missing, unknown or malformed property.
    #[error("{0}")]
    Invalid(String),
}
