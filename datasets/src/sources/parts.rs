//! What content parts must be, so that a worker is not paid for a request that its endpoint refuses.

use conductor_types::Part;
use serde_json::Value;

use crate::error::excerpt;

/// What is wrong with the parts of a question: what was expected, and what was given.
pub(super) fn fault(parts: &[Part]) -> Option<(String, String)> {
    if parts.is_empty() {
        return None;
    }
    for (number, Part(part)) in parts.iter().enumerate() {
        let kind = part.get("type").and_then(Value::as_str).map(str::trim);
        let shown = || excerpt(&part.to_string());
        match kind {
            None | Some("") => {
                let expected = format!("an object with a `type` that is text as `parts[{number}]`");
                return Some((expected, shown()));
            }
            Some("text") if !part.get("text").is_some_and(Value::is_string) => {
                return Some((format!("a `text` that is text in `parts[{number}]`"), shown()));
            }
            Some(_) => {}
        }
    }
    let says_something = |part: &Part| part.text().is_none_or(|text| !text.trim().is_empty());
    if !parts.iter().any(says_something) {
        let expected = "`parts` of which at least one is not empty".to_owned();
        return Some((expected, "empty texts only".into()));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Option<(String, String)> {
        fault(&serde_json::from_str::<Vec<Part>>(json).expect("JSON"))
    }

    #[test]
    fn parts_that_an_endpoint_takes() {
        for good in [
            "[]",
            r#"[{"type": "text", "text": "How many?"}]"#,
            r#"[{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}}]"#,
            r#"[{"type": "text", "text": " "}, {"type": "input_audio", "input_audio": {}}]"#,
        ] {
            assert_eq!(of(good), None, "{good}");
        }
    }

    #[test]
    fn parts_that_are_none_are_named_with_their_place() {
        for (bad, expected, given) in [
            ("[3]", "`type` that is text as `parts[0]`", "3"),
            (r#"[{"type": "text", "text": "a"}, {}]"#, "`parts[1]`", "{}"),
            (r#"[{"type": 7}]"#, "`parts[0]`", "7"),
            (r#"[{"type": "text"}]"#, "a `text` that is text in `parts[0]`", "text"),
            (r#"[{"type": "text", "text": null}]"#, "a `text` that is text", "null"),
            (r#"[{"type": "text", "text": " \n"}]"#, "at least one is not empty", "empty texts"),
        ] {
            let (what, found) = of(bad).expect(bad);
            assert!(what.contains(expected) && found.contains(given), "{bad}: {what}; {found}");
        }
    }
}
