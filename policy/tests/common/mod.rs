//! Small models whose weights follow a formula, as in scripts/make_policy_fixtures.py.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;

/// The formula of `make_policy_fixtures.py`, in whole numbers up to the last division.
pub fn formula(index: usize, count: usize, is_norm: bool) -> Vec<f32> {
    (0..count as i64)
        .map(|i| {
            let bits = ((i * 2_654_435_761 + index as i64 * 40_503) >> 7) & 0xffff;
            let unit = bits as f32 / 65_536.0 - 0.5;
            if is_norm { 1.0 + 0.25 * unit } else { 0.5 * unit }
        })
        .collect()
}

/// Writes config.json and model.safetensors for one case of small_models.json; a `seed` in the case gives other weights.
pub fn write_model(folder: &Path, case: &serde_json::Value) {
    std::fs::write(folder.join("config.json"), case["config"].to_string()).expect("config.json");
    let shapes: BTreeMap<String, Vec<usize>> =
        serde_json::from_value(case["shapes"].clone()).expect("shapes by name");
    let first = 1000 * case["seed"].as_u64().unwrap_or(0) as usize;
    let tensors: Vec<(String, Vec<usize>, Vec<u8>)> = shapes
        .into_iter()
        .enumerate()
        .map(|(index, (name, shape))| {
            let values = formula(first + index, shape.iter().product(), name.contains("norm"));
            (name, shape, values.iter().flat_map(|v| v.to_le_bytes()).collect())
        })
        .collect();
    let views = tensors.iter().map(|(name, shape, bytes)| {
        (name.as_str(), TensorView::new(Dtype::F32, shape.clone(), bytes).expect("a view"))
    });
    safetensors::serialize_to_file(views, None, &folder.join("model.safetensors"))
        .expect("weights");
}

/// The cases of small_models.json by name.
pub fn cases() -> serde_json::Map<String, serde_json::Value> {
    let text = include_str!("../fixtures/small_models.json");
    serde_json::from_str(text).expect("the fixture is JSON")
}
