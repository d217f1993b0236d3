//! The fetch itself: into the cache, then into a folder of Parquet files.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::cache::CachedSet;
use super::client::Client;
use super::convert::{self, Limits, Source};
use super::error::{self, HubError};
use super::folder::{Filling, require_room};
use super::manifest::{MANIFEST, Manifest, SourceFile, StoredFile};
use super::plan::{Choice, Plan, Planned, Request, choose, offline, plan_with};
use super::settings::HubSettings;
use super::sum::{self, Sum};
use super::transfer::{Wanted, bring, is_right, length};
use super::watch::{Event, Watch};

/// How a fetch ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fetched {
    /// The folder holds it already, whole. Nothing was asked and nothing written.
    Present(PathBuf, Manifest),
    /// It was written.
    Stored(PathBuf, Manifest),
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
    let (plan, listing) = plan_with(&client, request, choice, watch)?;
    require_room(&settings.cache, plan.to_fetch(), "the download", "HF_HOME or HF_HUB_CACHE")?;
    // Parquet packs better than text, but nobody knows how well beforehand.
    require_room(&plan.out, plan.bytes(), "the stored files", "--out")?;
    let filling = Filling::begin(&plan.out)?;
    let set = CachedSet::new(&settings.cache, plan.benchmark.repository, &plan.requested_revision);
    if !settings.offline {
        set.keep(&plan.requested_revision, &listing)?;
    }
    let mut paths = Vec::new();
    for file in &plan.files {
        paths.push(in_cache(&client, request, &plan, (&set, file), watch)?);
    }
    if !settings.offline {
        set.note(&plan.revision)?;
    }
    let manifest = store(&plan, &paths, &filling, watch)?;
    // Somebody may have put a file there meanwhile.
    if let Some(earlier) = earlier(&plan.out)? {
        require_no_others(&plan.out, &earlier)?;
    }
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
    let Some(manifest) = earlier(out)? else { return Ok(None) };
    if request.force {
        return require_no_others(out, &manifest).map(|()| None);
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

/// The manifest of what stands in the folder; `None` where there is nothing. Errors: no fetch wrote what is there.
fn earlier(out: &Path) -> Result<Option<Manifest>, HubError> {
    if let Some(manifest) = Manifest::read(out)? {
        return Ok(Some(manifest));
    }
    let is_empty = match std::fs::read_dir(out) {
        Ok(mut entries) => entries.next().is_none(),
        Err(gone) => gone.kind() == std::io::ErrorKind::NotFound,
    };
    if is_empty {
        return Ok(None);
    }
    Err(HubError::Occupied {
        out: out.to_path_buf(),
        reason: format!(
            "is there and no earlier fetch wrote it (it has no {MANIFEST}); give another --out"
        ),
    })
}

/// Errors: the folder holds more than the fetch wrote that left this manifest, and replacing it would take that away.
fn require_no_others(out: &Path, manifest: &Manifest) -> Result<(), HubError> {
    const SHOWN: usize = 5;
    let is_ours =
        |name: &str| name == MANIFEST || manifest.files.iter().any(|file| file.path == name);
    let mut others = Vec::new();
    for entry in std::fs::read_dir(out).map_err(error::io("read", out))? {
        let name = entry.map_err(error::io("read", out))?.file_name();
        if !name.to_str().is_some_and(is_ours) {
            others.push(name.display().to_string());
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    others.sort();
    if others.len() > SHOWN {
        others.truncate(SHOWN);
        others.push("…".into());
    }
    Err(HubError::Occupied {
        out: out.to_path_buf(),
        reason: format!(
            "also holds what no fetch wrote, and would be replaced whole: {}; move that away, or give another --out",
            others.join(", ")
        ),
    })
}

/// Where a file lies in the cache, after it was brought there if need be.
fn in_cache(
    client: &Client<'_>,
    request: &Request,
    plan: &Plan,
    (set, file): (&CachedSet, &Planned),
    watch: &mut dyn Watch,
) -> Result<PathBuf, HubError> {
    let settings = client.settings;
    let repository = plan.benchmark.repository;
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
