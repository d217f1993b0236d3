//! Exported folders, file by file.

use std::fs;
use std::path::{Path, PathBuf};

use conductor_checkpoints::export::{self, ExportError, ExportOptions, Lora};
use conductor_checkpoints::weights::{self, Dtype, TensorBytes};
use serde_json::Value;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn source(dir: &Path) -> PathBuf {
    let model = dir.join("model");
    fs::create_dir(&model).unwrap();
    let config =
        r#"{"architectures": ["LlamaForCausalLM"], "hidden_size": 4, "torch_dtype": "bfloat16"}"#;
    fs::write(model.join("config.json"), config).unwrap();
    fs::write(model.join("tokenizer.json"), "{\"ü\": 1}").unwrap();
    fs::write(model.join("generation_config.json"), "{}").unwrap();
    fs::write(model.join("model.safetensors"), "not copied").unwrap();
    fs::write(model.join("notes.txt"), "not copied").unwrap();
    model
}

fn tensors() -> Vec<TensorBytes<'static>> {
    ["model.embed_tokens.weight", "model.norm.weight", "model.layers.0.mlp.up_proj.weight"]
        .into_iter()
        .zip(1u8..)
        .map(|(name, fill)| TensorBytes::new(name, Dtype::F32, [2, 3], vec![fill; 24]))
        .collect()
}

#[test]
fn a_hugging_face_folder_holds_what_a_loader_needs_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let model = source(dir.path());
    let out = dir.path().join("exports/trained");
    export::hugging_face(&out, &model, &tensors(), &ExportOptions::default()).unwrap();
    let mut files: Vec<_> = fs::read_dir(&out)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    assert_eq!(
        files,
        ["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"]
    );
    let config = json(&out.join("config.json"));
    assert_eq!((&config["torch_dtype"], &config["hidden_size"]), (&"float32".into(), &4.into()));
    let read = weights::read(&out.join("model.safetensors")).unwrap();
    assert_eq!(read.len(), 3);
    let header = fs::read(out.join("model.safetensors")).unwrap();
    let header = String::from_utf8_lossy(&header[8..200]).into_owned();
    assert!(header.contains(r#""__metadata__":{"format":"pt"}"#), "{header}");
    assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 1);
}

#[test]
fn a_large_model_is_cut_into_files_with_an_index() {
    let dir = tempfile::tempdir().unwrap();
    let model = source(dir.path());
    let out = dir.path().join("out");
    // Two tensors of 24 bytes fit in a file, three do not.
    let options = ExportOptions { max_shard_bytes: 50, ..ExportOptions::default() };
    export::hugging_face(&out, &model, &tensors(), &options).unwrap();
    let index = json(&out.join("model.safetensors.index.json"));
    assert_eq!(index["metadata"]["total_size"], 72);
    let map = index["weight_map"].as_object().unwrap();
    assert_eq!(map.len(), 3);
    for (name, file) in map {
        let shard = weights::read(&out.join(file.as_str().unwrap())).unwrap();
        assert!(shard.iter().any(|tensor| tensor.name == *name), "{name} in {file}");
    }
    assert_eq!(map["model.norm.weight"], "model-00001-of-00002.safetensors");
    assert_eq!(map["model.layers.0.mlp.up_proj.weight"], "model-00002-of-00002.safetensors");
    assert!(!out.join("model.safetensors").exists());
}

#[test]
fn nothing_is_replaced_unless_asked_and_nothing_but_a_model_even_then() {
    let dir = tempfile::tempdir().unwrap();
    let model = source(dir.path());
    let out = dir.path().join("out");
    let export = |out: &Path, overwrite| {
        let options = ExportOptions { overwrite, ..ExportOptions::default() };
        export::hugging_face(out, &model, &tensors()[..1], &options)
    };
    fs::create_dir(&out).unwrap();
    export(&out, false).unwrap();
    fs::write(out.join("stale.bin"), "x").unwrap();
    assert!(matches!(export(&out, false), Err(ExportError::NotEmpty { .. })));
    export(&out, true).unwrap();
    assert!(!out.join("stale.bin").exists());

    let thesis = dir.path().join("thesis");
    fs::create_dir(&thesis).unwrap();
    fs::write(thesis.join("main.tex"), "x").unwrap();
    assert!(matches!(export(&thesis, true), Err(ExportError::NotAModel { .. })));
    assert!(thesis.join("main.tex").exists());
    assert!(matches!(export(&model, true), Err(ExportError::OntoSource { .. })));
    let around = dir.path().join("out/../model");
    assert!(matches!(export(&around, true), Err(ExportError::OntoSource { .. })));
}

#[test]
fn a_source_without_a_readable_config_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let model = source(dir.path());
    for (text, wanted) in
        [(Some("[1"), "no JSON"), (Some("[1]"), "JSON object"), (None, "cannot be read")]
    {
        match text {
            Some(text) => fs::write(model.join("config.json"), text).unwrap(),
            None => fs::remove_file(model.join("config.json")).unwrap(),
        }
        let options = ExportOptions::default();
        let error = export::hugging_face(&dir.path().join("out"), &model, &tensors(), &options)
            .unwrap_err()
            .to_string();
        assert!(error.contains("model/config.json") && error.contains(wanted), "{error}");
    }
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn mixed_precisions_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let model = source(dir.path());
    let mut mixed = tensors();
    mixed.push(TensorBytes::new("lm_head.weight", Dtype::Bf16, [1], vec![0; 2]));
    for (tensors, wanted) in [(mixed, "lm_head.weight is Bf16"), (Vec::new(), "there are none")] {
        let out = dir.path().join("out");
        let error = export::hugging_face(&out, &model, &tensors, &ExportOptions::default())
            .unwrap_err()
            .to_string();
        assert!(error.contains(wanted), "{error}");
        assert!(!out.exists());
    }
}

fn lora_tensors() -> Vec<TensorBytes<'static>> {
    let at = "model.layers.0.self_attn.q_proj";
    vec![
        TensorBytes::new(format!("{at}.lora_A.weight"), Dtype::F32, [2, 4], vec![1; 32]),
        TensorBytes::lazy(format!("{at}.lora_B.weight"), Dtype::F32, [6, 2], || vec![2; 48]),
    ]
}

const LORA: Lora<'_> = Lora { rank: 2, alpha: 4.0, targets: &["q_proj"] };

#[test]
fn an_adapter_has_pefts_names_and_settings() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("adapter");
    export::peft(&out, "models/m", &LORA, &lora_tensors(), &ExportOptions::default()).unwrap();
    let config = json(&out.join("adapter_config.json"));
    assert_eq!(config["base_model_name_or_path"], "models/m");
    assert_eq!((&config["r"], &config["lora_alpha"]), (&2.into(), &4.into()));
    assert_eq!(config["target_modules"], serde_json::json!(["q_proj"]));
    assert_eq!((&config["peft_type"], &config["task_type"]), (&"LORA".into(), &"CAUSAL_LM".into()));
    let mut read = weights::read(&out.join("adapter_model.safetensors")).unwrap();
    read.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<_> = read.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight",
            "base_model.model.model.layers.0.self_attn.q_proj.lora_B.weight",
        ]
    );
    assert_eq!((read[1].shape.as_slice(), read[1].bytes[0]), (&[6, 2][..], 2));
}

#[test]
fn an_adapter_that_peft_would_not_load_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let pair = lora_tensors;
    let half = || pair().drain(..1).collect::<Vec<_>>();
    let foreign = || vec![TensorBytes::new("model.norm.weight", Dtype::F32, [1], vec![0; 4])];
    let rank_3 = Lora { rank: 3, ..LORA };
    let other = Lora { targets: &["k_proj", "v_proj"], ..LORA };
    let cases: [(&Lora<'_>, Vec<TensorBytes<'_>>, &str); 5] = [
        (&LORA, half(), "has only one of lora_A and lora_B"),
        (&LORA, foreign(), "model.norm.weight is no low-rank update"),
        (&LORA, Vec::new(), "there are none"),
        (&rank_3, pair(), "has shape [2, 4], expected (rank, inputs) with rank 3"),
        (&other, pair(), "not among the targets (k_proj, v_proj)"),
    ];
    for (lora, tensors, wanted) in cases {
        let out = dir.path().join("adapter");
        let error = export::peft(&out, "m", lora, &tensors, &ExportOptions::default()).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}");
        assert!(!out.exists());
    }
}
