//! Weights of a Hugging Face folder: one `model.safetensors`, or shards behind `model.safetensors.index.json`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;
use safetensors::{Dtype, SafeTensors};
use tch::{Kind, Tensor};

use crate::PolicyError;
use crate::config::read_json;

/// The weight files of a folder, opened and checked, with the file that holds each name.
#[derive(Debug)]
pub struct WeightFiles {
    folder: PathBuf,
    files: Vec<(PathBuf, Mmap)>,
    owner: BTreeMap<String, usize>,
    taken: BTreeSet<String>,
}

impl WeightFiles {
    /// Opens every weight file of `folder`. A truncated or damaged file is an error here, before anything is loaded.
    pub fn open(folder: &Path) -> Result<Self, PolicyError> {
        let mut files = Vec::new();
        let mut owner = BTreeMap::new();
        for path in weight_paths(folder)? {
            let file = File::open(&path).map_err(PolicyError::io("read", &path))?;
            // SAFETY: the map is read-only; weights are not rewritten in place while a run reads them (every writer
            // of this project renames a finished file into place).
            let map = unsafe { Mmap::map(&file) }.map_err(PolicyError::io("read", &path))?;
            let tensors = parse(&path, &map)?;
            for name in tensors.names() {
                if let Some(other) = owner.insert((*name).to_owned(), files.len()) {
                    let (other_path, _): &(PathBuf, Mmap) = files.get(other).unwrap_or(&files[0]);
                    return Err(PolicyError::malformed(
                        &path,
                        format!("weight {name} stands in {} too", other_path.display()),
                    ));
                }
            }
            files.push((path, map));
        }
        Ok(Self { folder: folder.to_owned(), files, owner, taken: BTreeSet::new() })
    }

    /// Whether a weight of this name is there.
    pub fn contains(&self, name: &str) -> bool {
        self.owner.contains_key(name)
    }

    /// The weight as float32 on the processor, checked against the shape that the configuration calls for.
    pub fn take(&mut self, name: &str, shape: &[i64]) -> Result<Tensor, PolicyError> {
        let mismatch = |found: String| PolicyError::Weight {
            path: self.folder.clone(),
            name: name.to_owned(),
            expected: format!("shape {shape:?}"),
            found,
        };
        let Some(&file) = self.owner.get(name) else {
            return Err(mismatch("no such weight".into()));
        };
        let (path, map) = &self.files[file];
        let tensors = parse(path, map)?;
        let view = tensors.tensor(name).map_err(|error| PolicyError::malformed(path, error))?;
        let found: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
        if found != shape {
            return Err(mismatch(format!("shape {found:?}")));
        }
        let kind = kind_of(view.dtype())
            .ok_or_else(|| mismatch(format!("element type {:?}", view.dtype())))?;
        let tensor = Tensor::f_from_data_size(view.data(), shape, kind)?.f_to_kind(Kind::Float)?;
        self.taken.insert(name.to_owned());
        Ok(tensor)
    }

    /// An error naming a weight that nothing asked for: a sign that the configuration is another model's.
    pub fn finish(self) -> Result<(), PolicyError> {
        // Old exports carry rotary tables, and tied models a copy of the embedding: neither is a weight of its own.
        let harmless =
            |name: &str| name.ends_with("rotary_emb.inv_freq") || name == "lm_head.weight";
        match self.owner.keys().find(|name| !self.taken.contains(*name) && !harmless(name)) {
            None => Ok(()),
            Some(name) => Err(PolicyError::Weight {
                path: self.folder,
                name: name.clone(),
                expected: "only weights that config.json calls for".into(),
                found: "a weight that the model has no place for".into(),
            }),
        }
    }
}

fn weight_paths(folder: &Path) -> Result<Vec<PathBuf>, PolicyError> {
    let single = folder.join("model.safetensors");
    if single.is_file() {
        return Ok(vec![single]);
    }
    let index = folder.join("model.safetensors.index.json");
    if !index.is_file() {
        return Err(PolicyError::Incomplete {
            folder: folder.to_owned(),
            missing: "model.safetensors (or model.safetensors.index.json with its shards)".into(),
        });
    }
    let json = read_json(&index)?;
    let map = json["weight_map"]
        .as_object()
        .ok_or_else(|| PolicyError::malformed(&index, "it has no object \"weight_map\""))?;
    let names: BTreeSet<&str> = map.values().filter_map(|value| value.as_str()).collect();
    for name in &names {
        if !folder.join(name).is_file() {
            return Err(PolicyError::Incomplete {
                folder: folder.to_owned(),
                missing: (*name).to_owned(),
            });
        }
    }
    Ok(names.into_iter().map(|name| folder.join(name)).collect())
}

fn parse<'a>(path: &Path, bytes: &'a [u8]) -> Result<SafeTensors<'a>, PolicyError> {
    SafeTensors::deserialize(bytes).map_err(|error| {
        let expected = expected_length(bytes)
            .filter(|&expected| expected != bytes.len() as u64)
            .map(|expected| format!("; its header describes {expected} bytes, the file has {}: it is truncated or overlong, fetch it again", bytes.len()))
            .unwrap_or_default();
        PolicyError::malformed(path, format!("no valid safetensors file: {error}{expected}"))
    })
}

/// Header length + header + the largest end offset, where the header can be read at all.
fn expected_length(bytes: &[u8]) -> Option<u64> {
    let header_len = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    let header = bytes.get(8..usize::try_from(header_len).ok()?.checked_add(8)?)?;
    let json: serde_json::Value = serde_json::from_slice(header).ok()?;
    let end =
        json.as_object()?.values().filter_map(|entry| entry["data_offsets"][1].as_u64()).max()?;
    Some(8 + header_len + end)
}

/// The libtorch kind of a safetensors element type, where weights can have it.
pub fn kind_of(dtype: Dtype) -> Option<Kind> {
    match dtype {
        Dtype::F32 => Some(Kind::Float),
        Dtype::F64 => Some(Kind::Double),
        Dtype::F16 => Some(Kind::Half),
        Dtype::BF16 => Some(Kind::BFloat16),
        _ => None,
    }
}

/// The bytes of a tensor, as weight files hold them (little endian, row-major), brought to the processor.
pub fn bytes_of(tensor: &Tensor) -> Result<Vec<u8>, PolicyError> {
    let tensor = tensor.f_detach()?.f_to_device(tch::Device::Cpu)?.f_contiguous()?;
    let count = tensor.numel();
    let mut bytes = vec![0_u8; count * tensor.kind().elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut bytes, count)?;
    Ok(bytes)
}
