//! Where the hub is, who asks, and where the cache lies: the environment variables that Hugging Face's own tools read.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use super::error::HubError;

const ENDPOINT: &str = "https://huggingface.co";

/// A secret. It has no `Display`, and its `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Errors: characters that cannot stand in a header, which a pasted token with a line break would have.
    fn new(variable: &'static str, text: &str) -> Result<Option<Self>, HubError> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(None);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(HubError::Setting {
                variable,
                expected: "a token of printable ASCII characters without blanks",
                given: "other characters in it".into(),
            });
        }
        Ok(Some(Self(text.to_owned())))
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(hidden)")
    }
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// Tries of one request that bring nothing, one after the other.
    pub attempts: u32,
    /// The pause after the first failure; each further one is twice as long.
    pub first_pause: Duration,
    /// No pause of our own is longer.
    pub longest_pause: Duration,
    /// A longer wait that the hub asks for ends the command.
    pub longest_wait: Duration,
    /// To make a connection, and to wait for the next byte on it.
    pub silence: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            attempts: 6,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(30),
            longest_wait: Duration::from_mins(5),
            silence: Duration::from_mins(1),
        }
    }
}

/// How to reach the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubSettings {
    /// `HF_ENDPOINT`: the hub or a mirror, without a slash at the end.
    pub endpoint: String,
    /// `HF_TOKEN`, else the file `HF_TOKEN_PATH`, else the file `token` in `HF_HOME`.
    pub token: Option<Token>,
    /// `HF_HOME`, by default `huggingface` in `XDG_CACHE_HOME` or `~/.cache`. The token file lies here.
    pub home: PathBuf,
    /// `HF_HUB_CACHE`, by default `hub` in `HF_HOME`: the cache that Hugging Face's other tools share.
    pub cache: PathBuf,
    /// `HF_HUB_OFFLINE`: no request is made.
    pub offline: bool,
    /// How long to wait for what.
    pub patience: Patience,
}

impl HubSettings {
    /// Reads the environment through `get`, and the token file. Errors: a value that cannot be used, or no place for
    /// the cache.
    pub fn from_env(get: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, HubError> {
        let set = |name: &str| get(name).filter(|value| !value.is_empty());
        let home = match set("HF_HOME") {
            Some(home) => PathBuf::from(home),
            None => match (set("XDG_CACHE_HOME"), set("HOME")) {
                (Some(cache), _) => PathBuf::from(cache).join("huggingface"),
                (None, Some(home)) => PathBuf::from(home).join(".cache/huggingface"),
                (None, None) => {
                    return Err(HubError::Setting {
                        variable: "HF_HOME",
                        expected: "a folder for the cache",
                        given: "neither it nor HOME is set".into(),
                    });
                }
            },
        };
        let cache = set("HF_HUB_CACHE").map_or_else(|| home.join("hub"), PathBuf::from);
        let endpoint = match text(&set, "HF_ENDPOINT")? {
            Some(endpoint) => endpoint_of(&endpoint)?,
            None => ENDPOINT.to_owned(),
        };
        let token = if let Some(token) = text(&set, "HF_TOKEN")? {
            Token::new("HF_TOKEN", &token)?
        } else {
            token_file(set("HF_TOKEN_PATH").as_deref().map(Path::new), &home.join("token"))?
        };
        if token.is_some() && !is_private(&endpoint) {
            return Err(HubError::Setting {
                variable: "HF_ENDPOINT",
                expected: "https, since a token is set",
                given: "http, on which anybody on the way could read the token; unset HF_TOKEN or use https"
                    .into(),
            });
        }
        let offline = match text(&set, "HF_HUB_OFFLINE")? {
            Some(value) => switch("HF_HUB_OFFLINE", &value)?,
            None => false,
        };
        Ok(Self { endpoint, token, home, cache, offline, patience: Patience::default() })
    }
}

fn text(
    set: &dyn Fn(&str) -> Option<OsString>,
    variable: &'static str,
) -> Result<Option<String>, HubError> {
    set(variable)
        .map(|value| {
            value.into_string().map_err(|_| HubError::Setting {
                variable,
                expected: "UTF-8 text",
                given: "other bytes".into(),
            })
        })
        .transpose()
}

/// The token of a file. Errors: one that is named cannot be read; the usual one need not be there.
fn token_file(named: Option<&Path>, usual: &Path) -> Result<Option<Token>, HubError> {
    match std::fs::read_to_string(named.unwrap_or(usual)) {
        Ok(token) => Token::new("HF_TOKEN_PATH", &token),
        Err(error) if named.is_some() => Err(HubError::Setting {
            variable: "HF_TOKEN_PATH",
            expected: "a text file with a token",
            given: format!("one that cannot be read ({error}); correct it or unset it"),
        }),
        Err(_) => Ok(None),
    }
}

fn switch(variable: &'static str, value: &str) -> Result<bool, HubError> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Ok(true),
        "0" | "off" | "no" | "false" => Ok(false),
        _ => Err(HubError::Setting {
            variable,
            expected: "1 or 0",
            given: crate::error::excerpt(value),
        }),
    }
}

/// The address as it is put before paths. What is wrong is said without the value, which may hold a password.
fn endpoint_of(given: &str) -> Result<String, HubError> {
    let wrong = |what: &str| HubError::Setting {
        variable: "HF_ENDPOINT",
        expected: "an address like https://hub.example.org",
        given: what.to_owned(),
    };
    let endpoint = given.trim().trim_end_matches('/');
    let rest = endpoint
        .strip_prefix("https://")
        .or_else(|| endpoint.strip_prefix("http://"))
        .ok_or_else(|| wrong("one that starts with neither https:// nor http://"))?;
    let host = rest.split('/').next().unwrap_or_default();
    if host.contains('@') {
        return Err(wrong("a user name in it; a token goes into HF_TOKEN"));
    }
    if host.is_empty() || endpoint.contains(['?', '#']) {
        return Err(wrong("no host, or a '?' or '#'"));
    }
    if !endpoint.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("blanks or letters that cannot stand in an address"));
    }
    // Its messages do not repeat the address.
    Url::parse(endpoint).map_err(|error| wrong(&error.to_string()))?;
    Ok(endpoint.to_owned())
}

/// Whether nobody else can read what is sent there.
fn is_private(endpoint: &str) -> bool {
    !endpoint.starts_with("http://") || is_here(endpoint)
}

/// Whether it is this machine, which no proxy stands before.
pub(super) fn is_here(endpoint: &str) -> bool {
    let rest = endpoint.split_once("://").map_or(endpoint, |parts| parts.1);
    let host = rest.split('/').next().unwrap_or_default();
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    matches!(host, "localhost" | "[::1]")
        || host.parse::<std::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Result<HubSettings, HubError> {
        HubSettings::from_env(&|name| {
            pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.into())
        })
    }

    #[test]
    fn the_environment_says_where_everything_is() {
        let plain = settings(&[("HOME", "/home/ada")]).unwrap();
        assert_eq!(plain.endpoint, "https://huggingface.co");
        assert_eq!(plain.cache, PathBuf::from("/home/ada/.cache/huggingface/hub"));
        assert!(!plain.offline && plain.token.is_none());
        let moved = settings(&[
            ("HF_HOME", "/hf"),
            ("HF_ENDPOINT", "https://mirror.example.org/hub/"),
            ("HF_TOKEN", " hf_secret\n"),
            ("HF_HUB_OFFLINE", "True"),
        ])
        .unwrap();
        assert_eq!(moved.endpoint, "https://mirror.example.org/hub");
        assert_eq!(moved.cache, PathBuf::from("/hf/hub"));
        assert!(moved.offline);
        assert_eq!(moved.token.as_ref().unwrap().reveal(), "hf_secret");
        let shared = settings(&[("HF_HOME", "/hf"), ("HF_HUB_CACHE", "/shared")]).unwrap();
        assert_eq!(shared.cache, PathBuf::from("/shared"));
        let xdg = settings(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]).unwrap();
        assert_eq!(xdg.home, PathBuf::from("/x/huggingface"));
    }

    #[test]
    fn the_token_file_is_read_where_the_variable_is_not_set() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), "hf_file\n").unwrap();
        let home = folder.path().to_str().unwrap();
        let from_file = settings(&[("HF_HOME", home)]).unwrap();
        assert_eq!(from_file.token.unwrap().reveal(), "hf_file");
        let from_variable = settings(&[("HF_HOME", home), ("HF_TOKEN", "hf_env")]).unwrap();
        assert_eq!(from_variable.token.unwrap().reveal(), "hf_env");
        std::fs::write(folder.path().join("bytes"), b"hf_\xff").unwrap();
        for named in ["gone", "", "bytes"] {
            let path = folder.path().join(named);
            let path = path.to_str().unwrap();
            let error = settings(&[("HF_HOME", home), ("HF_TOKEN_PATH", path)]).unwrap_err();
            assert!(error.to_string().contains("HF_TOKEN_PATH: expected a text file"), "{error}");
            // HF_TOKEN goes before it.
            assert!(
                settings(&[("HF_TOKEN", "a"), ("HF_HOME", "/"), ("HF_TOKEN_PATH", path)]).is_ok()
            );
        }
    }

    #[test]
    fn no_error_and_no_debug_shows_a_secret() {
        let secret = settings(&[("HF_HOME", "/hf"), ("HF_TOKEN", "hf_secret")]).unwrap();
        assert!(!format!("{secret:?}").contains("hf_secret"));
        for (pairs, word) in [
            (&[("HF_TOKEN", "hf_sec ret")][..], "blanks"),
            (&[("HF_TOKEN", "hf_sec\u{1}ret")][..], "printable"),
            (&[("HF_ENDPOINT", "ftp://hf_sec.ret")][..], "https://"),
            (&[("HF_ENDPOINT", "https://ada:hf_sec@hub")][..], "user name"),
            (&[("HF_ENDPOINT", "https:///hf_sec")][..], "no host"),
            (&[("HF_ENDPOINT", "https://hub?hf_sec")][..], "no host"),
            (&[("HF_ENDPOINT", "https://hf_sec.hub:99999")][..], "port"),
            (&[("HF_ENDPOINT", "https://[::1")][..], "IPv6"),
            (&[("HF_ENDPOINT", "http://hub"), ("HF_TOKEN", "hf_secret")][..], "https, since"),
            (&[("HF_HUB_OFFLINE", "maybe")][..], "1 or 0"),
        ] {
            let pairs: Vec<_> = pairs.iter().copied().chain([("HF_HOME", "/hf")]).collect();
            let error = settings(&pairs).unwrap_err();
            let text = format!("{error} {error:?}");
            assert!(text.contains(word) && !text.contains("hf_sec"), "{text}");
        }
        let error = settings(&[]).unwrap_err().to_string();
        assert!(error.contains("HF_HOME") && error.contains("HOME"), "{error}");
    }

    #[test]
    fn a_token_may_go_over_plain_http_to_this_machine_only() {
        for (endpoint, private) in [
            ("http://localhost:80", true),
            ("http://127.0.0.1:8080/x", true),
            ("http://[::1]:8080", true),
            ("http://127.0.0.1.example.org", false),
            ("http://hub", false),
            ("https://hub", true),
        ] {
            assert_eq!(is_private(endpoint), private, "{endpoint}");
        }
    }
}
