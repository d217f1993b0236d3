//! TOML with a place behind every value, and the laying of one layer over another.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::keys;
use crate::source::Place;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct Tree {
    pub node: Node,
    /// Where the value stands.
    pub place: Place,
    /// Where its key stands; the value's own place for elements of lists.
    pub key: Place,
    /// The text of an environment variable or `--set`, where a string was wanted after all.
    pub raw: Option<String>,
}

/// A TOML value.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Text(String),
    /// `None` where it does not fit into 64 bits.
    Integer(Option<i64>),
    Number(f64),
    Boolean(bool),
    Datetime,
    List(Vec<Tree>),
    Table(BTreeMap<String, Tree>),
}

impl Node {
    /// The name of its type, as TOML calls it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Text(_) => "a string",
            Self::Integer(_) => "an integer",
            Self::Number(_) => "a float",
            Self::Boolean(_) => "a boolean",
            Self::Datetime => "a date",
            Self::List(_) => "an array",
            Self::Table(_) => "a table",
        }
    }
}

/// What a TOML parser complains about.
#[derive(Debug)]
pub(crate) struct SyntaxError {
    pub message: String,
    pub span: Range<usize>,
}

/// Reads a document. With syntax errors the tree holds what could be recovered.
pub(crate) fn parse_document(source: usize, text: &str) -> (Tree, Vec<SyntaxError>) {
    if let Some(span) = keys::deepest(text) {
        let message = format!("a key of more than {} parts", keys::DEEPEST);
        return (Tree::empty(), vec![SyntaxError { message, span }]);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let errors = errors
        .iter()
        .map(|e| SyntaxError {
            message: e.message().to_owned(),
            span: e.span().unwrap_or(text.len()..text.len()),
        })
        .collect();
    (Tree { node: table_node(source, 0, table.get_ref()), ..Tree::empty() }, errors)
}

/// The value of an environment variable or `--set`: TOML where it is TOML, else a string.
/// `value` starts at `offset` of the source; `key` is where the name stands in it.
pub(crate) fn parse_scalar(source: usize, key: Range<usize>, offset: usize, value: &str) -> Tree {
    let key = Place { source, span: key };
    let whole = Place { source, span: offset..offset + value.len() };
    let raw = Some(value.to_owned());
    let deep = keys::deepest(value).is_some();
    let node = match DeValue::parse(if deep { "" } else { value }) {
        Ok(parsed) => value_node(source, offset, parsed.get_ref()),
        Err(_) => Node::Text(value.to_owned()),
    };
    Tree { node, place: whole, key, raw }
}

impl Tree {
    /// A table without entries that stands nowhere.
    pub fn empty() -> Self {
        let place = Place { source: 0, span: 0..0 };
        Self { node: Node::Table(BTreeMap::new()), key: place.clone(), place, raw: None }
    }
}

/// Puts `leaf` at `path` below `root`, making tables on the way.
pub(crate) fn insert(root: &mut Tree, path: &[String], leaf: Tree) {
    let Some((first, rest)) = path.split_first() else { return };
    if !matches!(root.node, Node::Table(_)) {
        root.node = Node::Table(BTreeMap::new());
    }
    let Node::Table(entries) = &mut root.node else { return };
    if rest.is_empty() {
        entries.insert(first.clone(), leaf);
        return;
    }
    let child = entries.entry(first.clone()).or_insert_with(|| Tree {
        node: Node::Table(BTreeMap::new()),
        place: leaf.key.clone(),
        key: leaf.key.clone(),
        raw: None,
    });
    insert(child, rest, leaf);
}

/// Lays `over` on `base`. Tables are laid over key by key; everything else, arrays included, is replaced whole,
/// and so is a table whose `kind` changes, since the keys of the one kind mean nothing to the other.
pub(crate) fn merge(base: &mut Tree, over: Tree) {
    let Tree { node, place, key, raw } = over;
    match (&mut base.node, node) {
        (Node::Table(below), Node::Table(above)) if !changes_kind(below, &above) => {
            for (name, value) in above {
                match below.entry(name) {
                    std::collections::btree_map::Entry::Vacant(slot) => {
                        slot.insert(value);
                    }
                    std::collections::btree_map::Entry::Occupied(mut slot) => {
                        merge(slot.get_mut(), value);
                    }
                }
            }
            base.place = place;
            base.key = key;
        }
        (slot, node) => {
            *slot = node;
            base.place = place;
            base.key = key;
            base.raw = raw;
        }
    }
}

fn changes_kind(below: &BTreeMap<String, Tree>, above: &BTreeMap<String, Tree>) -> bool {
    let kind = |entries: &BTreeMap<String, Tree>| match entries.get("kind").map(|t| &t.node) {
        Some(Node::Text(kind)) => Some(kind.clone()),
        _ => None,
    };
    matches!((kind(below), kind(above)), (Some(a), Some(b)) if a != b)
}

fn table_node(source: usize, offset: usize, table: &DeTable<'_>) -> Node {
    Node::Table(
        table
            .iter()
            .map(|(key, value)| {
                let mut tree = tree_of(source, offset, value);
                tree.key = place_at(source, offset, key.span());
                (key.get_ref().to_string(), tree)
            })
            .collect(),
    )
}

fn tree_of(source: usize, offset: usize, value: &Spanned<DeValue<'_>>) -> Tree {
    let place = place_at(source, offset, value.span());
    Tree { node: value_node(source, offset, value.get_ref()), key: place.clone(), place, raw: None }
}

fn value_node(source: usize, offset: usize, value: &DeValue<'_>) -> Node {
    match value {
        DeValue::String(text) => Node::Text(text.to_string()),
        DeValue::Integer(i) => Node::Integer(i64::from_str_radix(i.as_str(), i.radix()).ok()),
        // What does not parse is too large; infinity is caught where finite numbers are asked for.
        DeValue::Float(f) => Node::Number(f.as_str().parse().unwrap_or(f64::INFINITY)),
        DeValue::Boolean(b) => Node::Boolean(*b),
        DeValue::Datetime(_) => Node::Datetime,
        DeValue::Array(items) => {
            Node::List(items.iter().map(|item| tree_of(source, offset, item)).collect())
        }
        DeValue::Table(table) => table_node(source, offset, table),
    }
}

fn place_at(source: usize, offset: usize, span: Range<usize>) -> Place {
    Place { source, span: offset + span.start..offset + span.end }
}
