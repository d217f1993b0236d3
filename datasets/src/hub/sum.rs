//! Sums of files, as the hub names them.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::error::{self, HubError};
use super::watch::{Watch, go_on};

/// What the hub says of a file's content. In files it is its hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Sum {
    /// Large files: the SHA-256 of the content, in hexadecimal.
    Sha256(String),
    /// Small files: git's own name of the content, a SHA-1 over a head with the length and the content.
    Git(String),
}

impl Sum {
    /// Reads a name of a blob or an ETag; `None` where it is neither of the two.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches("W/").trim_matches('"').to_ascii_lowercase();
        let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        match text.len() {
            64 if is_hex => Some(Self::Sha256(text)),
            40 if is_hex => Some(Self::Git(text)),
            _ => None,
        }
    }

    /// The hexadecimal digits, by which the cache names the file.
    pub fn hex(&self) -> &str {
        match self {
            Self::Sha256(hex) | Self::Git(hex) => hex,
        }
    }

    /// The sum of a file, of the same kind.
    pub(super) fn of_file(&self, path: &Path, watch: &dyn Watch) -> Result<Self, HubError> {
        match self {
            Self::Sha256(_) => Ok(Self::Sha256(digest(Sha256::new(), path, watch)?)),
            Self::Git(_) => {
                let length = std::fs::metadata(path).map_err(error::io("read", path))?.len();
                let start = Sha1::new().chain_update(format!("blob {length}\0"));
                Ok(Self::Git(digest(start, path, watch)?))
            }
        }
    }
}

impl TryFrom<String> for Sum {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("expected 64 or 40 hexadecimal digits")
    }
}

impl From<Sum> for String {
    fn from(sum: Sum) -> Self {
        match sum {
            Sum::Sha256(hex) | Sum::Git(hex) => hex,
        }
    }
}

impl std::fmt::Display for Sum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sha256(hex) => write!(f, "sha256 {hex}"),
            Self::Git(hex) => write!(f, "git blob {hex}"),
        }
    }
}

/// The SHA-256 of a file, in hexadecimal.
pub(super) fn sha256(path: &Path, watch: &dyn Watch) -> Result<String, HubError> {
    digest(Sha256::new(), path, watch)
}

fn digest<D: Digest>(mut state: D, path: &Path, watch: &dyn Watch) -> Result<String, HubError> {
    use std::fmt::Write as _;
    let mut file = File::open(path).map_err(error::io("open", path))?;
    let mut piece = vec![0; 256 << 10];
    loop {
        go_on(watch)?;
        let read = file.read(&mut piece).map_err(error::io("read", path))?;
        if read == 0 {
            break;
        }
        state.update(&piece[..read]);
    }
    Ok(state.finalize().iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    // From `sha256sum` and `git hash-object`.
    const SHA256: &str = "98ea6e4f216f2fb4b69fff9b3a44842c38686ca685f3f55dc48c5d3fb1107be4";
    const GIT: &str = "45b983be36b73c0788dc9cbcb76cbb80fc7bb057";

    #[test]
    fn sums_are_those_of_the_common_tools() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "hi\n").unwrap();
        for hex in [SHA256, GIT] {
            let sum = Sum::parse(hex).unwrap();
            assert_eq!(sum.of_file(file.path(), &()).unwrap(), sum);
        }
        assert_eq!(sha256(file.path(), &()).unwrap(), SHA256);
    }

    #[test]
    fn tags_are_read_with_their_quotes_and_other_tags_are_none() {
        assert_eq!(Sum::parse(&format!("\"{SHA256}\"")), Some(Sum::Sha256(SHA256.into())));
        assert_eq!(Sum::parse(&format!("W/\"{GIT}\"")), Some(Sum::Git(GIT.into())));
        assert_eq!(Sum::parse(&SHA256.to_uppercase()), Some(Sum::Sha256(SHA256.into())));
        for other in ["", "\"1f-5a\"", &SHA256[1..], &format!("{}g", &SHA256[1..]), "../../etc"] {
            assert_eq!(Sum::parse(other), None, "{other}");
        }
    }
}
