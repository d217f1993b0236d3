//! Requests to the hub, through hf-hub's client: its address of a file, its headers with the token, its agent. What the
//! crate does not do is done here: redirects are followed hop by hop, so that the token stays with the hub (the agent
//! would take another port of the same host for it, and leave the token out where the hub sends on within itself).
//! Each request also gets limits of time (the crate has none), no compression (which would make ranges
//! mean something else), the system's certificates (it knows the public authorities alone), and statuses with their
//! headers (it keeps the number alone, and no `Retry-After`).

use hf_hub::api::sync::{Api, ApiBuilder, ApiRepo};
use hf_hub::{Cache, Repo, RepoType};
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Body, Error, ResponseExt as _};
use url::Url;

use super::error::HubError;
use super::retry::{Fault, Job, wait_of};
use super::settings::{HubSettings, Token, is_here};

/// A client of one hub. It has no `Debug`, since hf-hub's shows the token.
pub(super) struct Client<'a> {
    api: Api,
    tls: TlsConfig,
    pub settings: &'a HubSettings,
}

/// A request.
#[derive(Clone, Copy)]
pub(super) enum Ask<'a> {
    /// What files there are, with lengths and sums.
    Listing,
    /// A file from this byte on.
    File { path: &'a str, from: u64 },
    /// What the hub itself says of a file, which may be that another address has it.
    Head { path: &'a str },
}

impl<'a> Client<'a> {
    pub fn new(settings: &'a HubSettings) -> Result<Self, HubError> {
        let api = ApiBuilder::from_cache(Cache::new(settings.cache.clone()))
            .with_endpoint(settings.endpoint.clone())
            .with_token(settings.token.as_ref().map(|token| Token::reveal(token).to_owned()))
            .with_progress(false)
            .with_user_agent("conductor", env!("CARGO_PKG_VERSION"))
            .build()
            .map_err(|error| HubError::Answer {
                what: "the client of the hub".into(),
                expected: "to be made".into(),
                given: error.to_string(),
            })?;
        Ok(Self { api, tls: tls(&settings.endpoint), settings })
    }

    /// A data set at a revision.
    pub fn repo(&self, repository: &str, revision: &str) -> ApiRepo {
        self.api.repo(repo(repository, revision))
    }

    pub fn job(&self, what: &'a str) -> Job<'a> {
        Job {
            what,
            endpoint: &self.settings.endpoint,
            has_token: self.settings.token.is_some(),
            patience: self.settings.patience,
        }
    }

    /// Sends a request, goes where it is redirected to, and hands back an answer that is none of refusal.
    pub fn ask(
        &self,
        repo: &ApiRepo,
        repository: &str,
        ask: Ask<'_>,
    ) -> Result<Response<Body>, Fault> {
        const MOST_REDIRECTS: usize = 8;
        let mut response = self.send(repo, ask, None)?;
        for hop in 0.. {
            let Some(next) = self.redirect(ask, &response)? else { break };
            if hop == MOST_REDIRECTS {
                return Err(self.broken(ask, Error::TooManyRedirects));
            }
            response = self.send(repo, ask, Some(&next))?;
        }
        let status = response.status();
        let fine = status.is_success()
            || status == StatusCode::RANGE_NOT_SATISFIABLE
            || (matches!(ask, Ask::Head { .. }) && status.is_redirection());
        if fine { Ok(response) } else { Err(self.refused(repository, repo, ask, &response)) }
    }

    /// Where the question is to be asked next. What the hub itself says of a file is asked of no other host.
    fn redirect(&self, ask: Ask<'_>, response: &Response<Body>) -> Result<Option<Url>, Fault> {
        let location = response.headers().get(header::LOCATION);
        let Some(location) = location.filter(|_| response.status().is_redirection()) else {
            return Ok(None);
        };
        let from = Url::parse(&response.get_uri().to_string()).ok();
        let next = from.and_then(|from| from.join(location.to_str().ok()?).ok());
        let next = next.ok_or_else(|| self.broken(ask, Error::RedirectFailed))?;
        Ok(Some(next).filter(|next| !matches!(ask, Ask::Head { .. }) || self.is_hub(next)))
    }

    /// Whether an address is the hub's: of the same scheme, host and port.
    fn is_hub(&self, address: &Url) -> bool {
        Url::parse(&self.settings.endpoint).is_ok_and(|own| own.origin() == address.origin())
    }

    /// Asks at the hub, or where it redirected to.
    fn send(
        &self,
        repo: &ApiRepo,
        ask: Ask<'_>,
        to: Option<&Url>,
    ) -> Result<Response<Body>, Fault> {
        let request = repo.info_request();
        let request = match (to, ask) {
            (Some(to), _) => request.uri(to.as_str()),
            (None, Ask::Listing) => request.query("blobs", "true"),
            (None, Ask::File { path, .. } | Ask::Head { path }) => {
                request.uri(repo.url(&encoded(path)))
            }
        };
        let mut request = match ask {
            Ask::Listing | Ask::File { from: 0, .. } => request,
            Ask::File { from, .. } => request.header("Range", format!("bytes={from}-")),
            Ask::Head { .. } => request.header("Range", "bytes=0-0"),
        };
        if to.is_some_and(|to| !self.is_hub(to))
            && let Some(headers) = request.headers_mut()
        {
            headers.remove(header::AUTHORIZATION);
        }
        let silence = Some(self.settings.patience.silence);
        let mut config = request.config();
        if is_here(&self.settings.endpoint) {
            config = config.proxy(None);
        }
        config
            .http_status_as_error(false)
            .accept_encoding("identity")
            .max_redirects(0)
            .max_redirects_will_error(false)
            .tls_config(self.tls.clone())
            .timeout_resolve(silence)
            .timeout_connect(silence)
            .timeout_recv_response(silence)
            .timeout_per_read(silence)
            .timeout_per_write(silence)
            .build()
            .call()
            .map_err(|error| self.broken(ask, error))
    }

    /// No answer came.
    fn broken(&self, ask: Ask<'_>, error: Error) -> Fault {
        match error {
            Error::TooManyRedirects | Error::RedirectFailed => Fault::Final(HubError::Answer {
                what: ask.name().to_owned(),
                expected: "the file, or a redirect to it".into(),
                given: "redirects without an end; is HF_ENDPOINT a hub or a mirror of one?".into(),
            }),
            Error::BadUri(_) | Error::Http(_) | Error::InvalidProxyUrl => {
                Fault::Final(HubError::Answer {
                    what: ask.name().to_owned(),
                    expected: format!("an address under {}", self.settings.endpoint),
                    given: format!("one that cannot be used ({error})"),
                })
            }
            Error::Tls(_) | Error::Rustls(_) | Error::Pem(_) | Error::TlsRequired => {
                Fault::Final(HubError::Answer {
                    what: ask.name().to_owned(),
                    expected: format!("a certificate for {}", self.settings.endpoint),
                    given: error.to_string(),
                })
            }
            error => Fault::passing(error.to_string()),
        }
    }

    /// An answer with a status of refusal.
    fn refused(
        &self,
        repository: &str,
        repo: &ApiRepo,
        ask: Ask<'_>,
        response: &Response<Body>,
    ) -> Fault {
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
        let status = response.status();
        let code = header("x-error-code").unwrap_or_default();
        match status.as_u16() {
            408 | 425 | 429 | 500..=599 => Fault::Passing {
                cause: format!("HTTP {status}"),
                // Every answer says when its window of requests ends; that is a reason to wait for 429 alone.
                wait: wait_of(
                    header("retry-after"),
                    header("ratelimit").filter(|_| status == StatusCode::TOO_MANY_REQUESTS),
                ),
            },
            // The address of a large file is made for each request: the next one may be let in.
            400..=499 if code.is_empty() && !self.is_own(response) => {
                Fault::passing(format!("HTTP {status} from the address that the hub redirects to"))
            }
            _ if code == "GatedRepo" || status == StatusCode::FORBIDDEN => {
                Self::no_access(repository, status, &self.gated(repository))
            }
            _ if matches!(code, "RepoNotFound" | "RevisionNotFound" | "EntryNotFound")
                || status == StatusCode::NOT_FOUND =>
            {
                self.missing(repository, repo, ask, code)
            }
            401 => {
                let reason = if self.settings.token.is_some() {
                    format!(
                        "the token is not accepted (was it revoked, or did it expire?); make one at \
                         {}/settings/tokens and put it into HF_TOKEN or {}",
                        self.settings.endpoint,
                        self.settings.home.join("token").display()
                    )
                } else {
                    self.gated(repository)
                };
                Self::no_access(repository, status, &reason)
            }
            _ => Fault::Final(HubError::Answer {
                what: ask.name().to_owned(),
                expected: "a file".into(),
                given: format!("HTTP {status}"),
            }),
        }
    }

    /// Whether the hub itself answered, and not a host that it redirected to.
    fn is_own(&self, response: &Response<Body>) -> bool {
        Url::parse(&response.get_uri().to_string()).is_ok_and(|address| self.is_hub(&address))
    }

    fn no_access(repository: &str, status: StatusCode, reason: &str) -> Fault {
        Fault::Final(HubError::Access {
            repository: repository.to_owned(),
            status: status.as_u16(),
            reason: reason.to_owned(),
        })
    }

    fn gated(&self, repository: &str) -> String {
        let endpoint = &self.settings.endpoint;
        let accept = format!(
            "its owner lets in only who accepted the terms: sign in, open \
             {endpoint}/datasets/{repository} and accept them"
        );
        if self.settings.token.is_some() {
            format!(
                "{accept} with the account that the token belongs to; a fine-grained token also needs \
                 the right to read gated repositories"
            )
        } else {
            format!(
                "{accept}; then make a token that may read at {endpoint}/settings/tokens and put it \
                 into HF_TOKEN or {}",
                self.settings.home.join("token").display()
            )
        }
    }

    fn missing(&self, repository: &str, repo: &ApiRepo, ask: Ask<'_>, code: &str) -> Fault {
        let revision = repo
            .url("")
            .rsplit("/resolve/")
            .next()
            .unwrap_or_default()
            .trim_matches('/')
            .to_owned();
        let (what, help) = match (ask, code) {
            (_, "RepoNotFound") => (
                format!("data set {repository}, or it is private"),
                "check HF_ENDPOINT, or give the token of an account that may see it in HF_TOKEN",
            ),
            (Ask::File { path, .. } | Ask::Head { path }, "" | "EntryNotFound") => (
                format!("{path} in {repository} at {revision}"),
                "a mirror may lag behind; try another HF_ENDPOINT or another --revision",
            ),
            _ => (
                format!("revision {revision} of {repository}"),
                "give another --revision, or none for the newest; check HF_ENDPOINT",
            ),
        };
        Fault::Final(HubError::Missing {
            endpoint: self.settings.endpoint.clone(),
            what,
            help: help.to_owned(),
        })
    }
}

impl Ask<'_> {
    fn name(&self) -> &str {
        match self {
            Self::Listing => "the list of files",
            Self::File { path, .. } | Self::Head { path } => path,
        }
    }
}

/// Trusts whom this machine trusts (`SSL_CERT_FILE`, or the system's store), as a company's own hub and proxy need, and
/// where it names nobody, the public authorities that ureq knows by heart.
fn tls(endpoint: &str) -> TlsConfig {
    let builder = TlsConfig::builder();
    if !endpoint.starts_with("https://") {
        return builder.build();
    }
    let found = rustls_native_certs::load_native_certs().certs;
    let found: Vec<Certificate<'static>> =
        found.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    if found.is_empty() {
        return builder.build();
    }
    builder.root_certs(RootCerts::new_with_certs(&found)).build()
}

/// A data set at a revision, as hf-hub names it.
pub(super) fn repo(repository: &str, revision: &str) -> Repo {
    Repo::with_revision(repository.to_owned(), RepoType::Dataset, revision.to_owned())
}

/// A path as it stands in an address; hf-hub puts it there as it is.
fn encoded(path: &str) -> String {
    use std::fmt::Write as _;
    path.bytes().fold(String::new(), |mut text, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte) {
            text.push(byte as char);
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_for_addresses() {
        assert_eq!(encoded("data/test-00000.parquet"), "data/test-00000.parquet");
        assert_eq!(encoded("a b/ü?#%.csv"), "a%20b/%C3%BC%3F%23%25.csv");
    }
}
