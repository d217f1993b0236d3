//! Which values may differ between the start of a run and its resume.

use std::collections::BTreeMap;
use std::fmt;

/// Where a run is stored, how it is watched, and how its work is cut to fit the machine.
const FREE: [&str; 9] = [
    "run.name",
    "run.dir",
    "run.threads",
    "pool.store",
    "tasks.cache",
    "sampling.batch_size",
    "train.micro_batch_tokens",
    "policy.recompute_activations",
    "sandbox.parallel",
];
/// How a live worker is reached, within `pool.workers[n]`.
const FREE_OF_WORKERS: [&str; 15] = [
    "base_url",
    "api_key_env",
    "api_key_file",
    "concurrency",
    "wait",
    "context_tokens",
    "image_tokens",
    "requests_per_minute",
    "tokens_per_minute",
    "attempts",
    "deadline_secs",
    "connect_timeout_secs",
    "first_byte_timeout_secs",
    "idle_timeout_secs",
    "timeout_secs",
];

/// A value that differs between two resolved configurations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigChange {
    /// The key's path, for example `pool.workers[1].model`.
    pub key: String,
    /// The stored value as TOML; `None` where it was not set.
    pub stored: Option<String>,
    /// The value now; `None` where it is not set.
    pub given: Option<String>,
    /// Whether a run that goes on with the new value ends differently from one that never stopped.
    pub alters_result: bool,
}

impl fmt::Display for ConfigChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = |v: &Option<String>| v.clone().unwrap_or_else(|| "not set".into());
        write!(f, "{} was {}, is {}", self.key, value(&self.stored), value(&self.given))
    }
}

/// Everything that differs between two resolved configurations in TOML, by key. The error says which text is no TOML.
pub fn config_changes(stored: &str, given: &str) -> Result<Vec<ConfigChange>, String> {
    let stored = leaves(stored).map_err(|e| format!("the stored configuration is no TOML: {e}"))?;
    let given = leaves(given).map_err(|e| format!("the new configuration is no TOML: {e}"))?;
    let keys: std::collections::BTreeSet<&String> = stored.keys().chain(given.keys()).collect();
    let changes = keys
        .into_iter()
        .filter(|&key| stored.get(key) != given.get(key))
        .map(|key| ConfigChange {
            key: key.clone(),
            stored: stored.get(key).cloned(),
            given: given.get(key).cloned(),
            alters_result: alters_result(key, &given),
        })
        .collect();
    Ok(changes)
}

fn alters_result(key: &str, given: &BTreeMap<String, String>) -> bool {
    if key == "train.steps" {
        // The number of steps shapes the learning rate of every step, unless the rate is constant throughout.
        let constant = given.get("train.optimizer.schedule").is_some_and(|v| v == "\"constant\"");
        let no_warmup = given
            .get("train.optimizer.warmup_share")
            .is_some_and(|v| v.parse::<f64>().is_ok_and(|share| share == 0.0));
        return !(constant && no_warmup);
    }
    let free = FREE.contains(&key)
        || key.starts_with("checkpoint.")
        || key.starts_with("eval.")
        || key.starts_with("budget.")
        || key.starts_with("rollout.")
        || key
            .strip_prefix("pool.workers[")
            .or_else(|| key.strip_prefix("pool.unlisted["))
            .and_then(|rest| rest.split_once("]."))
            .is_some_and(|(_, field)| FREE_OF_WORKERS.contains(&field));
    !free
}

/// Every value that is no table, by path; arrays of tables are numbered, other arrays are one value.
fn leaves(text: &str) -> Result<BTreeMap<String, String>, toml::de::Error> {
    fn walk(path: String, value: &toml::Value, leaves: &mut BTreeMap<String, String>) {
        match value {
            toml::Value::Table(table) => {
                for (key, value) in table {
                    let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                    walk(path, value, leaves);
                }
            }
            toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {
                for (index, item) in items.iter().enumerate() {
                    walk(format!("{path}[{index}]"), item, leaves);
                }
            }
            value => {
                leaves.insert(path, value.to_string());
            }
        }
    }
    let table: toml::Table = text.parse()?;
    let mut found = BTreeMap::new();
    walk(String::new(), &toml::Value::Table(table), &mut found);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: &str = r#"
        [run]
        name = "a"
        seed = 1
        [train]
        steps = 10
        group_size = 8
        [train.optimizer]
        schedule = "cosine"
        warmup_share = 0.03
        [[pool.workers]]
        name = "w"
        kind = "openai"
        model = "m"
        timeout_secs = 5.0
    "#;

    fn changed(from: &str, to: &str) -> Vec<(String, bool)> {
        config_changes(BASE, &BASE.replace(from, to))
            .unwrap()
            .into_iter()
            .map(|change| (change.key, change.alters_result))
            .collect()
    }

    #[test]
    fn equal_values_in_another_layout_are_no_change() {
        let inline = r#"
            train = { group_size = 8, steps = 10, optimizer = { warmup_share = 0.03, schedule = "cosine" } }
            run = { seed = 1, name = "a" }
            pool.workers = [{ kind = "openai", name = "w", timeout_secs = 5.0, model = "m" }]
        "#;
        assert_eq!(config_changes(BASE, inline).unwrap(), []);
    }

    #[test]
    fn what_changes_the_result_is_told_from_what_does_not() {
        assert_eq!(changed("seed = 1", "seed = 2"), [("run.seed".into(), true)]);
        assert_eq!(
            changed("model = \"m\"", "model = \"n\""),
            [("pool.workers[0].model".into(), true)]
        );
        assert_eq!(
            changed("timeout_secs = 5.0", "timeout_secs = 9.0"),
            [("pool.workers[0].timeout_secs".into(), false)]
        );
        assert_eq!(
            changed("name = \"a\"", "threads = 2"),
            [("run.name".into(), false), ("run.threads".into(), false)]
        );
    }

    #[test]
    fn more_steps_are_free_only_under_a_constant_rate() {
        assert_eq!(changed("steps = 10", "steps = 20"), [("train.steps".into(), true)]);
        let constant = BASE.replace("\"cosine\"", "\"constant\"").replace("0.03", "0.0");
        let longer = constant.replace("steps = 10", "steps = 20");
        let changes = config_changes(&constant, &longer).unwrap();
        assert_eq!(changes.len(), 1);
        assert!(!changes[0].alters_result);
        assert_eq!(changes[0].to_string(), "train.steps was 10, is 20");
    }

    #[test]
    fn an_added_value_says_that_it_was_not_set() {
        let changes = config_changes(BASE, &format!("{BASE}\nprefix = \"x\"")).unwrap();
        assert_eq!(changes[0].to_string(), "pool.workers[0].prefix was not set, is \"x\"");
    }
}
