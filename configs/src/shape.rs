//! The schema in the form that the walk and the reference need: read from the JSON schema of [`Config`],
//! so that a key, its type, its range and its text are written down once.

use std::sync::LazyLock;

use serde_json::{Map, Value};

use crate::schema::Config;

/// What a value must be.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Shape {
    Table(Vec<Field>),
    /// A table whose `kind` says which keys it has.
    Tagged(Vec<Variant>),
    /// A table whose keys the reader chooses.
    Map(Box<Shape>),
    /// Whatever TOML can say and JSON can hold.
    Any,
    List {
        item: Box<Shape>,
        min: usize,
        unique: bool,
    },
    Choice(Vec<Choice>),
    Text {
        min: usize,
    },
    Boolean,
    Integer(Bounds),
    Number(Bounds),
}

/// A key of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub name: String,
    pub shape: Shape,
    pub doc: String,
    pub required: bool,
    /// `Some(Null)` where absence itself is the default.
    pub default: Option<Value>,
}

/// One kind of a tagged table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Variant {
    pub name: String,
    pub doc: String,
    /// Without `kind`.
    pub fields: Vec<Field>,
}

/// One of the words that a value may be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choice {
    pub name: String,
    pub doc: String,
}

/// Limits of a number.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Bounds {
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// The value must lie above this.
    pub above: Option<f64>,
    /// The value must lie below this.
    pub below: Option<f64>,
}

impl Bounds {
    /// Whether a number keeps them.
    pub fn hold(&self, value: f64) -> bool {
        self.min.is_none_or(|m| value >= m)
            && self.max.is_none_or(|m| value <= m)
            && self.above.is_none_or(|m| value > m)
            && self.below.is_none_or(|m| value < m)
    }

    /// Without the limit that only comes from the width of the type.
    pub fn without_width(&self) -> Self {
        Self { max: self.max.filter(|m| *m < f64::from(u32::MAX)), ..*self }
    }

    /// In words; empty where there are none.
    pub fn text(&self) -> String {
        let low = self
            .min
            .map(|m| format!("at least {m}"))
            .or_else(|| self.above.map(|m| format!("above {m}")));
        let high = self
            .max
            .map(|m| format!("at most {m}"))
            .or_else(|| self.below.map(|m| format!("below {m}")));
        match (low, high) {
            (Some(low), Some(high)) => format!("{low} and {high}"),
            (low, high) => low.or(high).unwrap_or_default(),
        }
    }
}

impl Shape {
    /// What is expected, in words.
    pub fn expected(&self) -> &'static str {
        match self {
            Self::Table(_) | Self::Tagged(_) | Self::Map(_) => "a table",
            Self::Any => "a value that JSON can hold",
            Self::List { .. } => "an array",
            Self::Choice(_) | Self::Text { .. } => "a string",
            Self::Boolean => "a boolean (true or false)",
            Self::Integer(_) => "an integer",
            Self::Number(_) => "a number",
        }
    }

    /// A value of this shape for one that is wrong or missing; nobody ever sees it.
    pub fn stand_in(&self) -> Value {
        fn required(fields: &[Field]) -> Map<String, Value> {
            let required = fields.iter().filter(|f| f.required);
            required.map(|f| (f.name.clone(), f.shape.stand_in())).collect()
        }
        match self {
            Self::Table(fields) => Value::Object(required(fields)),
            Self::Tagged(variants) => {
                let mut values = Map::new();
                if let Some(first) = variants.first() {
                    values.insert("kind".into(), Value::String(first.name.clone()));
                    values.extend(required(&first.fields));
                }
                Value::Object(values)
            }
            Self::Map(_) => Value::Object(Map::new()),
            Self::Any => Value::Null,
            Self::List { .. } => Value::Array(Vec::new()),
            Self::Choice(choices) => {
                Value::String(choices.first().map(|c| c.name.clone()).unwrap_or_default())
            }
            Self::Text { .. } => Value::String(String::new()),
            Self::Boolean => Value::Bool(false),
            Self::Integer(_) => Value::from(1),
            Self::Number(_) => Value::from(0.5),
        }
    }
}

/// The shape of a whole configuration.
pub(crate) fn root() -> &'static [Field] {
    static ROOT: LazyLock<Vec<Field>> = LazyLock::new(|| {
        let schema = schemars::schema_for!(Config).to_value();
        let defs = schema.get("$defs").and_then(Value::as_object).cloned().unwrap_or_default();
        let object = schema.as_object().cloned().unwrap_or_default();
        fields(&object, &defs)
    });
    &ROOT
}

type Defs = Map<String, Value>;

fn fields(object: &Map<String, Value>, defs: &Defs) -> Vec<Field> {
    let required = |name: &str| list(object, "required").iter().any(|r| r.as_str() == Some(name));
    object
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, property)| {
            let (node, nullable) = without_null(property);
            let required = required(name);
            let default = property.get("default").cloned();
            Field {
                name: name.clone(),
                shape: shape(&resolve(&node, defs), defs),
                doc: text(property, "description"),
                required,
                default: default.or((nullable && !required).then_some(Value::Null)),
            }
        })
        .collect()
}

fn shape(node: &Value, defs: &Defs) -> Shape {
    if let Some(variants) = node.get("oneOf").and_then(Value::as_array) {
        return if variants.iter().any(|v| v.get("properties").is_some()) {
            Shape::Tagged(variants.iter().map(|v| variant(&resolve(v, defs), defs)).collect())
        } else {
            Shape::Choice(variants.iter().flat_map(choices).collect())
        };
    }
    if node.get("enum").is_some() {
        return Shape::Choice(choices(node));
    }
    let min = |key: &str| node.get(key).and_then(Value::as_u64).unwrap_or(0) as usize;
    match node.get("type").and_then(Value::as_str) {
        Some("object") => match node.get("additionalProperties") {
            Some(Value::Bool(true)) => Shape::Map(Box::new(Shape::Any)),
            Some(item @ Value::Object(_)) => {
                Shape::Map(Box::new(shape(&resolve(item, defs), defs)))
            }
            _ => Shape::Table(node.as_object().map(|o| fields(o, defs)).unwrap_or_default()),
        },
        Some("array") => {
            let item = node.get("items").cloned().unwrap_or(Value::Null);
            Shape::List {
                item: Box::new(shape(&resolve(&item, defs), defs)),
                min: min("minItems"),
                unique: node.get("uniqueItems") == Some(&Value::Bool(true)),
            }
        }
        Some("string") => Shape::Text { min: min("minLength") },
        Some("boolean") => Shape::Boolean,
        Some("integer") => Shape::Integer(bounds(node)),
        Some("number") => Shape::Number(bounds(node)),
        // Every type of the schema is one of the above; a test holds it.
        other => {
            unreachable!("the schema has a form that the walk does not know: {other:?} in {node}")
        }
    }
}

fn variant(node: &Value, defs: &Defs) -> Variant {
    let object = node.as_object().cloned().unwrap_or_default();
    let kind = node.pointer("/properties/kind/const").and_then(Value::as_str).unwrap_or_default();
    let mut fields = fields(&object, defs);
    fields.retain(|f| f.name != "kind");
    Variant { name: kind.to_owned(), doc: text(node, "description"), fields }
}

fn choices(node: &Value) -> Vec<Choice> {
    let doc = if node.get("const").is_some() { text(node, "description") } else { String::new() };
    node.get("const")
        .into_iter()
        .chain(node.get("enum").and_then(Value::as_array).into_iter().flatten())
        .filter_map(Value::as_str)
        .map(|name| Choice { name: name.to_owned(), doc: doc.clone() })
        .collect()
}

fn bounds(node: &Value) -> Bounds {
    let number = |key: &str| node.get(key).and_then(Value::as_f64);
    let width = match node.get("format").and_then(Value::as_str) {
        Some("uint32") => Some(f64::from(u32::MAX)),
        Some("uint8") => Some(f64::from(u8::MAX)),
        Some("uint16") => Some(f64::from(u16::MAX)),
        _ => None,
    };
    Bounds {
        min: number("minimum"),
        max: number("maximum").or(width),
        above: number("exclusiveMinimum"),
        below: number("exclusiveMaximum"),
    }
}

/// An optional value's own schema, and whether it was optional.
fn without_null(node: &Value) -> (Value, bool) {
    let mut node = node.clone();
    if let Some(types) = node.get("type").and_then(Value::as_array) {
        let nullable = types.iter().any(|t| t == "null");
        let first = types.iter().find(|t| *t != "null").cloned();
        if let (Some(first), Some(object)) = (first, node.as_object_mut()) {
            object.insert("type".into(), first);
        }
        return (node, nullable);
    }
    if let Some(options) = node.get("anyOf").and_then(Value::as_array)
        && let Some(first) = options.iter().find(|o| o.get("type") != Some(&Value::from("null")))
    {
        return (first.clone(), true);
    }
    (node, false)
}

fn resolve(node: &Value, defs: &Defs) -> Value {
    node.get("$ref")
        .and_then(Value::as_str)
        .and_then(|r| defs.get(r.trim_start_matches("#/$defs/")))
        .unwrap_or(node)
        .clone()
}

fn list<'a>(object: &'a Map<String, Value>, key: &str) -> &'a [Value] {
    object.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn text(node: &Value, key: &str) -> String {
    node.get(key).and_then(Value::as_str).unwrap_or_default().replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every default must pass the walk's own rules, since defaults are never walked.
    fn check(shape: &Shape, value: &Value, path: &str) {
        match (shape, value) {
            (Shape::Table(fields), Value::Object(map)) => {
                for field in fields {
                    match map.get(&field.name) {
                        Some(Value::Null) => assert_eq!(field.default, Some(Value::Null), "{path}"),
                        Some(v) => check(&field.shape, v, &format!("{path}.{}", field.name)),
                        None => panic!("{path}.{} has no default", field.name),
                    }
                }
            }
            (Shape::Tagged(variants), Value::Object(map)) => {
                assert!(variants.iter().any(|v| map["kind"] == v.name), "{path}");
            }
            (Shape::List { item, min, .. }, Value::Array(items)) => {
                assert!(items.len() >= *min, "{path}");
                for i in items {
                    check(item, i, path);
                }
            }
            (Shape::Map(item), Value::Object(map)) => {
                for (key, v) in map {
                    check(item, v, &format!("{path}.{key}"));
                }
            }
            (Shape::Choice(choices), Value::String(s)) => {
                assert!(choices.iter().any(|c| c.name == *s), "{path}");
            }
            (Shape::Text { min }, Value::String(s)) => assert!(s.len() >= *min, "{path}"),
            (Shape::Boolean, Value::Bool(_)) => {}
            (Shape::Integer(b) | Shape::Number(b), Value::Number(n)) => {
                assert!(b.hold(n.as_f64().unwrap()), "{path} = {n}");
            }
            (shape, value) => panic!("{path}: {shape:?} against {value}"),
        }
    }

    #[test]
    fn every_default_keeps_its_own_limits() {
        let mut seen = 0;
        for field in root() {
            if let Some(default) = &field.default {
                check(&field.shape, default, &field.name);
                seen += 1;
            }
        }
        assert_eq!(seen, 11, "sections with defaults");
    }

    #[test]
    fn every_key_has_a_text() {
        fn walk(fields: &[Field], path: &str) {
            for field in fields {
                assert!(!field.doc.is_empty(), "{path}.{} has no text", field.name);
                match &field.shape {
                    Shape::Table(fields) => walk(fields, &field.name),
                    Shape::Tagged(variants) => {
                        for v in variants {
                            walk(&v.fields, &v.name);
                        }
                    }
                    _ => {}
                }
            }
        }
        walk(root(), "");
    }
}
