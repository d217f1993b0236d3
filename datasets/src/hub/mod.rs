//! Benchmarks from the Hugging Face hub, stored as Parquet.
//!
//! `plan` says what a fetch would bring, `fetch` brings it: the list of files from the hub, each file into the cache
//! that Hugging Face's tools share (resumed, checked, retried), then rows into a folder of Parquet files with a
//! manifest. The client is hf-hub's; `client` and `transfer` say what it does not do and is done here. Nothing is
//! printed: whoever calls looks on through [`Watch`].

mod cache;
mod client;
mod convert;
mod error;
mod folder;
mod listing;
mod manifest;
pub mod registry;
mod retry;
mod settings;
mod sum;
mod transfer;
mod watch;

use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use error::HubError;
pub use manifest::{MANIFEST, Manifest, SourceFile, StoredFile};
pub use registry::{BENCHMARKS, Benchmark, Release, Stored};
pub use settings::{HubSettings, Patience, Token};
pub use sum::Sum;
pub use watch::{Event, Watch};

use cache::CachedSet;
use client::Client;
use convert::{Limits, Source};
use folder::{Filling, require_room};
use listing::{Listing, Remote};
use transfer::{Wanted, bring, is_right, length, partial};

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

/// How a fetch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The folder holds it already, whole. Nothing was asked and nothing written.
    Present(PathBuf, Manifest),
    /// It was written.
    Stored(PathBuf, Manifest),
}

/// What a request means.
struct Choice {
    benchmark: &'static Benchmark,
    release: &'static Release,
    revision: String,
    out: PathBuf,
}

fn choose(request: &Request) -> Result<Choice, HubError> {
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
    plan_with(&client, request, choose(request)?, watch)
}

fn plan_with(
    client: &Client<'_>,
    request: &Request,
    choice: Choice,
    watch: &mut dyn Watch,
) -> Result<Plan, HubError> {
    let Choice { benchmark, release, revision, out } = choice;
    let settings = client.settings;
    let set = CachedSet::new(&settings.cache, benchmark.repository, &revision);
    let listing = if settings.offline {
        let commit = set.commit(&revision);
        let commit =
            commit.ok_or_else(|| offline(settings, request, benchmark, &revision, "a commit"))?;
        listing::of_cache(&set.snapshot(&commit), &commit)
    } else {
        listing::of_hub(client, benchmark.repository, &revision, watch)?
    };
    let mut files = Vec::new();
    for (stored, file) in release.files.iter().enumerate() {
        let before = files.len();
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
    let Listing { commit, license, .. } = listing;
    let plan = Plan {
        benchmark,
        release,
        requested_revision: revision,
        revision: commit,
        license,
        out,
        files,
    };
    watch.event(&Event::Listed {
        repository: benchmark.repository,
        revision: &plan.revision,
        files: plan.files.len(),
        bytes: plan.bytes(),
    });
    Ok(plan)
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

fn offline(
    settings: &HubSettings,
    request: &Request,
    benchmark: &Benchmark,
    revision: &str,
    what: &str,
) -> HubError {
    let mut command = request.name.clone();
    for (flag, value) in [("release", &request.release), ("revision", &request.revision)] {
        if let Some(value) = value {
            command.push_str(&format!(" --{flag} {value}"));
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

/// Brings a benchmark into a folder of Parquet files, unless it is there already.
///
/// What is fetched stays in the cache after an error or a stop, and the next fetch goes on from there; the folder is
/// written aside and put in place as a whole.
pub fn fetch(
    settings: &HubSettings,
    request: &Request,
    watch: &mut dyn Watch,
) -> Result<Fetched, HubError> {
    let choice = choose(request)?;
    if let Some(manifest) = present(request, &choice, watch)? {
        return Ok(Fetched::Present(choice.out, manifest));
    }
    let client = Client::new(settings)?;
    let plan = plan_with(&client, request, choice, watch)?;
    require_room(&settings.cache, plan.to_fetch(), "the download", "HF_HOME or HF_HUB_CACHE")?;
    // Parquet packs better than text, but nobody knows how well beforehand.
    require_room(&plan.out, plan.bytes(), "the stored files", "--out")?;
    let filling = Filling::begin(&plan.out)?;
    let mut paths = Vec::new();
    for file in &plan.files {
        paths.push(in_cache(&client, request, &plan, file, watch)?);
    }
    let manifest = store(&plan, &paths, &filling, watch)?;
    filling.place()?;
    Ok(Fetched::Stored(plan.out, manifest))
}

/// What an earlier fetch left in the folder, where it is what is asked for. Errors: it is something else.
fn present(
    request: &Request,
    choice: &Choice,
    watch: &mut dyn Watch,
) -> Result<Option<Manifest>, HubError> {
    let Choice { benchmark, release, revision, out } = choice;
    let occupied = |reason: String| Err(HubError::Occupied { out: out.clone(), reason });
    let manifest = match Manifest::read(out) {
        Ok(Some(manifest)) => manifest,
        Err(_) if request.force && out.join(MANIFEST).is_file() => return Ok(None),
        Err(error) => return Err(error),
        Ok(None) => {
            let is_empty = match std::fs::read_dir(out) {
                Ok(mut entries) => entries.next().is_none(),
                Err(gone) => gone.kind() == std::io::ErrorKind::NotFound,
            };
            return if is_empty {
                Ok(None)
            } else {
                occupied(format!(
                    "is there and no earlier fetch wrote it (it has no {MANIFEST}); give another --out"
                ))
            };
        }
    };
    if request.force {
        return Ok(None);
    }
    if (manifest.name.as_str(), manifest.release.as_str()) != (benchmark.name, release.name) {
        return occupied(format!(
            "holds {} {}; --force replaces it, or give another --out",
            manifest.name, manifest.release
        ));
    }
    let asks = request.revision.as_ref();
    if asks
        .is_some_and(|asked| ![&manifest.revision, &manifest.requested_revision].contains(&asked))
    {
        return occupied(format!(
            "holds revision {}, and {revision} is asked for; --force replaces it",
            manifest.revision
        ));
    }
    match manifest.damaged(out, watch)? {
        None => Ok(Some(manifest)),
        Some(file) => occupied(format!(
            "was fetched before, but {} has changed since; --force fetches it anew",
            file.display()
        )),
    }
}

/// Where a file lies in the cache, after it was brought there if need be.
fn in_cache(
    client: &Client<'_>,
    request: &Request,
    plan: &Plan,
    file: &Planned,
    watch: &mut dyn Watch,
) -> Result<PathBuf, HubError> {
    let settings = client.settings;
    let repository = plan.benchmark.repository;
    let set = CachedSet::new(&settings.cache, repository, &plan.requested_revision);
    let repo = client.repo(repository, &plan.revision);
    let Planned { path, bytes, sum, .. } = file;
    let wanted = Wanted { repository, repo: &repo, path, bytes: *bytes, sum };
    let (blob, pointer) = (set.blob(sum.hex()), set.snapshot(&plan.revision).join(path));
    for place in [&pointer, &blob] {
        if !place.is_file() {
            continue;
        }
        if is_right(place, &wanted, watch)? {
            watch.event(&Event::Cached { file: path });
            if *place == blob && !settings.offline {
                return set.point(&plan.revision, path, &blob);
            }
            return Ok(place.clone());
        }
        if !settings.offline {
            watch.event(&Event::Damaged { file: path });
            std::fs::remove_file(place).map_err(error::io("remove", place))?;
        }
    }
    if settings.offline {
        let what = format!("{path} undamaged");
        return Err(offline(settings, request, plan.benchmark, &plan.requested_revision, &what));
    }
    bring(client, &wanted, &blob, watch)?;
    set.point(&plan.revision, path, &blob)
}

/// Converts all files into the folder and writes the manifest.
fn store(
    plan: &Plan,
    paths: &[PathBuf],
    filling: &Filling,
    watch: &mut dyn Watch,
) -> Result<Manifest, HubError> {
    let mut files = Vec::new();
    for (at, stored) in plan.release.files.iter().enumerate() {
        let sources: Vec<Source<'_>> = plan
            .files
            .iter()
            .zip(paths)
            .filter(|(file, _)| file.stored == at)
            .map(|(file, path)| Source { name: &file.path, path: path.clone() })
            .collect();
        let name = format!("{}.parquet", stored.name);
        let target = filling.path().join(&name);
        let columns = plan.benchmark.columns;
        let written = convert::store(&sources, columns, &target, &Limits::USUAL, watch)?;
        if written.rows != stored.rows {
            let (rows, usual) = (written.rows, stored.rows);
            watch.event(&Event::Unusual { file: &name, rows, usual });
        }
        let (bytes, sha256) = (length(&target), sum::sha256(&target, watch)?);
        files.push(StoredFile {
            path: name,
            rows: written.rows,
            bytes,
            sha256,
            columns: written.columns,
        });
    }
    let (format, version) = Manifest::marks();
    let manifest = Manifest {
        format,
        version,
        name: plan.benchmark.name.to_owned(),
        release: plan.release.name.to_owned(),
        source: plan.benchmark.source.to_owned(),
        repository: plan.benchmark.repository.to_owned(),
        revision: plan.revision.clone(),
        requested_revision: plan.requested_revision.clone(),
        license: plan.license.clone(),
        license_note: plan.benchmark.license.to_owned(),
        gated: plan.benchmark.gated,
        fetched_at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        sources: plan.files.iter().map(source_file).collect(),
        files,
    };
    manifest.write(filling.path())?;
    Ok(manifest)
}

fn source_file(file: &Planned) -> SourceFile {
    let sum = match file.sum {
        Sum::Sha256(_) => "sha256",
        Sum::Git(_) => "git",
    };
    let hex = file.sum.hex().to_owned();
    SourceFile { path: file.path.clone(), bytes: file.bytes, sum: sum.to_owned(), hex }
}
