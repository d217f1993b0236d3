//! The nearest valid word to a wrong one.

use crate::shape::{Field, Shape, root};

/// Below this likeness (0 to 1) a word is no suggestion.
const ALIKE: f64 = 0.55;

/// The words, the nearest to `given` first.
pub(crate) fn nearest_first<'a>(
    given: &str,
    words: impl IntoIterator<Item = &'a str>,
) -> Vec<&'a str> {
    let mut words: Vec<(f64, &str)> = words.into_iter().map(|w| (likeness(given, w), w)).collect();
    words.sort_by(|a, b| b.0.total_cmp(&a.0));
    words.into_iter().map(|(_, word)| word).collect()
}

/// The nearest word, where one is near enough to be meant.
pub(crate) fn nearest<'a>(
    given: &str,
    words: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    nearest_first(given, words).into_iter().next().filter(|w| likeness(given, w) >= ALIKE)
}

/// Paths of the schema that end with the key `name`, for a key that stands in the wrong table.
pub(crate) fn elsewhere(name: &str) -> Vec<String> {
    fn collect(fields: &[Field], prefix: &str, name: &str, found: &mut Vec<String>) {
        for field in fields {
            let path = if prefix.is_empty() {
                field.name.clone()
            } else {
                format!("{prefix}.{}", field.name)
            };
            if field.name == name {
                found.push(path.clone());
            }
            if let Shape::Table(inner) = &field.shape {
                collect(inner, &path, name, found);
            }
        }
    }
    let mut found = Vec::new();
    collect(root(), "", name, &mut found);
    found
}

fn likeness(a: &str, b: &str) -> f64 {
    // Long texts are no typing errors, and the distance takes time in the product of both lengths.
    if a.len() > 200 {
        return 0.0;
    }
    let (a, b) = (a.to_lowercase().replace('-', "_"), b.to_lowercase());
    let typed = strsim::normalized_damerau_levenshtein(&a, &b);
    // "temp" for "temperature", "workers" for "max_workers".
    let part = a.len() >= 3 && (b.contains(&a) || a.contains(&b));
    if part { typed.max(0.6) } else { typed }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_find_their_word() {
        let words = ["group_size", "steps", "temperature"];
        assert_eq!(nearest("groupsize", words), Some("group_size"));
        assert_eq!(nearest("step", words), Some("steps"));
        assert_eq!(nearest("temp", words), Some("temperature"));
        assert_eq!(nearest("Group-Size", words), Some("group_size"));
        assert_eq!(nearest("zzz", words), None);
        assert_eq!(nearest("", words), None);
    }

    #[test]
    fn a_key_in_the_wrong_table_is_found_elsewhere() {
        assert_eq!(elsewhere("lr"), ["warm_start.lr", "train.optimizer.lr"]);
        assert!(elsewhere("nothing").is_empty());
    }
}
