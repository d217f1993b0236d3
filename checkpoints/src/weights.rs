//! Named tensors in safetensors files: for checkpoints and exports.
//!
//! Tensors are names, shapes and little-endian bytes here; whoever computes with them converts. Bytes may be
//! produced on demand, so that writing a model never holds it in memory twice.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Metadata, SafeTensorError, View};

/// Largest header that the format allows.
const MAX_HEADER_BYTES: u64 = 100_000_000;

/// The precision of stored numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// 32-bit floats.
    F32,
    /// bfloat16.
    Bf16,
    /// 64-bit integers (token counts, step counters).
    I64,
}

impl Dtype {
    /// Bytes of one number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
            Self::I64 => 8,
        }
    }

    /// The name in Hugging Face's config.json (`torch_dtype`).
    pub fn torch_name(self) -> &'static str {
        match self {
            Self::F32 => "float32",
            Self::Bf16 => "bfloat16",
            Self::I64 => "int64",
        }
    }

    fn to_file(self) -> safetensors::Dtype {
        match self {
            Self::F32 => safetensors::Dtype::F32,
            Self::Bf16 => safetensors::Dtype::BF16,
            Self::I64 => safetensors::Dtype::I64,
        }
    }

    fn from_file(dtype: safetensors::Dtype) -> Option<Self> {
        match dtype {
            safetensors::Dtype::F32 => Some(Self::F32),
            safetensors::Dtype::BF16 => Some(Self::Bf16),
            safetensors::Dtype::I64 => Some(Self::I64),
            _ => None,
        }
    }
}

/// A named tensor to be written.
pub struct TensorBytes<'a> {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    data: Data<'a>,
}

enum Data<'a> {
    Here(Cow<'a, [u8]>),
    Later(Box<dyn Fn() -> Vec<u8> + 'a>),
}

impl<'a> TensorBytes<'a> {
    /// A tensor whose little-endian bytes are at hand.
    pub fn new(
        name: impl Into<String>,
        dtype: Dtype,
        shape: impl Into<Vec<usize>>,
        bytes: impl Into<Cow<'a, [u8]>>,
    ) -> Self {
        Self { name: name.into(), dtype, shape: shape.into(), data: Data::Here(bytes.into()) }
    }

    /// A tensor whose bytes are produced when it is its turn to be written, and dropped after.
    pub fn lazy(
        name: impl Into<String>,
        dtype: Dtype,
        shape: impl Into<Vec<usize>>,
        bytes: impl Fn() -> Vec<u8> + 'a,
    ) -> Self {
        Self { name: name.into(), dtype, shape: shape.into(), data: Data::Later(Box::new(bytes)) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its precision.
    pub fn dtype(&self) -> Dtype {
        self.dtype
    }

    /// Its shape.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The same tensor under another name.
    #[must_use]
    pub fn renamed(&self, name: impl Into<String>) -> TensorBytes<'_> {
        let data = match &self.data {
            Data::Here(bytes) => Data::Here(Cow::Borrowed(bytes.as_ref())),
            Data::Later(make) => Data::Later(Box::new(make)),
        };
        TensorBytes { name: name.into(), dtype: self.dtype, shape: self.shape.clone(), data }
    }

    /// Bytes that its shape asks for.
    pub fn size(&self) -> u64 {
        self.shape.iter().product::<usize>() as u64 * self.dtype.bytes() as u64
    }
}

impl View for &TensorBytes<'_> {
    fn dtype(&self) -> safetensors::Dtype {
        self.dtype.to_file()
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        match &self.data {
            Data::Here(bytes) => Cow::Borrowed(bytes),
            Data::Later(make) => Cow::Owned(make()),
        }
    }

    fn data_len(&self) -> usize {
        self.size() as usize
    }
}

/// A tensor read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTensor {
    /// Its name.
    pub name: String,
    /// Its precision.
    pub dtype: Dtype,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its little-endian bytes; as many as the shape asks for.
    pub bytes: Vec<u8>,
}

/// Why weights cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file system refuses.
    #[error("cannot {operation} {}: {source}", path.display())]
    Io {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
    /// The file is shorter or longer than its header says.
    #[error(
        "{} has {found} bytes, expected {expected}: it is {}; fetch or write it again",
        path.display(),
        if found < expected { "cut short" } else { "longer than its header says" }
    )]
    WrongSize {
        /// The file.
        path: PathBuf,
        /// Bytes by its header.
        expected: u64,
        /// Bytes on disk.
        found: u64,
    },
    /// The file is no safetensors file.
    #[error("{} is no safetensors file: {message}", path.display())]
    NotSafetensors {
        /// The file.
        path: PathBuf,
        /// What was expected and what was found.
        message: String,
    },
    /// A tensor's numbers are of a kind that is not used here.
    #[error("{}: tensor {name} has type {dtype}, expected F32, BF16 or I64", path.display())]
    UnknownDtype {
        /// The file.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its type in the file.
        dtype: String,
    },
    /// Two tensors of one name.
    #[error("cannot write {}: two tensors are named {name}", path.display())]
    DuplicateName {
        /// The file to be written.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A tensor's bytes do not fit its shape.
    #[error(
        "cannot write {}: tensor {name} of shape {shape:?} needs {expected} bytes, given {given}",
        path.display()
    )]
    ShapeMismatch {
        /// The file to be written.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its shape.
        shape: Vec<usize>,
        /// Bytes that the shape asks for.
        expected: u64,
        /// Bytes that were given.
        given: u64,
    },
}

/// Writes `tensors` as one safetensors file with the metadata `format: pt` that transformers asks for.
/// The file is not synced: whoever makes it part of something durable does that.
pub fn write(path: &Path, tensors: &[TensorBytes<'_>]) -> Result<(), WeightsError> {
    write_some(path, &tensors.iter().collect::<Vec<_>>())
}

pub(crate) fn write_some(path: &Path, tensors: &[&TensorBytes<'_>]) -> Result<(), WeightsError> {
    let mut names = BTreeSet::new();
    let mut expected = 0;
    for tensor in tensors {
        if !names.insert(tensor.name()) {
            return Err(WeightsError::DuplicateName {
                path: path.to_owned(),
                name: tensor.name().to_owned(),
            });
        }
        if let Data::Here(bytes) = &tensor.data
            && bytes.len() as u64 != tensor.size()
        {
            return Err(shape_mismatch(path, tensor, bytes.len() as u64));
        }
        expected += tensor.size();
    }
    let metadata = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    let views = tensors.iter().map(|&tensor| (tensor.name(), tensor));
    safetensors::serialize_to_file(views, Some(metadata), path).map_err(|error| match error {
        SafeTensorError::IoError(source) => {
            WeightsError::Io { operation: "write", path: path.to_owned(), source }
        }
        other => WeightsError::NotSafetensors { path: path.to_owned(), message: other.to_string() },
    })?;
    // Bytes that were produced on demand could not be counted before.
    let (header, found) = header(path)?;
    let given = found - header.data_start;
    if given == expected {
        return Ok(());
    }
    let wrong = tensors.iter().find(|tensor| View::data(*tensor).len() as u64 != tensor.size());
    Err(match wrong {
        Some(tensor) => shape_mismatch(path, tensor, View::data(tensor).len() as u64),
        None => WeightsError::WrongSize {
            path: path.to_owned(),
            expected: header.data_start + expected,
            found,
        },
    })
}

/// Reads every tensor of a safetensors file, in the order of the file.
pub fn read(path: &Path) -> Result<Vec<StoredTensor>, WeightsError> {
    read_each(path)?.collect()
}

/// Reads a safetensors file tensor by tensor, in the order of the file, so that it is never in memory whole.
/// The header and the file's size are checked before the first tensor.
pub fn read_each(
    path: &Path,
) -> Result<impl Iterator<Item = Result<StoredTensor, WeightsError>>, WeightsError> {
    let io = |e| WeightsError::Io { operation: "read", path: path.to_owned(), source: e };
    let (header, found) = header(path)?;
    let expected = header.data_start + header.metadata.data_len() as u64;
    if found != expected {
        return Err(WeightsError::WrongSize { path: path.to_owned(), expected, found });
    }
    let mut file = File::open(path).map_err(io)?;
    file.seek(SeekFrom::Start(header.data_start)).map_err(io)?;
    let path = path.to_owned();
    let names = header.metadata.offset_keys();
    Ok(names.into_iter().filter_map(move |name| {
        let info = header.metadata.info(&name)?;
        let Some(dtype) = Dtype::from_file(info.dtype) else {
            let dtype = format!("{:?}", info.dtype);
            return Some(Err(WeightsError::UnknownDtype { path: path.clone(), name, dtype }));
        };
        let mut bytes = vec![0; info.data_offsets.1 - info.data_offsets.0];
        Some(match file.read_exact(&mut bytes) {
            Ok(()) => Ok(StoredTensor { name, dtype, shape: info.shape.clone(), bytes }),
            Err(source) => Err(WeightsError::Io { operation: "read", path: path.clone(), source }),
        })
    }))
}

struct Header {
    metadata: Metadata,
    /// Bytes before the first tensor.
    data_start: u64,
}

/// The header, and the file's size.
fn header(path: &Path) -> Result<(Header, u64), WeightsError> {
    let io = |source| WeightsError::Io { operation: "read", path: path.to_owned(), source };
    let bad = |message| WeightsError::NotSafetensors { path: path.to_owned(), message };
    let mut file = File::open(path).map_err(io)?;
    let found = file.metadata().map_err(io)?.len();
    let mut length = [0; 8];
    if found < 8 {
        return Err(bad(format!("it has {found} bytes, the length of the header alone takes 8")));
    }
    file.read_exact(&mut length).map_err(io)?;
    let length = u64::from_le_bytes(length);
    if length > MAX_HEADER_BYTES {
        return Err(bad(format!(
            "its header would have {length} bytes, at most {MAX_HEADER_BYTES} are allowed"
        )));
    }
    let data_start = 8 + length;
    if found < data_start {
        return Err(WeightsError::WrongSize { path: path.to_owned(), expected: data_start, found });
    }
    let mut json = vec![0; length as usize];
    file.read_exact(&mut json).map_err(io)?;
    let metadata = serde_json::from_slice(&json)
        .map_err(|e| bad(format!("its header cannot be understood ({e})")))?;
    Ok((Header { metadata, data_start }, found))
}

fn shape_mismatch(path: &Path, tensor: &TensorBytes<'_>, given: u64) -> WeightsError {
    WeightsError::ShapeMismatch {
        path: path.to_owned(),
        name: tensor.name().to_owned(),
        shape: tensor.shape().to_vec(),
        expected: tensor.size(),
        given,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn f32s(values: &[f32]) -> Vec<u8> {
        values.iter().flat_map(|v| v.to_le_bytes()).collect()
    }

    fn sample(path: &Path) {
        let tensors = [
            TensorBytes::new("b.weight", Dtype::F32, [2, 2], f32s(&[1.0, -2.0, 3.5, f32::NAN])),
            TensorBytes::lazy("größe", Dtype::Bf16, [3], || vec![0, 1, 2, 3, 4, 5]),
            TensorBytes::new("steps", Dtype::I64, [], 7i64.to_le_bytes().to_vec()),
            TensorBytes::new("empty", Dtype::F32, [0, 4], Vec::new()),
        ];
        write(path, &tensors).unwrap();
    }

    #[test]
    fn what_is_written_is_read_back_bit_by_bit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.safetensors");
        sample(&path);
        let mut tensors = read(&path).unwrap();
        tensors.sort_by(|a, b| a.name.cmp(&b.name));
        let names: Vec<_> = tensors.iter().map(|t| t.name.as_str()).collect();
        assert_eq!(names, ["b.weight", "empty", "größe", "steps"]);
        assert_eq!(tensors[0].bytes, f32s(&[1.0, -2.0, 3.5, f32::NAN]));
        assert_eq!(tensors[1].shape, [0, 4]);
        assert_eq!(
            (tensors[2].dtype, tensors[2].bytes.as_slice()),
            (Dtype::Bf16, &[0, 1, 2, 3, 4, 5][..])
        );
        assert_eq!(
            (tensors[3].shape.len(), tensors[3].bytes.as_slice()),
            (0, &7i64.to_le_bytes()[..])
        );
    }

    #[test]
    fn a_file_cut_anywhere_is_an_error_that_names_file_and_sizes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.safetensors");
        sample(&path);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let error = read(&path).unwrap_err().to_string();
            assert!(
                error.contains("w.safetensors") && error.contains(&cut.to_string()),
                "{cut}: {error}"
            );
        }
        std::fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        let error = read(&path).unwrap_err().to_string();
        let sizes =
            format!("has {} bytes, expected {}: it is cut short", whole.len() - 1, whole.len());
        assert!(error.contains(&sizes), "{error}");
        std::fs::write(&path, [&whole[..], b"x"].concat()).unwrap();
        assert!(read(&path).unwrap_err().to_string().contains("longer than its header says"));
    }

    #[test]
    fn a_file_of_something_else_is_named_as_such() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.safetensors");
        // What a checkout without Git LFS leaves in the place of weights.
        std::fs::write(&path, "version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
            .unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("is no safetensors file"), "{error}");
    }

    #[test]
    fn a_foreign_type_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.safetensors");
        let json = br#"{"a":{"dtype":"F16","shape":[1],"data_offsets":[0,2]}}"#;
        let bytes = [&(json.len() as u64).to_le_bytes()[..], json, &[0, 0]].concat();
        std::fs::write(&path, bytes).unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("tensor a has type F16"), "{error}");
    }

    #[test]
    fn bytes_that_do_not_fit_their_shape_are_refused_at_once_or_when_produced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("w.safetensors");
        let here = [TensorBytes::new("a", Dtype::F32, [2], vec![0; 7])];
        let later = [TensorBytes::lazy("a", Dtype::F32, [2], || vec![0; 9])];
        for (tensors, given) in [(&here, 7), (&later, 9)] {
            let error = write(&path, tensors).unwrap_err().to_string();
            let expected = format!("shape [2] needs 8 bytes, given {given}");
            assert!(error.contains(&expected), "{error}");
        }
    }

    #[test]
    fn two_tensors_of_one_name_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let one = || TensorBytes::new("a", Dtype::F32, [1], vec![0; 4]);
        let error = write(&dir.path().join("w.safetensors"), &[one(), one()]).unwrap_err();
        assert!(error.to_string().contains("two tensors are named a"), "{error}");
    }
}
