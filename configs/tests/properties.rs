//! Whatever a file holds, loading ends with a configuration or with errors that can be shown.

use conductor_configs::{ConfigError, ErrorKind, LoadRequest, PRESETS, load, load_str};
use proptest::prelude::*;

fn survives(text: &str) {
    match load_str("run.toml", text) {
        Ok(resolved) => {
            let again = load_str("again.toml", &resolved.to_toml()).expect("a resolved file loads");
            assert_eq!(again.config, resolved.config);
            assert!(!resolved.table().is_empty());
        }
        Err(errors) => {
            assert!(errors.len() > 0);
            assert!(errors.to_string().contains("in the configuration"));
            assert!(!errors.styled().is_empty());
            assert!(errors.iter().all(|e| !e.message.is_empty()));
            // Serde's own words, without a place, would mean that the walk does not know all that serde knows.
            let unplaced =
                |e: &ConfigError| e.kind == ErrorKind::WrongType && e.locations.is_empty();
            assert!(!errors.iter().any(unplaced), "{errors}");
        }
    }
}

/// Pieces of TOML that mean something here, so that random texts come far.
fn piece() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "train",
        "pool",
        "workers",
        "policy",
        "adapter",
        "kind",
        "\"lora\"",
        "\"vote\"",
        "name",
        "model",
        "steps",
        "preset",
        "\"quickstart\"",
        "tasks",
        "sources",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "=",
        ".",
        ",",
        "\n",
        "\r\n",
        " ",
        "\"",
        "'",
        "\"\"\"",
        "#",
        "0",
        "-1",
        "1e999",
        "nan",
        "0x",
        "1979-05-27",
        "true",
        "é",
        "\u{feff}",
        "\0",
        "\t",
        "\\",
        "\\u12",
        "api_key",
        "://",
        "@",
    ]);
    prop_oneof![8 => words.prop_map(str::to_owned), 1 => any::<String>()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 250, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_panics(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn no_nearly_right_text_panics(pieces in prop::collection::vec(piece(), 0..40)) {
        survives(&pieces.concat());
    }

    #[test]
    fn no_cut_or_changed_preset_panics(
        preset in 0..PRESETS.len(), from in 0usize..4000, cut in 0usize..40, put in piece(),
    ) {
        let text = PRESETS[preset].text;
        let floor = |mut i: usize| {
            i = i.min(text.len());
            while !text.is_char_boundary(i) { i -= 1; }
            i
        };
        let (from, to) = (floor(from), floor(from + cut));
        survives(&format!("{}{put}{}", &text[..from], &text[to..]));
    }

    #[test]
    fn no_environment_or_argument_panics(name in "[A-Z_é]{0,12}", value in any::<String>(), set in any::<String>()) {
        let request = LoadRequest {
            preset: Some("quickstart".into()),
            env: vec![(format!("CONDUCTOR__{name}"), value)],
            sets: vec![set],
            ..Default::default()
        };
        if let Err(errors) = load(&request) {
            prop_assert!(!errors.to_string().is_empty());
        }
    }
}

#[test]
fn no_depth_panics() {
    for text in [
        format!("{} = 1", vec!["a"; 100_000].join(".")),
        format!("[{}]", vec!["a"; 100_000].join(".")),
        format!("{} = 1", vec!["\"a.b\""; 100_000].join(".")),
        format!("a = {}", "[".repeat(100_000)),
        format!("a = {}", "{a=".repeat(100_000)),
        format!("x = 1\na = {{ {} = 1 }}", vec!["a"; 100_000].join(".")),
        vec!["[a.a.a.a.a.a.a.a]"; 5_000].join("\n"),
    ] {
        survives(&text);
    }
    let deep = format!("{}=1", vec!["a"; 100_000].join("."));
    let request = LoadRequest { sets: vec![deep], ..Default::default() };
    assert!(load(&request).is_err());
    let deep = format!("CONDUCTOR__{}", vec!["A"; 100_000].join("__"));
    let request = LoadRequest { env: vec![(deep, "1".into())], ..Default::default() };
    assert!(load(&request).is_err());
}
