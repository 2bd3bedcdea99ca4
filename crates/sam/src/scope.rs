//! Resolution of intrinsic functions.

use std::{cell::RefCell, collections::BTreeMap};

use serde_json::{Map, Value};

use crate::{
    error::{Error, Location, Problem},
    resolution::Resolution,
    template::Template,
};

type Result<T> = std::result::Result<T, Error>;

/// What an attribute that only a deployment knows resolves to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// To an error.
    Refuse,
    /// To `${Resource.Attribute}`: for policies, where nothing local depends on it.
    Placeholder,
}

/// A template together with the values it is resolved with.
pub struct Scope<'a> {
    pub(crate) template: &'a Template,
    pub(crate) resolution: &'a Resolution,
    parameters: BTreeMap<String, Value>,
    /// Conditions being evaluated, so that one that refers to itself is an error and not an endless recursion.
    evaluating: RefCell<Vec<String>>,
    pub(crate) unknown: Unknown,
}

impl<'a> Scope<'a> {
    /// Settles the parameters.
    pub fn new(template: &'a Template, resolution: &'a Resolution) -> Result<Self> {
        let parameters = parameters(template, resolution)?;
        Ok(Self { template, resolution, parameters, evaluating: RefCell::default(), unknown: Unknown::Refuse })
    }

    /// The same scope with placeholders instead of errors for what only a deployment knows.
    pub fn lenient(&self) -> Scope<'a> {
        Scope {
            template: self.template,
            resolution: self.resolution,
            parameters: self.parameters.clone(),
            evaluating: RefCell::default(),
            unknown: Unknown::Placeholder,
        }
    }

    /// Whether a resource, output or policy exists: its `Condition` is absent or true.
    pub fn applies(&self, entry: &Value, at: &Location) -> Result<bool> {
        match entry.get("Condition") {
            None => Ok(true),
            Some(Value::String(name)) => self.condition(name, at),
            Some(_) => Err(at.join("Condition").invalid("must be the name of a condition")),
        }
    }

    /// Resolves a value. `None` stands for `AWS::NoValue`: the property is absent.
    pub fn value(&self, value: &Value, at: &Location) -> Result<Option<Value>> {
        Ok(Some(match value {
            Value::Object(map) => {
                if let Some((function, argument)) = intrinsic(map) {
                    return self.call(function, argument, &at.join(function));
                }
                Value::Object(self.map(map, at)?)
            }
            Value::Array(items) => {
                let mut resolved = Vec::with_capacity(items.len());
                for (i, item) in items.iter().enumerate() {
                    resolved.extend(self.value(item, &at.join(i))?);
                }
                Value::Array(resolved)
            }
            Value::String(text) => Value::String(self.dynamic(text, at)?),
            other => other.clone(),
        }))
    }

    /// Resolves every value of a mapping, leaving out those that are `AWS::NoValue`.
    pub fn map(&self, map: &Map<String, Value>, at: &Location) -> Result<Map<String, Value>> {
        let mut resolved = Map::new();
        for (key, value) in map {
            if let Some(value) = self.value(value, &at.join(key))? {
                resolved.insert(key.clone(), value);
            }
        }
        Ok(resolved)
    }

    /// Resolves to text; numbers and booleans are written as CloudFormation writes them.
    pub fn text(&self, value: &Value, at: &Location) -> Result<String> {
        match self.value(value, at)? {
            Some(Value::String(text)) => Ok(text),
            Some(Value::Number(number)) => Ok(number.to_string()),
            Some(Value::Bool(flag)) => Ok(flag.to_string()),
            _ => Err(at.invalid("must be text")),
        }
    }

    fn call(&self, function: &str, argument: &Value, at: &Location) -> Result<Option<Value>> {
        Ok(Some(match function {
            "Ref" => return self.reference(argument, at),
            "Fn::GetAtt" => {
                let (resource, attribute) = self.attribute_argument(argument, at)?;
                Value::String(self.attribute(&resource, &attribute, at)?)
            }
            "Fn::Sub" => Value::String(self.sub(argument, at)?),
            "Fn::Join" => {
                let [delimiter, items] = self.arguments(argument, at)?;
                Value::String(self.texts(items, at)?.join(&self.text(delimiter, at)?))
            }
            "Fn::Split" => {
                let [delimiter, text] = self.arguments(argument, at)?;
                let (delimiter, text) = (self.text(delimiter, at)?, self.text(text, at)?);
                Value::from(text.split(delimiter.as_str()).collect::<Vec<_>>())
            }
            "Fn::Select" => {
                let [index, items] = self.arguments(argument, at)?;
                let index: usize =
                    self.text(index, at)?.parse().map_err(|_| at.invalid("the index must be a number"))?;
                let item = self.texts(items, at)?.into_iter().nth(index);
                Value::String(item.ok_or_else(|| at.invalid(format!("the list has no item {index}")))?)
            }
            "Fn::FindInMap" => self.find_in_map(argument, at)?,
            "Fn::If" => {
                let [condition, yes, no] = self.arguments(argument, at)?;
                let name =
                    condition.as_str().ok_or_else(|| at.invalid("the first argument must be a condition's name"))?;
                return self.value(if self.condition(name, at)? { yes } else { no }, at);
            }
            "Fn::Equals" | "Fn::Not" | "Fn::And" | "Fn::Or" => Value::Bool(self.boolean(function, argument, at)?),
            other => return Err(at.error(Problem::UnsupportedFunction(other.to_owned()))),
        }))
    }

    fn reference(&self, argument: &Value, at: &Location) -> Result<Option<Value>> {
        let name = argument.as_str().ok_or_else(|| at.invalid("must be a name"))?;
        if name == "AWS::NoValue" {
            return Ok(None);
        }
        if let Some(value) = self.parameters.get(name) {
            return Ok(Some(value.clone()));
        }
        if let Some(value) = self.pseudo(name) {
            return Ok(Some(Value::from(value)));
        }
        self.resource_reference(name, at).map(|text| Some(Value::String(text)))
    }

    fn pseudo(&self, name: &str) -> Option<&str> {
        let pseudo = &self.resolution.pseudo;
        Some(match name {
            "AWS::Region" => &pseudo.region,
            "AWS::AccountId" => &pseudo.account_id,
            "AWS::Partition" => &pseudo.partition,
            "AWS::URLSuffix" => &pseudo.url_suffix,
            "AWS::StackName" => &pseudo.stack_name,
            _ => return None,
        })
    }

    fn attribute_argument(&self, argument: &Value, at: &Location) -> Result<(String, String)> {
        if let Some((resource, attribute)) = argument.as_str().and_then(|text| text.split_once('.')) {
            return Ok((resource.to_owned(), attribute.to_owned()));
        }
        let [resource, attribute] = self.arguments(argument, at)?;
        Ok((self.text(resource, at)?, self.text(attribute, at)?))
    }

    fn sub(&self, argument: &Value, at: &Location) -> Result<String> {
        let (text, own) = match argument {
            Value::String(text) => (text, None),
            _ => {
                let [text, own] = self.arguments(argument, at)?;
                (
                    string(text, at)?,
                    Some(own.as_object().ok_or_else(|| at.invalid("the second argument must be a mapping"))?),
                )
            }
        };
        let mut result = String::with_capacity(text.len());
        let mut rest = text.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, tail) = after.split_once('}').ok_or_else(|| at.invalid("${ without }"))?;
            result.push_str(before);
            match (name.strip_prefix('!'), own.and_then(|own| own.get(name)), name.split_once('.')) {
                (Some(literal), ..) => result.push_str(&format!("${{{literal}}}")),
                (None, Some(value), _) => result.push_str(&self.text(value, at)?),
                (None, None, Some((resource, attribute))) => result.push_str(&self.attribute(resource, attribute, at)?),
                (None, None, None) => {
                    let value = self.reference(&Value::from(name), at)?.unwrap_or_default();
                    result.push_str(&self.text(&value, at)?);
                }
            }
            rest = tail;
        }
        result.push_str(rest);
        self.dynamic(&result, at)
    }

    fn find_in_map(&self, argument: &Value, at: &Location) -> Result<Value> {
        let [map, first, second] = self.arguments(argument, at)?;
        let (map, first, second) = (self.text(map, at)?, self.text(first, at)?, self.text(second, at)?);
        let found = self.template.entry("Mappings", &map).and_then(|map| map.get(&first)?.get(&second));
        found.cloned().ok_or_else(|| at.error(Problem::UnknownMapping(format!("{map}.{first}.{second}"))))
    }

    fn condition(&self, name: &str, at: &Location) -> Result<bool> {
        let definition = self.template.entry("Conditions", name);
        let unknown = || at.error(Problem::UnknownCondition(name.to_owned()));
        let definition = definition.ok_or_else(unknown)?;
        if self.evaluating.borrow().iter().any(|evaluating| evaluating == name) {
            return Err(unknown());
        }
        self.evaluating.borrow_mut().push(name.to_owned());
        let result = self.condition_value(definition, &Location::of("Conditions").join(name));
        self.evaluating.borrow_mut().pop();
        result
    }

    fn condition_value(&self, value: &Value, at: &Location) -> Result<bool> {
        match value.as_object().filter(|map| map.len() == 1).and_then(|map| map.iter().next()) {
            Some((function, Value::String(name))) if function == "Condition" => self.condition(name, at),
            Some((function, argument)) => self.boolean(function, argument, at),
            None => Err(at.invalid("must be Fn::Equals, Fn::Not, Fn::And, Fn::Or or Condition")),
        }
    }

    fn boolean(&self, function: &str, argument: &Value, at: &Location) -> Result<bool> {
        let operands = argument.as_array().ok_or_else(|| at.invalid("takes a list"))?;
        match function {
            "Fn::Equals" => {
                let [left, right] = self.arguments(argument, at)?;
                Ok(self.text(left, at)? == self.text(right, at)?)
            }
            "Fn::Not" => {
                let [operand] = self.arguments(argument, at)?;
                Ok(!self.condition_value(operand, at)?)
            }
            "Fn::And" => operands.iter().try_fold(true, |all, operand| Ok(all & self.condition_value(operand, at)?)),
            "Fn::Or" => operands.iter().try_fold(false, |any, operand| Ok(any | self.condition_value(operand, at)?)),
            other => Err(at.error(Problem::UnsupportedFunction(other.to_owned()))),
        }
    }

    fn arguments<'v, const N: usize>(&self, argument: &'v Value, at: &Location) -> Result<[&'v Value; N]> {
        let items = argument.as_array().map(|items| items.iter().collect::<Vec<_>>());
        items
            .and_then(|items| items.try_into().ok())
            .ok_or_else(|| at.invalid(format!("takes a list of {N} arguments")))
    }

    fn texts(&self, items: &Value, at: &Location) -> Result<Vec<String>> {
        match self.value(items, at)? {
            Some(Value::Array(items)) => items.iter().map(|item| self.text(item, at)).collect(),
            _ => Err(at.invalid("must be a list")),
        }
    }
}

/// The function and argument of a mapping that is a call of an intrinsic function.
pub fn intrinsic(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (key, argument) = map.iter().next().filter(|_| map.len() == 1)?;
    (key == "Ref" || key.starts_with("Fn::")).then_some((key.as_str(), argument))
}

fn string<'v>(value: &'v Value, at: &Location) -> Result<&'v String> {
    match value {
        Value::String(text) => Ok(text),
        _ => Err(at.invalid("must be text")),
    }
}

fn parameters(template: &Template, resolution: &Resolution) -> Result<BTreeMap<String, Value>> {
    let at = Location::of("Parameters");
    if let Some(name) = resolution.parameters.keys().find(|name| template.entry("Parameters", name).is_none()) {
        return Err(at.join(name).error(Problem::UnknownParameter));
    }
    let mut parameters = BTreeMap::new();
    for (name, definition) in template.section("Parameters") {
        let at = at.join(name);
        let value = match (resolution.parameters.get(name), definition.get("Default")) {
            (Some(given), _) => given.clone(),
            (None, Some(Value::String(default))) => default.clone(),
            (None, Some(default)) => default.to_string(),
            (None, None) => return Err(at.error(Problem::MissingParameter)),
        };
        check_parameter(definition, &value, &at)?;
        let is_list = definition.get("Type").and_then(Value::as_str).is_some_and(|kind| kind.contains("List"));
        let value =
            if is_list { Value::from(value.split(',').map(str::trim).collect::<Vec<_>>()) } else { Value::from(value) };
        parameters.insert(name.clone(), value);
    }
    Ok(parameters)
}

fn check_parameter(definition: &Value, value: &str, at: &Location) -> Result<()> {
    if let Some(allowed) = definition.get("AllowedValues").and_then(Value::as_array) {
        let matches = |allowed: &Value| match allowed {
            Value::String(text) => text == value,
            other => other.to_string().as_str() == value,
        };
        if !allowed.iter().any(matches) {
            return Err(at.invalid(format!("{value} is not among the allowed values")));
        }
    }
    if definition.get("Type").and_then(Value::as_str) == Some("Number") {
        let number: f64 = value.parse().map_err(|_| at.invalid(format!("{value} is not a number")))?;
        let bound = |key: &str| definition.get(key).and_then(Value::as_f64);
        if bound("MinValue").is_some_and(|least| number < least) || bound("MaxValue").is_some_and(|most| number > most)
        {
            return Err(at.invalid(format!("{value} is out of bounds")));
        }
    }
    Ok(())
}
