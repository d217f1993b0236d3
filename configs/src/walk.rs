//! One walk over everything that the layers say, against the schema. It finds every unknown key, wrong type,
//! wrong word, value out of range and missing key, and builds the values that are right; what is wrong is left out
//! or stood in for, so that the checks behind can still look at the rest.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use crate::problem::{ErrorKind, Problem};
use crate::shape::{Bounds, Choice, Field, Shape, Variant};
use crate::source::Place;
use crate::suggest;
use crate::tree::{Node, Tree};

/// The keys of a table in a tree.
type Entries = BTreeMap<String, Tree>;

/// What a walk found.
#[derive(Debug, Default)]
pub(crate) struct Walked {
    /// The values, complete as far as keys without defaults go.
    pub values: Value,
    pub problems: Vec<Problem>,
    /// Paths whose value in `values` is not what the reader wrote.
    pub stand_ins: BTreeSet<String>,
    /// Where each path was said, key and value.
    pub places: BTreeMap<String, Place>,
}

/// The keys that a table may have.
#[derive(Clone, Copy)]
struct Keys<'a> {
    fields: &'a [Field],
    /// The other kinds that the table could be of, where it is tagged.
    kinds: &'a [Variant],
}

/// Walks the whole tree.
pub(crate) fn walk(fields: &[Field], tree: &Tree) -> Walked {
    let mut walk = Walked::default();
    let empty = Entries::new();
    let entries = match &tree.node {
        Node::Table(entries) => entries,
        _ => &empty,
    };
    walk.values = Value::Object(walk.table(Keys { fields, kinds: &[] }, entries, tree, ""));
    walk
}

impl Walked {
    fn table(
        &mut self,
        keys: Keys<'_>,
        entries: &Entries,
        at: &Tree,
        path: &str,
    ) -> Map<String, Value> {
        let fields = keys.fields;
        let mut values = Map::new();
        for (name, tree) in entries {
            if !fields.iter().any(|f| f.name == *name) {
                self.unknown(keys, name, tree, path);
            }
        }
        for field in fields {
            let key = join(path, &field.name);
            if let Some(tree) = entries.get(&field.name) {
                if let Some(value) = self.value(&field.shape, tree, &key) {
                    values.insert(field.name.clone(), value);
                    continue;
                }
                self.stand_ins.insert(key.clone());
            } else if field.required {
                self.missing(field, at, &key);
                self.stand_ins.insert(key.clone());
            }
            if field.required {
                values.insert(field.name.clone(), field.shape.stand_in());
            }
        }
        values
    }

    /// The value as the schema wants it; `None`, with a problem, where it is not.
    fn value(&mut self, shape: &Shape, tree: &Tree, path: &str) -> Option<Value> {
        self.places.insert(path.to_owned(), tree.place.clone());
        match (shape, &tree.node) {
            (Shape::Table(fields), Node::Table(entries)) => {
                Some(Value::Object(self.table(Keys { fields, kinds: &[] }, entries, tree, path)))
            }
            (Shape::Tagged(variants), Node::Table(entries)) => {
                self.tagged(variants, entries, tree, path)
            }
            (Shape::Map(item), Node::Table(entries)) => {
                Some(Value::Object(self.map(item, entries, path)))
            }
            (Shape::Any, node) => self.any(node, tree, path),
            (Shape::List { item, min, unique }, Node::List(items)) => {
                self.list(item, items, tree, path, *min, *unique)
            }
            (Shape::Choice(choices), Node::Text(text)) => self.choice(choices, text, tree, path),
            (Shape::Text { min }, Node::Text(text)) => self.text(text, *min, tree, path),
            // A string was wanted, and what came from outside a file merely looks like something else.
            (Shape::Text { min }, _) if tree.raw.is_some() => {
                let text = tree.raw.clone().unwrap_or_default();
                self.text(&text, *min, tree, path)
            }
            (Shape::Boolean, Node::Boolean(b)) => Some(Value::Bool(*b)),
            (Shape::Integer(bounds), Node::Integer(i)) => self.integer(*bounds, *i, tree, path),
            (Shape::Number(bounds), Node::Number(n)) => self.number(*bounds, *n, tree, path),
            (Shape::Number(bounds), Node::Integer(Some(i))) => {
                self.number(*bounds, *i as f64, tree, path)
            }
            (Shape::Number(bounds), Node::Integer(None)) => {
                self.number(*bounds, f64::INFINITY, tree, path)
            }
            (shape, node) => {
                let message = format!("expected {}, got {}", shape.expected(), node.type_name());
                let mut problem = Problem::new(ErrorKind::WrongType, path, message, &tree.place);
                problem.help = type_help(shape, node, path);
                self.problems.push(problem);
                None
            }
        }
    }

    fn tagged(
        &mut self,
        variants: &[Variant],
        entries: &Entries,
        at: &Tree,
        path: &str,
    ) -> Option<Value> {
        let key = join(path, "kind");
        let names = || variants.iter().map(|v| v.name.as_str());
        let Some(kind) = entries.get("kind") else {
            let message = format!("`{key}` is missing");
            let mut problem = Problem::new(ErrorKind::Missing, &key, message, &at.key);
            problem.help = Some(format!("add `kind = …`: {}", words(names())));
            self.problems.push(problem);
            return None;
        };
        self.places.insert(key.clone(), kind.place.clone());
        let choices: Vec<Choice> =
            variants.iter().map(|v| Choice { name: v.name.clone(), doc: v.doc.clone() }).collect();
        let Some(Value::String(name)) = self.value(&Shape::Choice(choices), kind, &key) else {
            return None;
        };
        let variant = variants.iter().find(|v| v.name == name)?;
        let mut rest = entries.clone();
        rest.remove("kind");
        let mut values = Map::new();
        values.insert("kind".into(), Value::String(name));
        let keys = Keys { fields: &variant.fields, kinds: variants };
        values.extend(self.table(keys, &rest, at, path));
        Some(Value::Object(values))
    }

    /// A table whose keys are the reader's own.
    fn map(&mut self, item: &Shape, entries: &Entries, path: &str) -> Map<String, Value> {
        let mut values = Map::new();
        for (name, tree) in entries {
            let key = join(path, name);
            if let Some(value) = self.value(item, tree, &key) {
                values.insert(name.clone(), value);
            } else {
                self.stand_ins.insert(key);
            }
        }
        values
    }

    /// A value of any type that JSON has too, as deep as it goes.
    fn any(&mut self, node: &Node, tree: &Tree, path: &str) -> Option<Value> {
        match node {
            Node::Text(text) => Some(Value::String(text.clone())),
            Node::Boolean(b) => Some(Value::Bool(*b)),
            Node::Integer(i) => self.integer(Bounds::default(), *i, tree, path),
            Node::Number(n) => self.number(Bounds::default(), *n, tree, path),
            Node::List(items) => self.list(&Shape::Any, items, tree, path, 0, false),
            Node::Table(entries) => Some(Value::Object(self.map(&Shape::Any, entries, path))),
            Node::Datetime => {
                let message = "expected a value that JSON can hold, got a date";
                let problem = Problem::new(ErrorKind::WrongType, path, message, &tree.place);
                self.problems.push(problem.help("put it into quotes"));
                None
            }
        }
    }

    fn list(
        &mut self,
        item: &Shape,
        items: &[Tree],
        at: &Tree,
        path: &str,
        min: usize,
        unique: bool,
    ) -> Option<Value> {
        if items.len() < min {
            let message =
                format!("expected at least {min} element{}, got {}", plural(min), items.len());
            self.problems.push(Problem::new(ErrorKind::OutOfRange, path, message, &at.place));
            return None;
        }
        let mut values = Vec::new();
        for (index, tree) in items.iter().enumerate() {
            let key = format!("{path}[{index}]");
            if let Some(value) = self.value(item, tree, &key) {
                if unique && values.contains(&value) {
                    let message = format!("{value} stands twice in `{path}`");
                    let problem = Problem::new(ErrorKind::OutOfRange, &key, message, &tree.place);
                    self.problems.push(problem.help("leave one of them out"));
                    self.stand_ins.insert(key);
                }
                values.push(value);
            } else {
                self.stand_ins.insert(key);
                values.push(item.stand_in());
            }
        }
        Some(Value::Array(values))
    }

    fn choice(&mut self, choices: &[Choice], text: &str, tree: &Tree, path: &str) -> Option<Value> {
        if choices.iter().any(|c| c.name == text) {
            return Some(Value::String(text.to_owned()));
        }
        let names = || choices.iter().map(|c| c.name.as_str());
        let message = format!(
            "`{}` is none of {}",
            shorten(text),
            words(suggest::nearest_first(text, names()))
        );
        let mut problem = Problem::new(ErrorKind::WrongValue, path, message, &tree.place);
        problem.help = suggest::nearest(text, names()).map(|n| format!("did you mean \"{n}\"?"));
        self.problems.push(problem);
        None
    }

    fn text(&mut self, text: &str, min: usize, tree: &Tree, path: &str) -> Option<Value> {
        if text.chars().count() >= min {
            return Some(Value::String(text.to_owned()));
        }
        let message = "expected a text, got an empty one";
        self.problems.push(Problem::new(ErrorKind::OutOfRange, path, message, &tree.place));
        None
    }

    fn integer(
        &mut self,
        bounds: Bounds,
        value: Option<i64>,
        tree: &Tree,
        path: &str,
    ) -> Option<Value> {
        if let Some(value) = value
            && bounds.hold(value as f64)
        {
            return Some(Value::from(value));
        }
        let given = value.map_or_else(|| "more than 64 bits hold".to_owned(), |v| v.to_string());
        self.out_of_range(bounds, &given, tree, path);
        None
    }

    fn number(&mut self, bounds: Bounds, value: f64, tree: &Tree, path: &str) -> Option<Value> {
        if !value.is_finite() {
            let message = format!("expected a finite number, got {value}");
            self.problems.push(Problem::new(ErrorKind::OutOfRange, path, message, &tree.place));
            return None;
        }
        if bounds.hold(value) {
            return Some(Value::from(value));
        }
        self.out_of_range(bounds, &value.to_string(), tree, path);
        None
    }

    fn out_of_range(&mut self, bounds: Bounds, given: &str, tree: &Tree, path: &str) {
        let expected = bounds.text();
        let expected = if expected.is_empty() { "at most 64 bits".to_owned() } else { expected };
        let message = format!("expected {expected}, got {given}");
        self.problems.push(Problem::new(ErrorKind::OutOfRange, path, message, &tree.place));
    }

    fn unknown(&mut self, keys: Keys<'_>, name: &str, tree: &Tree, path: &str) {
        let Keys { fields, kinds } = keys;
        let key = join(path, name);
        let message = format!("unknown key `{key}`");
        let names = || fields.iter().map(|f| f.name.as_str());
        let elsewhere = suggest::elsewhere(name);
        let kind = kinds.iter().find(|v| v.fields.iter().any(|f| f.name == name));
        let help = if let Some(kind) = kind {
            format!("`{name}` belongs to `kind = \"{}\"`", kind.name)
        } else if let Some(near) = suggest::nearest(name, names()) {
            format!("did you mean `{}`?", join(path, near))
        } else if fields.is_empty() {
            "no key but `kind` is valid here".to_owned()
        } else if elsewhere.is_empty() {
            format!(
                "valid keys here, the nearest first: {}",
                words(suggest::nearest_first(name, names()))
            )
        } else {
            format!("the key is at {}", words(elsewhere.iter().map(String::as_str)))
        };
        self.problems
            .push(Problem::new(ErrorKind::UnknownKey, &key, message, &tree.key).help(help));
    }

    fn missing(&mut self, field: &Field, at: &Tree, key: &str) {
        let mut problem =
            Problem::new(ErrorKind::Missing, key, format!("`{key}` is missing"), &at.key);
        // The root has no place of its own.
        if at.key.span.is_empty() {
            problem.places.clear();
        }
        let inner = match &field.shape {
            Shape::Table(fields) => fields.iter().filter(|f| f.required).collect(),
            _ => Vec::new(),
        };
        let mut help = format!("add it: {}", field.doc);
        if !inner.is_empty() {
            let names = words(inner.iter().map(|f| f.name.as_str()));
            help = format!("add the section `[{key}]` with at least {names}");
        }
        problem.help = Some(help);
        self.problems.push(problem);
    }
}

fn type_help(shape: &Shape, node: &Node, path: &str) -> Option<String> {
    match (shape, node) {
        (Shape::Integer(_), Node::Number(n)) if n.fract() == 0.0 && n.abs() < 1e15 => {
            Some(format!("write {n} without the point"))
        }
        (Shape::Integer(_) | Shape::Number(_) | Shape::Boolean, Node::Text(text))
            if text.parse::<f64>().is_ok() || text == "true" || text == "false" =>
        {
            Some(format!("write {text} without quotes"))
        }
        (Shape::Text { .. } | Shape::Choice(_), _) => Some("put it into quotes".to_owned()),
        (Shape::List { item, .. }, Node::Table(_)) if matches!(**item, Shape::Tagged(_)) => {
            Some(format!("write `[[{path}]]` with double brackets above each of them"))
        }
        (Shape::List { .. }, _) => Some("put it into [brackets]".to_owned()),
        (Shape::Tagged(variants), Node::Text(_)) => {
            let names = words(variants.iter().map(|v| v.name.as_str()));
            Some(format!("write {{ kind = … }}: {names}"))
        }
        _ => None,
    }
}

/// Words in a row, each in backticks.
fn words<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(|w| format!("`{w}`")).collect::<Vec<_>>().join(", ")
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { shorten(name) } else { format!("{path}.{}", shorten(name)) }
}

/// The start of a text that may be of any length.
fn shorten(text: &str) -> String {
    const LONGEST: usize = 60;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST).chain(['…']).collect()
}

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}
