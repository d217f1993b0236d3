//! Questions that are more than text: content parts as OpenAI's chat API takes them.

use conductor_types::Part;
use serde_json::Value;

use crate::error::{DataError, Place, excerpt};

/// The prompt of a task with these parts, which is their text. Parts are handed to workers as they stand, so that what no endpoint
/// takes is found here, before anything is paid.
///
/// Errors: a part is none, no part has text, or the prompt that is given says something else than the parts.
pub fn prompt(place: &Place, prompt: Option<String>, parts: &[Part]) -> Result<String, DataError> {
    let fail = |expected: String, given: String| DataError::Record {
        place: place.clone(),
        expected,
        given,
    };
    if parts.is_empty() {
        let none = || fail("a prompt, or parts with text".into(), "neither".into());
        return prompt.ok_or_else(none);
    }
    for (i, part) in parts.iter().enumerate() {
        if let Err((expected, given)) = known(&part.0) {
            return Err(fail(format!("{expected} in part {}", i + 1), given));
        }
    }
    let texts: Vec<&str> = parts.iter().filter_map(Part::text).collect();
    if texts.iter().all(|text| text.trim().is_empty()) {
        return Err(fail(
            "a part {\"type\": \"text\", \"text\": …} that asks something".into(),
            "parts without text".into(),
        ));
    }
    let Some(prompt) = prompt else { return Ok(texts.join("\n")) };
    // How texts of parts are joined is not said anywhere, so that white space does not count.
    let bare = |texts: &[&str]| -> String {
        texts.iter().flat_map(|text| text.chars()).filter(|c| !c.is_whitespace()).collect()
    };
    if bare(&[&prompt]) != bare(&texts) {
        return Err(fail(
            "a prompt that is the text of the parts (or no prompt: it follows from them)".into(),
            format!("{} beside parts that say {}", excerpt(&prompt), excerpt(&texts.join("\n"))),
        ));
    }
    Ok(prompt)
}

/// What each type of part must have; types that are not known here go through as they are. An error is (expected, given).
fn known(part: &Value) -> Result<(), (String, String)> {
    let Some(kind) = part.get("type").and_then(Value::as_str) else {
        return Err(("an object with a `type`".into(), excerpt(&part.to_string())));
    };
    let needed: &[&str] = match kind {
        "text" => &["/text"],
        "image_url" => &["/image_url/url"],
        "input_audio" => &["/input_audio/data", "/input_audio/format"],
        _ => &[],
    };
    for pointer in needed {
        let field = part.pointer(pointer);
        if field.and_then(Value::as_str).is_none_or(str::is_empty) && *pointer != "/text" {
            let name = pointer.trim_start_matches('/').replace('/', ".");
            let given = field.map_or("none".into(), |value| excerpt(&value.to_string()));
            return Err((format!("`{name}` that is a text which is not empty"), given));
        }
        if *pointer == "/text" && !field.is_some_and(Value::is_string) {
            let given = field.map_or("none".into(), |value| excerpt(&value.to_string()));
            return Err(("`text` that is a text".into(), given));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::error::Position;

    fn of(given: Option<&str>, parts: Value) -> Result<String, String> {
        let parts: Vec<Part> = serde_json::from_value(parts).unwrap();
        let place = Place::new(Path::new("t.jsonl"), Position::Line(1));
        prompt(&place, given.map(Into::into), &parts).map_err(|error| error.to_string())
    }

    fn picture() -> Value {
        json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBOR", "detail": "low"}})
    }

    fn text(text: &str) -> Value {
        json!({"type": "text", "text": text})
    }

    #[test]
    fn a_prompt_follows_from_the_parts_or_agrees_with_them() {
        let parts = json!([text("How many"), picture(), text(" are there?")]);
        assert_eq!(of(None, parts.clone()).unwrap(), "How many\n are there?");
        assert_eq!(of(Some("How many are there?"), parts.clone()).unwrap(), "How many are there?");
        let error = of(Some("How much?"), parts).unwrap_err();
        assert!(
            error.contains("t.jsonl:1") && error.contains("\"How much?\" beside parts"),
            "{error}"
        );
        assert_eq!(of(Some("2+2?"), json!([])).unwrap(), "2+2?");
        assert!(of(None, json!([])).unwrap_err().contains("found neither"));
        assert!(of(None, json!([text("x"), {"type": "file", "file": {}}])).is_ok());
    }

    #[test]
    fn parts_that_no_endpoint_takes_are_named() {
        for (parts, words) in [
            (json!([picture()]), "found parts without text"),
            (json!([text(" ")]), "found parts without text"),
            (json!([text("a"), "b"]), "an object with a `type` in part 2, found"),
            (json!([{"text": "a"}]), "an object with a `type` in part 1"),
            (json!([{"type": "text"}]), "`text` that is a text in part 1, found none"),
            (
                json!([text("a"), {"type": "image_url", "image_url": "data:"}]),
                "`image_url.url` that is a text which is not empty in part 2, found none",
            ),
            (
                json!([text("a"), {"type": "input_audio", "input_audio": {"data": "x", "format": 3}}]),
                "`input_audio.format`",
            ),
        ] {
            let error = of(None, parts).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
