//! What a fetch would bring: a request, held against the table and the list of files.

use std::path::{Path, PathBuf};

use super::cache::CachedSet;
use super::client::Client;
use super::error::HubError;
use super::listing::{self, Listing, Remote};
use super::registry::{Benchmark, Release, Stored};
use super::settings::HubSettings;
use super::sum::{self, Sum};
use super::transfer::{length, partial};
use super::watch::{Event, Watch};

/// What is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The benchmark's name.
    pub name: String,
    /// One of its releases; the default one where none is given.
    pub release: Option<String>,
    /// A branch, tag or commit; the benchmark's branch where none is given.
    pub revision: Option<String>,
    /// The folder to write; `data/` and [`Benchmark::folder`] where none is given.
    pub out: Option<PathBuf>,
    /// Whether to replace what an earlier fetch wrote.
    pub force: bool,
}

/// What a fetch would bring.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The benchmark.
    pub benchmark: &'static Benchmark,
    /// Which release of it.
    pub release: &'static Release,
    /// The branch, tag or commit that was asked for.
    pub requested_revision: String,
    /// The commit.
    pub revision: String,
    /// The hub's label of the licence.
    pub license: Option<String>,
    /// The folder to write.
    pub out: PathBuf,
    /// The hub's files, in the order in which their rows are stored.
    pub files: Vec<Planned>,
}

/// A file of the hub in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Its path there.
    pub path: String,
    /// Which of [`Release::files`] its rows go into.
    pub stored: usize,
    /// Its length.
    pub bytes: u64,
    /// Its sum.
    pub sum: Sum,
    /// Bytes of it that the cache holds already, not checked yet.
    pub kept: u64,
}

impl Plan {
    /// Bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    /// Bytes that the cache does not hold.
    pub fn to_fetch(&self) -> u64 {
        self.files.iter().map(|file| file.bytes.saturating_sub(file.kept)).sum()
    }
}

/// What a request means.
pub(super) struct Choice {
    pub benchmark: &'static Benchmark,
    pub release: &'static Release,
    pub revision: String,
    pub out: PathBuf,
}

pub(super) fn choose(request: &Request) -> Result<Choice, HubError> {
    let benchmark = Benchmark::named(&request.name)?;
    let release = benchmark.release(request.release.as_deref())?;
    let revision = request.revision.clone().unwrap_or_else(|| benchmark.branch.to_owned());
    // It becomes a part of an address and of a path in the cache.
    let is_plain = |part: &str| {
        let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        !part.is_empty() && part.bytes().all(fine) && !part.contains("..") && part != "."
    };
    if revision.len() > 200 || !revision.split('/').all(is_plain) {
        return Err(HubError::Revision { given: revision });
    }
    let out = match &request.out {
        Some(out) => out.clone(),
        None => Path::new("data").join(benchmark.folder(release)),
    };
    Ok(Choice { benchmark, release, revision, out })
}

/// Says what a fetch would bring. Makes one request, or none where [`HubSettings::offline`] is set.
pub fn plan(
    settings: &HubSettings,
    request: &Request,
    watch: &mut dyn Watch,
) -> Result<Plan, HubError> {
    let client = Client::new(settings)?;
    Ok(plan_with(&client, request, choose(request)?, watch)?.0)
}

/// The plan, and the list that it was made of.
pub(super) fn plan_with(
    client: &Client<'_>,
    request: &Request,
    choice: Choice,
    watch: &mut dyn Watch,
) -> Result<(Plan, Listing), HubError> {
    let Choice { benchmark, release, revision, out } = choice;
    let settings = client.settings;
    let set = CachedSet::new(&settings.cache, benchmark.repository, &revision);
    let listing = if settings.offline {
        let commit = set.commit(&revision);
        let commit =
            commit.ok_or_else(|| offline(settings, request, benchmark, &revision, "a commit"))?;
        listing::of_cache(&set, &commit)
    } else {
        listing::of_hub(client, benchmark.repository, &revision, watch)?
    };
    let mut files = Vec::new();
    for (stored, file) in release.files.iter().enumerate() {
        let before = files.len();
        if settings.offline {
            let missing = missing(&set, &listing, file);
            if !missing.is_empty() {
                let what = missing.join(", ");
                return Err(offline(settings, request, benchmark, &revision, &what));
            }
        }
        for (path, remote) in listing.files.iter().filter(|(path, _)| file.takes(path)) {
            let (bytes, sum) = described(client, benchmark, &listing, (path, remote), watch)?;
            let blob = set.blob(sum.hex());
            let kept = if blob.is_file() { length(&blob) } else { length(&partial(&blob)) };
            let kept = kept.min(bytes);
            files.push(Planned { path: path.clone(), stored, bytes, sum, kept });
        }
        if files.len() == before {
            return Err(if settings.offline {
                offline(settings, request, benchmark, &revision, file.from)
            } else {
                absent(settings, benchmark, &listing, file)
            });
        }
    }
    let plan = Plan {
        benchmark,
        release,
        requested_revision: revision,
        revision: listing.commit.clone(),
        license: listing.license.clone(),
        out,
        files,
    };
    watch.event(&Event::Listed {
        repository: benchmark.repository,
        revision: &plan.revision,
        files: plan.files.len(),
        bytes: plan.bytes(),
    });
    Ok((plan, listing))
}

/// What the cache lacks of the files that belong together.
fn missing(set: &CachedSet, listing: &Listing, file: &Stored) -> Vec<String> {
    let taken = || listing.files.iter().filter(|(path, _)| file.takes(path));
    let is_there = |(path, remote): &(&String, &Remote)| {
        set.snapshot(&listing.commit).join(path).is_file()
            || remote.sum.as_ref().is_some_and(|sum| set.blob(sum.hex()).is_file())
    };
    let absent = taken().filter(|file| !is_there(file)).map(|(path, _)| path.clone());
    absent.chain(listing::unnumbered(taken().map(|(path, _)| path.as_str()))).collect()
}

/// The length and the sum of a file, from the list or, where that has none, from the file's own address.
fn described(
    client: &Client<'_>,
    benchmark: &Benchmark,
    listing: &Listing,
    (path, remote): (&str, &Remote),
    watch: &mut dyn Watch,
) -> Result<(u64, Sum), HubError> {
    let mut remote = remote.clone();
    if client.settings.offline && remote.sum.is_none() {
        // A cache without links does not tell the hub's sum: what lies there is taken as it is.
        let set = CachedSet::new(&client.settings.cache, benchmark.repository, &listing.commit);
        let hex = sum::sha256(&set.snapshot(&listing.commit).join(path), watch)?;
        remote.sum = Sum::parse(&hex);
    }
    if (remote.bytes.is_none() || remote.sum.is_none()) && !client.settings.offline {
        let repo = client.repo(benchmark.repository, &listing.commit);
        let own = listing::of_file(client, &repo, benchmark.repository, path, watch)?;
        remote = Remote { bytes: remote.bytes.or(own.bytes), sum: remote.sum.or(own.sum) };
    }
    match (remote.bytes, remote.sum) {
        (Some(bytes), Some(sum)) => Ok((bytes, sum)),
        _ => Err(HubError::Answer {
            what: path.to_owned(),
            expected:
                "its length and its SHA-256 or git sum in the list of files or in its headers"
                    .into(),
            given: "none, so that what comes could not be checked; use another HF_ENDPOINT".into(),
        }),
    }
}

pub(super) fn offline(
    settings: &HubSettings,
    request: &Request,
    benchmark: &Benchmark,
    revision: &str,
    what: &str,
) -> HubError {
    let mut command = request.name.clone();
    for (flag, value) in [("release", &request.release), ("revision", &request.revision)] {
        if let Some(value) = value {
            command.extend([" --", flag, " ", value]);
        }
    }
    HubError::Offline {
        what: what.to_owned(),
        repository: benchmark.repository.to_owned(),
        revision: revision.to_owned(),
        cache: settings.cache.clone(),
        command,
    }
}

fn absent(
    settings: &HubSettings,
    benchmark: &Benchmark,
    listing: &Listing,
    file: &Stored,
) -> HubError {
    const SHOWN: usize = 12;
    let mut there: Vec<&str> = listing.files.keys().map(String::as_str).take(SHOWN).collect();
    if listing.files.len() > SHOWN {
        there.push("…");
    }
    let (repository, commit) = (benchmark.repository, &listing.commit);
    HubError::Missing {
        endpoint: settings.endpoint.clone(),
        what: format!("{} in {repository} at {commit}", file.from),
        help: format!(
            "it has {}; the data set has changed: give an older --revision, or tell the maintainers",
            if there.is_empty() { "no file".to_owned() } else { there.join(", ") }
        ),
    }
}
