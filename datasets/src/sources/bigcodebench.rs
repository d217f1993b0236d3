//! `BigCodeBench` (arXiv 2406.15877): functions that use many libraries, judged by unit tests that run in one interpreter with them.
//! Three in four of the hard set need numpy, pandas or the like there: `libraries` keeps those that run without.

use std::collections::BTreeSet;
use std::path::Path;

use conductor_configs::schema::BigCodeBenchForm;
use conductor_types::Grading;
use serde::Deserialize;

use super::records::Rows;
use super::{Emit, check, draft, prompts};
use crate::error::{DataError, excerpt};

const EXPECTED: &str = "a BigCodeBench task {\"task_id\", \"complete_prompt\" and \"instruct_prompt\" or \"prompt\", \
                        \"code_prompt\", \"test\", \"entry_point\"}, all texts";
const COLUMNS: [&str; 7] = [
    "task_id",
    "prompt",
    "complete_prompt",
    "instruct_prompt",
    "code_prompt",
    "test",
    "entry_point",
];

/// Runs the unit tests and raises where one fails; a class without tests proves nothing.
const RUNNER: &str = "
import io as _io, unittest as _unittest
_suite = _unittest.defaultTestLoader.loadTestsFromTestCase(TestCases)
_result = _unittest.TextTestRunner(stream=_io.StringIO()).run(_suite)
assert _result.testsRun > 0, 'no test was run'
assert _result.wasSuccessful(), 'failed: ' + ', '.join(str(case) for case, _ in _result.failures + _result.errors)
";

#[derive(Deserialize)]
struct Row {
    task_id: String,
    #[serde(default)]
    prompt: Option<String>,
    #[serde(default)]
    complete_prompt: Option<String>,
    #[serde(default)]
    instruct_prompt: Option<String>,
    code_prompt: String,
    test: String,
    entry_point: String,
}

pub(super) fn read(
    path: &Path,
    form: BigCodeBenchForm,
    libraries: Option<&[String]>,
    emit: &mut Emit,
) -> Result<(), DataError> {
    Rows::new(path, &COLUMNS, EXPECTED).for_each(|at, row: Row| {
        if let Some(there) = libraries {
            let needed = imports(&row.code_prompt).chain(imports(&row.test));
            let needed: BTreeSet<&str> = needed.collect();
            let has = |name: &&str| {
                STANDARD_LIBRARY.binary_search(name).is_ok() || there.iter().any(|l| l == name)
            };
            if !needed.iter().all(has) {
                return Ok(());
            }
        }
        if !row.test.contains("class TestCases") {
            let given = excerpt(&row.test);
            return Err(at.fail("`test` that defines the class TestCases", given));
        }
        let (question, in_words) = question(&row, form)
            .ok_or_else(|| at.fail(EXPECTED, "a row without any of the prompts"))?;
        check::filled(&at.place, "prompt", question)?;
        let prompt =
            if in_words { in_words_form(question) } else { prompts::function("", question) };
        let grading = Grading::Python {
            // A head without a body is no program: with this one it brings its imports to answers that lean on them.
            prelude: format!("{}\n    pass\n", row.code_prompt.trim_end()),
            tests: format!("{}\n{RUNNER}", row.test.trim_end()),
            entry_point: row.entry_point.clone(),
        };
        let id = row.task_id.trim().to_string();
        emit(at.place, draft::task(id, "bigcodebench".into(), prompt, grading))
    })
}

fn in_words_form(question: &str) -> String {
    format!(
        "{}\n\nReply with the whole function and every import it needs in one ```python block, and nothing else.",
        question.trim()
    )
}

/// The question, and whether it is in words; a head with documentation otherwise.
fn question(row: &Row, form: BigCodeBenchForm) -> Option<(&str, bool)> {
    let wanted = match form {
        BigCodeBenchForm::Instruct => row.instruct_prompt.as_deref().map(|text| (text, true)),
        BigCodeBenchForm::Complete => row.complete_prompt.as_deref().map(|text| (text, false)),
    };
    wanted.or_else(|| {
        let text = row.prompt.as_deref()?;
        // A head with documentation begins with the head's own lines; questions in words may begin with its imports.
        let mut asked = filled_lines(text);
        Some((text, !filled_lines(&row.code_prompt).all(|line| asked.next() == Some(line))))
    })
}

fn filled_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim_end).filter(|line| !line.is_empty())
}

/// The outermost names of the modules that a program imports.
fn imports(program: &str) -> impl Iterator<Item = &str> {
    program.lines().flat_map(|line| {
        let line = line.trim_start();
        let from =
            line.strip_prefix("from ").map(|rest| rest.split(" import").next().unwrap_or(rest));
        let listed = line.strip_prefix("import ");
        let names = from.or(listed).unwrap_or_default();
        let names = names.split('#').next().unwrap_or_default().split(',');
        names.filter_map(|name| {
            let name = name.trim().split([' ', '.']).next().unwrap_or_default();
            let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
            (plain && !name.is_empty()).then_some(name)
        })
    })
}

/// `sorted(name for name in sys.stdlib_module_names if not name.startswith("_"))` of Python 3.11, and `__future__`.
#[rustfmt::skip]
const STANDARD_LIBRARY: [&str; 218] = [
    "__future__", "abc", "aifc", "antigravity", "argparse", "array", "ast", "asynchat", "asyncio", "asyncore", "atexit",
    "audioop", "base64", "bdb", "binascii", "bisect", "builtins", "bz2", "cProfile", "calendar", "cgi", "cgitb", "chunk",
    "cmath", "cmd", "code", "codecs", "codeop", "collections", "colorsys", "compileall", "concurrent", "configparser",
    "contextlib", "contextvars", "copy", "copyreg", "crypt", "csv", "ctypes", "curses", "dataclasses", "datetime", "dbm",
    "decimal", "difflib", "dis", "distutils", "doctest", "email", "encodings", "ensurepip", "enum", "errno", "faulthandler",
    "fcntl", "filecmp", "fileinput", "fnmatch", "fractions", "ftplib", "functools", "gc", "genericpath", "getopt", "getpass",
    "gettext", "glob", "graphlib", "grp", "gzip", "hashlib", "heapq", "hmac", "html", "http", "idlelib", "imaplib", "imghdr",
    "imp", "importlib", "inspect", "io", "ipaddress", "itertools", "json", "keyword", "lib2to3", "linecache", "locale",
    "logging", "lzma", "mailbox", "mailcap", "marshal", "math", "mimetypes", "mmap", "modulefinder", "msilib", "msvcrt",
    "multiprocessing", "netrc", "nis", "nntplib", "nt", "ntpath", "nturl2path", "numbers", "opcode", "operator", "optparse",
    "os", "ossaudiodev", "pathlib", "pdb", "pickle", "pickletools", "pipes", "pkgutil", "platform", "plistlib", "poplib",
    "posix", "posixpath", "pprint", "profile", "pstats", "pty", "pwd", "py_compile", "pyclbr", "pydoc", "pydoc_data", "pyexpat",
    "queue", "quopri", "random", "re", "readline", "reprlib", "resource", "rlcompleter", "runpy", "sched", "secrets", "select",
    "selectors", "shelve", "shlex", "shutil", "signal", "site", "smtpd", "smtplib", "sndhdr", "socket", "socketserver", "spwd",
    "sqlite3", "sre_compile", "sre_constants", "sre_parse", "ssl", "stat", "statistics", "string", "stringprep", "struct",
    "subprocess", "sunau", "symtable", "sys", "sysconfig", "syslog", "tabnanny", "tarfile", "telnetlib", "tempfile", "termios",
    "textwrap", "this", "threading", "time", "timeit", "tkinter", "token", "tokenize", "tomllib", "trace", "traceback",
    "tracemalloc", "tty", "turtle", "turtledemo", "types", "typing", "unicodedata", "unittest", "urllib", "uu", "uuid", "venv",
    "warnings", "wave", "weakref", "webbrowser", "winreg", "winsound", "wsgiref", "xdrlib", "xml", "xmlrpc", "zipapp",
    "zipfile", "zipimport", "zlib", "zoneinfo",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_are_read_in_every_form() {
        let program = "import os, numpy.linalg as la  # x, y\nfrom sklearn.svm import SVC\n    import csv\nimportant = 1\nfrom . import a\n";
        assert_eq!(imports(program).collect::<Vec<_>>(), ["os", "numpy", "sklearn", "csv"]);
    }

    #[test]
    fn the_list_of_modules_is_sorted() {
        assert!(STANDARD_LIBRARY.is_sorted());
        assert!(STANDARD_LIBRARY.binary_search(&"unittest").is_ok());
        assert!(STANDARD_LIBRARY.binary_search(&"numpy").is_err());
    }
}
