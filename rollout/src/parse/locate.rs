//! Finds the three labelled brackets.

use conductor_types::{WorkflowError, WorkflowErrorKind};

/// The lists, in the order in which they are returned.
const LISTS: [(&str, &[&str]); 3] = [
    ("model_id", &["model ids", "model id", "model_id"]),
    ("subtasks", &["subtasks", "subtask"]),
    ("access_list", &["access_list", "access list", "access"]),
];

/// A label with its `:` or `=`.
#[derive(Debug, Clone, Copy)]
struct Label {
    list: usize,
    start: usize,
    end: usize,
}

/// The text of each list, brackets included: `model_id`, `subtasks`, `access_list`.
pub(super) fn lists(text: &str) -> Result<[&str; 3], WorkflowError> {
    let labels = labels(text);
    let foreign = next_foreign(&labels);
    let mut found: [Option<Result<&str, ()>>; 3] = [None; 3];
    let mut read_to = 0;
    let mut bracket = None;
    for (label, foreign) in labels.iter().zip(foreign) {
        if label.start < read_to || found[label.list].is_some() {
            continue;
        }
        // The next bracket only ever moves forward, so the whole search is one pass.
        if bracket.is_none_or(|at| at < label.end) {
            bracket = text[label.end..].find('[').map(|at| label.end + at);
        }
        let Some(open) = bracket else { break };
        if foreign.is_some_and(|other| other < open) {
            continue;
        }
        found[label.list] = Some(match balanced_end(text.as_bytes(), open) {
            Some(end) => {
                read_to = end;
                Ok(&text[open..end])
            }
            None => Err(()),
        });
    }
    let mut problems = Vec::new();
    for ((name, _), list) in LISTS.iter().zip(&found) {
        match list {
            Some(Ok(_)) => {}
            Some(Err(())) => problems.push(format!("the bracket behind {name} never closes")),
            None => problems.push(format!("no {name} with a bracket behind it")),
        }
    }
    if let [Some(Ok(ids)), Some(Ok(subtasks)), Some(Ok(access))] = found {
        return Ok([ids, subtasks, access]);
    }
    Err(WorkflowError {
        kind: WorkflowErrorKind::NotFound,
        message: format!(
            "{}; expected model_id, subtasks and access_list, each followed by : or = and a list",
            problems.join(", ")
        ),
    })
}

/// Every label that is followed by `:` or `=` and is not part of a longer word, in text order.
fn labels(text: &str) -> Vec<Label> {
    let bytes = text.as_bytes();
    let mut labels = Vec::new();
    let mut before = None;
    let mut skip_to = 0;
    for (start, c) in text.char_indices() {
        let inside_word = before.is_some_and(is_word);
        before = Some(c);
        if inside_word || start < skip_to {
            continue;
        }
        if let Some(label) = label_at(bytes, start) {
            skip_to = label.end;
            labels.push(label);
        }
    }
    labels
}

fn label_at(bytes: &[u8], start: usize) -> Option<Label> {
    for (list, (_, spellings)) in LISTS.iter().enumerate() {
        for spelling in *spellings {
            let end = start + spelling.len();
            let Some(given) = bytes.get(start..end) else { continue };
            if !given.eq_ignore_ascii_case(spelling.as_bytes()) {
                continue;
            }
            // At most a few blanks: a label whose colon stands pages later is none.
            let blanks =
                bytes[end..].iter().take(16).take_while(|b| b.is_ascii_whitespace()).count();
            if matches!(bytes.get(end + blanks), Some(b':' | b'=')) {
                return Some(Label { list, start, end: end + blanks + 1 });
            }
        }
    }
    None
}

/// For each label, where the next label of another list starts.
fn next_foreign(labels: &[Label]) -> Vec<Option<usize>> {
    let mut next = vec![None; labels.len()];
    let mut following: [Option<usize>; 3] = [None; 3];
    for (index, label) in labels.iter().enumerate().rev() {
        next[index] =
            (0..3).filter(|&list| list != label.list).filter_map(|list| following[list]).min();
        following[label.list] = Some(label.start);
    }
    next
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// One behind the bracket that closes the one at `open`; brackets within quotes do not count.
fn balanced_end(bytes: &[u8], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = open;
    while at < bytes.len() {
        match bytes[at] {
            quote @ (b'"' | b'\'') => at = quote_end(bytes, at, quote)?,
            b'[' => depth += 1,
            b']' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// The position of the last byte of the quote that ends the string begun at `start`.
pub(super) fn quote_end(bytes: &[u8], start: usize, quote: u8) -> Option<usize> {
    let triple = bytes.get(start..start + 3) == Some(&[quote; 3]);
    let mut at = start + if triple { 3 } else { 1 };
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b if b == quote && !triple => return Some(at),
            b if b == quote && bytes.get(at..at + 3) == Some(&[quote; 3]) => return Some(at + 2),
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_a_whole_word_with_a_sign_behind_it() {
        let ends = |text: &str| labels(text).iter().map(|l| l.list).collect::<Vec<_>>();
        assert_eq!(ends("model_id: x MODEL IDS = Subtask : Access="), [0, 0, 1, 2]);
        assert_eq!(
            ends("my_model_id: submodel_id: model_id_2: émodel_id: accessible:"),
            Vec::<usize>::new()
        );
        assert_eq!(ends("the access to subtasks, model_id"), Vec::<usize>::new());
    }

    #[test]
    fn quotes_hide_brackets() {
        let end = |text: &str| balanced_end(text.as_bytes(), 0);
        assert_eq!(end("[']', \"]\"]x"), Some(10));
        assert_eq!(end(r#"["\"]"]"#), Some(7));
        assert_eq!(end("['''a]'b''']"), Some(12));
        assert_eq!(end("[[]"), None);
        assert_eq!(end("[\"]"), None);
        assert_eq!(end("['']"), Some(4));
    }
}
