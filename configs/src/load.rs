//! From files, environment and arguments to one checked configuration.

use std::path::{Path, PathBuf};

use crate::checks;
use crate::errors::ConfigErrors;
use crate::keys;
use crate::presets::{PRESETS, preset};
use crate::problem::{ErrorKind, Problem};
use crate::resolved::Resolved;
use crate::schema::Config;
use crate::shape;
use crate::source::{Place, SourceKind, Sources};
use crate::suggest;
use crate::tree::{self, Node, Tree};
use crate::walk::{self, Walked};

/// What a run's configuration is put together from.
///
/// Later layers win: the schema's defaults, the preset, the file, the environment, `--set`. Tables are laid over
/// one another key by key. Arrays (`pool.workers`, `tasks.sources`) are replaced whole, and so is a table whose
/// `kind` changes. Relative paths, in values as well as in `preset`, are relative to the current directory.
#[derive(Debug, Clone, Default)]
pub struct LoadRequest {
    /// The run's TOML file.
    pub file: Option<PathBuf>,
    /// A preset's name, or the path of a file to be used as one; it takes the place of the file's own `preset` key.
    pub preset: Option<String>,
    /// The process's environment; of it, `CONDUCTOR__SECTION__KEY=value` is read and the rest ignored.
    pub env: Vec<(String, String)>,
    /// `section.key=value`, as `--set` takes them. The value is TOML, or else a string.
    pub sets: Vec<String>,
}

/// Where the names of environment variables start that set a key.
pub const ENV_PREFIX: &str = "CONDUCTOR__";

/// So many broken places of one text are shown.
const MOST_SYNTAX_ERRORS: usize = 10;

/// Puts a configuration together and checks it. All that is wrong is reported at once.
pub fn load(request: &LoadRequest) -> Result<Resolved, ConfigErrors> {
    let mut loading = Loading::default();
    let file = request.file.as_ref().and_then(|path| {
        let kind = SourceKind::File(path.clone());
        loading.read(path).map(|text| loading.document(kind, text))
    });
    loading.finish(file, request)
}

/// Checks a text as if it were a file of that name, with neither environment nor arguments.
pub fn load_str(name: &str, text: &str) -> Result<Resolved, ConfigErrors> {
    load_text(name, text, &LoadRequest::default())
}

/// As [`load`], with a text of that name in the place of the request's file.
pub fn load_text(name: &str, text: &str, request: &LoadRequest) -> Result<Resolved, ConfigErrors> {
    let mut loading = Loading::default();
    let file = loading.document(SourceKind::File(name.into()), text.to_owned());
    loading.finish(Some(file), request)
}

#[derive(Default)]
struct Loading {
    sources: Sources,
    problems: Vec<Problem>,
    /// Where the syntax is broken.
    broken: Vec<Place>,
}

impl Loading {
    fn finish(
        mut self,
        file: Option<Tree>,
        request: &LoadRequest,
    ) -> Result<Resolved, ConfigErrors> {
        let mut layers: Vec<Tree> = file.into_iter().collect();
        layers.push(self.environment(&request.env));
        layers.push(self.sets(&request.sets));
        let mut named = None;
        for layer in &mut layers {
            named = self.take_preset(layer).or(named);
        }
        if let Some(name) = &request.preset {
            let source = self.sources.add(SourceKind::CommandLinePreset, name.clone());
            named = Some((name.clone(), Place { source, span: 0..name.len() }));
        }
        let mut whole = self.presets(named);
        for layer in layers {
            tree::merge(&mut whole, layer);
        }
        self.conclude(&whole)
    }

    /// The presets from the one that names no other to the one that was asked for, laid over one another.
    fn presets(&mut self, mut named: Option<(String, Place)>) -> Tree {
        let mut layers = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        while let Some((name, place)) = named.take() {
            if seen.contains(&name) {
                let message =
                    format!("the preset \"{name}\" is built on itself: {}", seen.join(" → "));
                let problem = Problem::new(ErrorKind::Source, "preset", message, &place);
                self.problems.push(problem.help("take out one of the `preset` keys"));
                break;
            }
            seen.push(name.clone());
            if let Some(mut layer) = self.preset(&name, &place) {
                named = self.take_preset(&mut layer);
                layers.push(layer);
            }
        }
        let mut whole = Tree::empty();
        for layer in layers.into_iter().rev() {
            tree::merge(&mut whole, layer);
        }
        whole
    }

    fn preset(&mut self, name: &str, place: &Place) -> Option<Tree> {
        if let Some(known) = preset(name) {
            let kind = SourceKind::Preset(format!("{name}.toml"));
            return Some(self.document(kind, known.text.to_owned()));
        }
        let path = Path::new(name);
        if path.extension().is_some_and(|e| e == "toml") || path.components().count() > 1 {
            let text = self.read(path)?;
            return Some(self.document(SourceKind::Preset(name.to_owned()), text));
        }
        let names = || PRESETS.iter().map(|p| p.name);
        let help = match suggest::nearest(name, names()) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => "for a file of your own, write its path with `.toml`".to_owned(),
        };
        let message = format!(
            "there is no preset \"{name}\"; there are {}",
            names().collect::<Vec<_>>().join(", ")
        );
        self.problems.push(Problem::new(ErrorKind::Source, "preset", message, place).help(help));
        None
    }

    /// Takes the `preset` key out of a layer.
    fn take_preset(&mut self, layer: &mut Tree) -> Option<(String, Place)> {
        let Node::Table(entries) = &mut layer.node else { return None };
        let tree = entries.remove("preset")?;
        if let Node::Text(name) = tree.node {
            return Some((name, tree.place));
        }
        let message =
            format!("expected a preset's name or path as a string, got {}", tree.node.type_name());
        self.problems.push(Problem::new(ErrorKind::WrongType, "preset", message, &tree.place));
        None
    }

    fn read(&mut self, path: &Path) -> Option<String> {
        let (message, help) = match std::fs::read(path) {
            Ok(bytes) => match String::from_utf8(bytes) {
                Ok(text) => return Some(text),
                Err(error) => {
                    let valid = error.utf8_error().valid_up_to();
                    let line = error.as_bytes()[..valid].split(|b| *b == b'\n').count();
                    (
                        format!("{}: line {line} is not UTF-8 text", path.display()),
                        "save the file as UTF-8",
                    )
                }
            },
            Err(error) => (
                format!("cannot read {}: {error}", path.display()),
                "check the path; it is relative to the current directory",
            ),
        };
        self.problems.push(Problem::nowhere(ErrorKind::Source, "", message).help(help));
        None
    }

    fn document(&mut self, kind: SourceKind, text: String) -> Tree {
        let source = self.sources.add(kind, text);
        let (tree, errors) = tree::parse_document(source, &self.sources.get(source).text);
        // A file that is no TOML at all breaks on every line; the first few say so.
        let further = errors.len().saturating_sub(MOST_SYNTAX_ERRORS);
        for (index, error) in errors.into_iter().enumerate() {
            let place = Place { source, span: error.span };
            self.broken.push(place.clone());
            if index < MOST_SYNTAX_ERRORS {
                let mut problem = Problem::new(ErrorKind::Syntax, "", error.message, &place);
                if further > 0 && index + 1 == MOST_SYNTAX_ERRORS {
                    problem.notes.push(format!("{further} further places are no TOML"));
                }
                self.problems.push(problem);
            }
        }
        tree
    }

    fn environment(&mut self, env: &[(String, String)]) -> Tree {
        let mut layer = Tree::empty();
        let mut ours: Vec<_> =
            env.iter().filter(|(name, _)| name.starts_with(ENV_PREFIX)).collect();
        ours.sort();
        for (name, value) in ours {
            let kind = SourceKind::Environment(name.clone());
            let source = self.sources.add(kind, format!("{name}={value}"));
            let path: Vec<String> =
                name[ENV_PREFIX.len()..].split("__").map(str::to_ascii_lowercase).collect();
            self.put(&mut layer, source, &path, name, value);
        }
        layer
    }

    fn sets(&mut self, sets: &[String]) -> Tree {
        let mut layer = Tree::empty();
        for set in sets {
            let source = self.sources.add(SourceKind::Set, set.clone());
            let Some((key, value)) = set.split_once('=') else {
                let place = Place { source, span: 0..set.len() };
                let message = "expected `section.key=value`, got no `=`";
                self.problems.push(Problem::new(ErrorKind::Syntax, "", message, &place));
                continue;
            };
            let path: Vec<String> = key.split('.').map(|part| part.trim().to_owned()).collect();
            self.put(&mut layer, source, &path, key, value);
        }
        layer
    }

    /// Puts the value of the source `name=value` at a path of a layer.
    fn put(&mut self, layer: &mut Tree, source: usize, path: &[String], name: &str, value: &str) {
        if path.len() > keys::DEEPEST {
            let message = format!("a key of more than {} parts", keys::DEEPEST);
            let place = Place { source, span: 0..name.len() };
            self.problems.push(Problem::new(ErrorKind::Syntax, "", message, &place));
            return;
        }
        let leaf = tree::parse_scalar(source, 0..name.len(), name.len() + 1, value);
        tree::insert(layer, path, leaf);
    }

    fn conclude(mut self, whole: &Tree) -> Result<Resolved, ConfigErrors> {
        let walked = walk::walk(shape::root(), whole);
        let unread = self.problems.iter().any(|p| p.kind == ErrorKind::Source);
        let credible: Vec<Problem> = walked
            .problems
            .iter()
            .filter(|p| self.is_credible(p) && !(unread && p.kind == ErrorKind::Missing))
            .cloned()
            .collect();
        self.problems.extend(credible);
        let config: Result<Config, _> = serde_json::from_value(walked.values.clone());
        match config {
            Ok(config) => {
                // Behind a text that could not be read in full, defaults stand where the reader wrote values.
                if self.broken.is_empty() && !unread {
                    self.problems.extend(conflicts(&config, &walked));
                }
                match ConfigErrors::of(self.problems, &self.sources) {
                    Some(errors) => Err(errors),
                    None => Ok(Resolved::new(config, &walked.places, &self.sources)),
                }
            }
            Err(error) => {
                // The walk knows all that serde knows; should it not, serde's words are better than none.
                if self.problems.is_empty() {
                    self.problems.push(Problem::nowhere(
                        ErrorKind::WrongType,
                        "",
                        error.to_string(),
                    ));
                }
                Err(ConfigErrors::of(self.problems, &self.sources)
                    .expect("there is at least the problem that was just pushed"))
            }
        }
    }

    /// Whether a finding of the walk can be believed in spite of broken syntax: a missing key may stand where
    /// the syntax is broken, and behind a broken header keys are taken for another section's.
    fn is_credible(&self, problem: &Problem) -> bool {
        if self.broken.is_empty() {
            return true;
        }
        let Some(place) = problem.places.first() else { return false };
        let line = |p: &Place| self.sources.get(p.source).line_column(p.span.start).0;
        problem.kind != ErrorKind::Missing
            && self.broken.iter().filter(|b| b.source == place.source).all(|b| {
                let source = self.sources.get(b.source);
                let (broken, found) = (line(b), line(place));
                let header = source
                    .text
                    .lines()
                    .nth(broken - 1)
                    .is_some_and(|text| text.trim_start().starts_with('['));
                found < broken || (found > broken && !header)
            })
    }
}

/// What the checks find, as far as it hangs on nothing that is stood in for.
fn conflicts(config: &Config, walked: &Walked) -> Vec<Problem> {
    let given = |key: &str| walked.places.contains_key(key);
    let touches =
        |key: &str| walked.stand_ins.iter().any(|s| is_within(s, key) || is_within(key, s));
    let mut problems = Vec::new();
    for finding in checks::run(&checks::Facts { config, given: &given }) {
        if finding.keys.iter().any(|key| touches(key)) {
            continue;
        }
        let places: Vec<Place> =
            finding.keys.iter().filter_map(|k| walked.places.get(k).cloned()).collect();
        let notes = finding
            .keys
            .iter()
            .filter(|k| !given(k))
            .filter_map(|k| Some(format!("`{k}` is {}, its default", default_text(config, k)?)))
            .collect();
        problems.push(Problem {
            kind: ErrorKind::Conflict,
            key: finding.keys.first().cloned().unwrap_or_default(),
            message: finding.message,
            help: Some(finding.help),
            places,
            notes,
        });
    }
    problems
}

fn default_text(config: &Config, key: &str) -> Option<String> {
    let values = serde_json::to_value(config).ok()?;
    let value = values.pointer(&format!("/{}", key.replace('.', "/")))?;
    Some(if value.is_null() { "absent".to_owned() } else { value.to_string() })
}

/// Whether `inner` is `outer` or lies below it.
fn is_within(inner: &str, outer: &str) -> bool {
    inner.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}
