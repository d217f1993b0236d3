//! Secrets do not belong into a configuration, and where one stands there all the same it must not reach
//! an error message: texts are masked before they are shown.

/// The line with everything that may be a secret replaced by asterisks, byte for byte, so that carets still fit.
pub(crate) fn mask(line: &str) -> String {
    mask_user(&mask_values(line))
}

/// Masks what stands behind `api_key =` and the like.
fn mask_values(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut from = usize::MAX;
    for word in ["key", "secret", "password", "passwd", "token", "credential", "authorization"] {
        for (at, _) in lower.match_indices(word) {
            let rest = &lower[at + word.len()..];
            // `max_tokens = 5` and `api_key_env = "NAME"` are no secrets, but a key in the place of the name is.
            let (rest, env) = match rest.strip_prefix("_env") {
                Some(rest) => (rest, true),
                None => (rest, false),
            };
            let value = rest.trim_start_matches(['"', '\'', ' ', '\t']);
            let Some(value) = value.strip_prefix('=') else { continue };
            let start = line.len() - value.len();
            if !(env && is_variable_name(line[start..].trim())) {
                from = from.min(start);
            }
        }
    }
    if from >= line.len() {
        return line.to_owned();
    }
    line[..from].chars().map(String::from).chain(line[from..].chars().map(hide)).collect()
}

/// Masks `user:password@` of an address.
fn mask_user(line: &str) -> String {
    let Some(start) = line.find("://").map(|i| i + 3) else { return line.to_owned() };
    let end = line[start..].find(['/', '"', '\'', ' ']).map_or(line.len(), |i| start + i);
    let Some(at) = line[start..end].rfind('@') else { return line.to_owned() };
    let hidden: String = line[start..start + at].chars().map(hide).collect();
    format!("{}{hidden}{}", &line[..start], mask_user(&line[start + at..]))
}

fn hide(c: char) -> String {
    if c.is_whitespace() || "\"'=".contains(c) { c.to_string() } else { "*".repeat(c.len_utf8()) }
}

/// Whether a text (with or without quotes around it) can be an environment variable's name.
pub(crate) fn is_variable_name(text: &str) -> bool {
    let name = text.trim_matches(['"', '\'']);
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_lengths_stay() {
        for (line, masked) in [
            (r#"api_key = "sk-12é" "#, r#"api_key = "*******" "#),
            (r#"api_key_env = "sk-1""#, r#"api_key_env = "****""#),
            (r#"api_key_env = "MY_KEY""#, r#"api_key_env = "MY_KEY""#),
            ("max_tokens = 5", "max_tokens = 5"),
            (r#"base_url = "https://me:pw@host/v1""#, r#"base_url = "https://*****@host/v1""#),
            ("CONDUCTOR__X__API_KEY=abc", "CONDUCTOR__X__API_KEY=***"),
            ("", ""),
        ] {
            assert_eq!(mask(line), masked);
            assert_eq!(mask(line).len(), line.len());
        }
    }
}
