//! A configuration with the origin of every value.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::schema::Config;
use crate::source::{Origin, Place, Sources};

/// A checked configuration and where each of its values comes from.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// The configuration.
    pub config: Config,
    /// The origin of every key that some layer gave, by path (`pool.workers[0].name`); what is not here is a default.
    pub origins: BTreeMap<String, Origin>,
}

/// One value of a configuration, for `conductor config show`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The key's path.
    pub key: String,
    /// The value; null for an optional key that is absent.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

impl Row {
    /// The value as a reader sees it: as in TOML, or `absent`.
    pub fn text(&self) -> String {
        if self.value.is_null() { "absent".to_owned() } else { self.value.to_string() }
    }
}

impl Resolved {
    pub(crate) fn new(config: Config, places: &BTreeMap<String, Place>, sources: &Sources) -> Self {
        let origins = places.iter().map(|(k, place)| (k.clone(), sources.origin(place))).collect();
        Self { config, origins }
    }

    /// Every value with its origin, in the order of the schema.
    pub fn table(&self) -> Vec<Row> {
        // Only a path that is not Unicode cannot be written as JSON, and no layer can hold one.
        let values = serde_json::to_value(&self.config).unwrap_or_default();
        let mut rows = Vec::new();
        self.rows(String::new(), values, &mut rows);
        rows
    }

    /// The whole configuration, defaults included, as TOML that loads back to the same one.
    ///
    /// # Panics
    /// Where `config` was changed by hand to something that no file can hold: an integer above 2^63 − 1,
    /// or a path that is not Unicode.
    pub fn to_toml(&self) -> String {
        let body = toml::to_string(&self.config).expect("a configuration is plain data");
        format!("# Every value of a run, defaults included.\n{body}")
    }

    fn rows(&self, key: String, value: Value, rows: &mut Vec<Row>) {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (name, inner) in map {
                    let path = if key.is_empty() { name } else { format!("{key}.{name}") };
                    self.rows(path, inner, rows);
                }
            }
            Value::Array(items) if items.iter().any(Value::is_object) => {
                for (index, inner) in items.into_iter().enumerate() {
                    self.rows(format!("{key}[{index}]"), inner, rows);
                }
            }
            value => {
                let origin = self.origins.get(&key).cloned().unwrap_or(Origin::Default);
                rows.push(Row { key, value, origin });
            }
        }
    }
}
