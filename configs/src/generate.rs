//! What is made from the schema for editors and readers; both are committed, and a test holds them to the code.

use std::fmt::Write as _;

use serde_json::Value;

use crate::schema::Config;
use crate::shape::{Choice, Field, Shape, root};

/// The JSON schema of a run's file, for editors (`configs/schema.json`).
pub fn schema_json() -> String {
    let mut schema = schemars::schema_for!(Config);
    schema.insert("title".into(), "Configuration of a Conductor run".into());
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let preset = serde_json::json!({
            "description": "A preset's name, or the path of a file to be used as one; this file is laid over it.",
            "type": "string",
        });
        properties.insert("preset".into(), preset);
    }
    // A file laid over a preset may leave out what the preset says; only the whole must be complete.
    schema.remove("required");
    for name in ["Tasks", "Pool", "Policy"] {
        if let Some(section) =
            schema.pointer_mut(&format!("/$defs/{name}")).and_then(Value::as_object_mut)
        {
            section.remove("required");
        }
    }
    format!("{:#}\n", schema.to_value())
}

/// Every key with its type, default and text, as Markdown (`docs/configuration.md`).
pub fn reference() -> String {
    let mut text = String::from(include_str!("reference_head.md"));
    for field in root() {
        let _ = write!(text, "\n## `[{}]`\n\n{}\n", field.name, field.doc);
        match &field.shape {
            Shape::Table(fields) => table(&mut text, fields, &field.name),
            _ => row_of(&mut text, field, &field.name),
        }
    }
    text
}

fn table(text: &mut String, fields: &[Field], path: &str) {
    text.push_str("\n| key | type | default | |\n|---|---|---|---|\n");
    let mut inner: Vec<(&Field, String)> = Vec::new();
    for field in fields {
        let key = format!("{path}.{}", field.name);
        row_of(text, field, &key);
        if !matches!(leaf(&field.shape), Leaf::Plain) {
            inner.push((field, key));
        }
    }
    for (field, key) in inner {
        section(text, field, &key);
    }
}

/// What stands below a table: the keys of a nested table, the kinds of a tagged one.
fn section(text: &mut String, field: &Field, key: &str) {
    match leaf(&field.shape) {
        Leaf::Plain => {}
        Leaf::Table(fields, many) => {
            let (open, close) = brackets(many);
            let _ = write!(text, "\n### `{open}{key}{close}`\n\n{}\n", field.doc);
            table(text, fields, key);
        }
        Leaf::Tagged(variants, many) => {
            let (open, close) = brackets(many);
            for variant in variants {
                let _ = write!(
                    text,
                    "\n### `{open}{key}{close}` with `kind = \"{}\"`\n\n{}\n",
                    variant.name, variant.doc
                );
                if !variant.fields.is_empty() {
                    table(text, &variant.fields, key);
                }
            }
        }
    }
}

fn brackets(many: bool) -> (&'static str, &'static str) {
    if many { ("[[", "]]") } else { ("[", "]") }
}

/// What a key holds; with whether it holds many of it.
enum Leaf<'a> {
    Plain,
    Table(&'a [Field], bool),
    Tagged(&'a [crate::shape::Variant], bool),
}

fn leaf(shape: &Shape) -> Leaf<'_> {
    match shape {
        Shape::Table(fields) => Leaf::Table(fields, false),
        Shape::Tagged(variants) => Leaf::Tagged(variants, false),
        Shape::List { item, .. } => match leaf(item) {
            Leaf::Table(fields, _) => Leaf::Table(fields, true),
            Leaf::Tagged(variants, _) => Leaf::Tagged(variants, true),
            Leaf::Plain => Leaf::Plain,
        },
        _ => Leaf::Plain,
    }
}

fn row_of(text: &mut String, field: &Field, key: &str) {
    let default = match (&field.default, field.required, &field.shape) {
        (_, true, _) => "**required**".to_owned(),
        (_, _, Shape::Table(_)) => "see below".to_owned(),
        (Some(Value::Null) | None, ..) => "absent".to_owned(),
        (Some(Value::Object(map)), ..) if map.is_empty() => "`{}`".to_owned(),
        (Some(Value::Object(map)), ..) => {
            let inner: Vec<String> = map.iter().map(|(k, v)| format!("{k} = {v}")).collect();
            format!("`{{ {} }}`", inner.join(", "))
        }
        (Some(value), ..) => format!("`{value}`"),
    };
    let mut doc = field.doc.clone();
    if let Some(choices) = choices(&field.shape) {
        for choice in choices.iter().filter(|c| !c.doc.is_empty()) {
            let _ = write!(doc, "<br>`{}`: {}", choice.name, choice.doc);
        }
    }
    let name = type_of(&field.shape);
    let _ = writeln!(text, "| `{key}` | {name} | {default} | {} |", doc.replace('|', "\\|"));
}

fn choices(shape: &Shape) -> Option<&[Choice]> {
    match shape {
        Shape::Choice(choices) => Some(choices),
        Shape::List { item, .. } => choices(item),
        _ => None,
    }
}

fn type_of(shape: &Shape) -> String {
    let limited = |name: &str, bounds: &crate::shape::Bounds| {
        let text = bounds.without_width().text();
        if text.is_empty() { name.to_owned() } else { format!("{name}, {text}") }
    };
    match shape {
        Shape::Table(_) => "table".to_owned(),
        Shape::Tagged(variants) => {
            let kinds: Vec<String> = variants.iter().map(|v| format!("`{}`", v.name)).collect();
            format!("table with `kind` {}", kinds.join(", "))
        }
        Shape::Map(item) => format!("table of: {}", type_of(item)),
        Shape::Any => "anything but dates".to_owned(),
        Shape::List { item, .. } => format!("array of: {}", type_of(item)),
        Shape::Choice(choices) => {
            let names: Vec<String> = choices.iter().map(|c| format!("`\"{}\"`", c.name)).collect();
            names.join(", ")
        }
        Shape::Text { .. } => "string".to_owned(),
        Shape::Boolean => "boolean".to_owned(),
        Shape::Integer(bounds) => limited("integer", bounds),
        Shape::Number(bounds) => limited("number", bounds),
    }
}
