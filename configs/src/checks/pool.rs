//! `[pool]`.

use super::{Facts, Finding};
use crate::mask::is_variable_name;
use crate::schema::{OpenAiWorker, WorkerKind};

/// Tables, logs and recordings tell workers apart by name.
pub(super) fn names_differ(facts: &Facts<'_>) -> Vec<Finding> {
    let workers: Vec<_> = facts.config.pool.all().collect();
    let mut findings = Vec::new();
    for (i, (at, later)) in workers.iter().enumerate() {
        if let Some((other, _)) =
            workers[..i].iter().find(|(_, earlier)| earlier.name == later.name)
        {
            findings.push(Finding::new(
                [format!("{at}.name"), format!("{other}.name")],
                format!("two workers are called \"{}\"", later.name),
                "give one of them another name; a recording's own name for it goes into `worker`",
            ));
        }
    }
    findings
}

/// A vote is over the answers of others.
pub(super) fn vote_needs_others(facts: &Facts<'_>) -> Vec<Finding> {
    let workers = &facts.config.pool.workers;
    if workers.is_empty() || workers.iter().any(|w| !matches!(w.kind, WorkerKind::Vote(_))) {
        return Vec::new();
    }
    let message =
        "the pool holds only workers that vote, and nobody whose answers they could vote on";
    let help =
        "add a worker with `kind = \"recorded\"`, `kind = \"openai\"` or `kind = \"simulated\"`";
    vec![Finding::new(["pool.workers"], message, help)]
}

/// No more workers can be listed than there are.
pub(super) fn listed_are_there(facts: &Facts<'_>) -> Vec<Finding> {
    let pool = &facts.config.pool;
    let there = pool.workers.len();
    match pool.listed {
        Some(listed) if listed as usize > there => {
            let message = format!("{listed} workers are to be listed, and the pool has {there}");
            let help = format!("set it to at most {there}, or leave it out to list all");
            vec![Finding::new(["pool.listed", "pool.workers"], message, help)]
        }
        _ => Vec::new(),
    }
}

/// A price for one side of a call only is a price forgotten.
pub(super) fn prices_come_in_pairs(facts: &Facts<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, worker) in facts.config.pool.all() {
        if matches!(worker.kind, WorkerKind::Vote(_)) {
            continue;
        }
        let key = |side: &str| format!("{at}.{side}_usd_per_million");
        let (input, output) = (key("input"), key("output"));
        let (given, absent) = match ((facts.given)(&input), (facts.given)(&output)) {
            (true, false) => (input, output),
            (false, true) => (output, input),
            _ => continue,
        };
        let help = format!("add `{absent}`; 0 is right for a side that costs nothing");
        let message = format!("worker \"{}\" has a price for one side of a call only", worker.name);
        findings.push(Finding::new([given, absent], message, help));
    }
    findings
}

fn live<'a>(facts: &Facts<'a>) -> impl Iterator<Item = (String, &'a OpenAiWorker)> {
    facts.config.pool.all().filter_map(|(at, w)| match &w.kind {
        WorkerKind::Openai(worker) => Some((at, worker)),
        _ => None,
    })
}

/// Only a model can be asked outside a workflow.
pub(super) fn unlisted_are_live(facts: &Facts<'_>) -> Vec<Finding> {
    let unlisted = facts.config.pool.unlisted.iter().enumerate();
    unlisted
        .filter(|(_, worker)| !matches!(worker.kind, WorkerKind::Openai(_)))
        .map(|(i, worker)| {
            Finding::new(
                [format!("pool.unlisted[{i}].kind")],
                format!(
                    "\"{}\" is unlisted and no live worker, so nobody could ask it",
                    worker.name
                ),
                "give it `kind = \"openai\"`, or move it to `pool.workers`",
            )
        })
        .collect()
}

/// An endpoint has an address over HTTP, without a password in it.
pub(super) fn address_is_http(facts: &Facts<'_>) -> Vec<Finding> {
    live(facts)
        .filter_map(|(at, worker)| {
            let key = format!("{at}.base_url");
            let host = worker
                .base_url
                .strip_prefix("http://")
                .or_else(|| worker.base_url.strip_prefix("https://"))
                .map(|rest| rest.split('/').next().unwrap_or_default());
            let (message, help) = match host {
                None | Some("") => (
                    "an endpoint's address begins with http:// or https:// and a host",
                    "for example \"http://127.0.0.1:8801/v1\"",
                ),
                Some(host) if host.contains('@') => (
                    "an address cannot hold a user name or password",
                    "put the key into an environment variable and its name into `api_key_env`",
                ),
                Some(_) if worker.base_url.trim_end_matches('/').ends_with("/chat/completions") => {
                    (
                        "the address is the part before /chat/completions",
                        "take /chat/completions off its end",
                    )
                }
                Some(_) => return None,
            };
            Some(Finding::new([key], message, help))
        })
        .collect()
}

/// The variable's name stands in the file, never the key itself.
pub(super) fn key_variable_is_a_name(facts: &Facts<'_>) -> Vec<Finding> {
    live(facts)
        .filter(|(_, w)| w.api_key_env.as_deref().is_some_and(|name| !is_variable_name(name)))
        .map(|(at, _)| {
            let message =
                "this is not the name of an environment variable (letters, digits, underscores)";
            let help =
                "put the key into an environment variable and write the variable's name here";
            Finding::new([format!("{at}.api_key_env")], message, help)
        })
        .collect()
}

/// Two places for one key leave open which one counts.
pub(super) fn key_has_one_place(facts: &Facts<'_>) -> Vec<Finding> {
    live(facts)
        .filter(|(_, w)| w.api_key_env.is_some() && w.api_key_file.is_some())
        .map(|(at, worker)| {
            let key = |name: &str| format!("{at}.{name}");
            Finding::new(
                [key("api_key_file"), key("api_key_env")],
                format!("worker for \"{}\" names two places for its key", worker.model),
                "keep one of `api_key_env` and `api_key_file`",
            )
        })
        .collect()
}

/// Fields of a request's body that the worker fills itself, and what to set instead.
const OWN_FIELDS: [(&str, &str); 8] = [
    ("model", "set the worker's `model`"),
    ("messages", "take it out: the messages are made of the question and the workflow"),
    ("temperature", "set the worker's `temperature`"),
    ("max_tokens", "set the worker's `max_tokens`"),
    (
        "max_completion_tokens",
        "set the worker's `max_tokens`, and `max_tokens_field` to \"max_completion_tokens\"",
    ),
    ("reasoning_effort", "set the worker's `reasoning_effort`"),
    ("stream", "take it out: answers are read whole"),
    (
        "n",
        "take it out: a call has one answer; `train.group_size` says how many workflows are tried",
    ),
];

/// A field with two values would leave open which one is sent.
pub(super) fn extra_body_leaves_settings_alone(facts: &Facts<'_>) -> Vec<Finding> {
    live(facts)
        .flat_map(|(at, worker)| {
            let taken =
                OWN_FIELDS.iter().filter(|(field, _)| worker.extra_body.contains_key(*field));
            taken.map(move |(field, help)| {
                let message =
                    format!("the worker sets `{field}` itself, so it is no further field");
                Finding::new([format!("{at}.extra_body.{field}")], message, *help)
            })
        })
        .collect()
}

/// The longest answer is part of the context.
pub(super) fn context_holds_an_answer(facts: &Facts<'_>) -> Vec<Finding> {
    live(facts)
        .filter_map(|(at, worker)| {
            let context = worker.context_tokens.filter(|&context| context <= worker.max_tokens)?;
            let key = |name: &str| format!("{at}.{name}");
            Some(Finding::new(
                [key("context_tokens"), key("max_tokens")],
                format!("a context of {context} tokens leaves none for a question"),
                "give the model's whole context, or lower `max_tokens`",
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::checks::tests::conflicts;

    fn live(keys: &str) -> String {
        format!(r#"pool.workers=[{{name="l",kind="openai",model="m",{keys}}}]"#)
    }

    #[test]
    fn two_workers_of_one_name() {
        let workers = r#"pool.workers=[{name="a",kind="recorded",recording="r"},{name="b",kind="vote"},{name="a",kind="vote"}]"#;
        assert_eq!(conflicts(&[workers]), ["pool.workers[2].name"]);
    }

    #[test]
    fn unlisted_workers() {
        let judge = |keys: &str| format!(r#"pool.unlisted=[{{name="j",{keys}}}]"#);
        let live = r#"kind="openai",base_url="http://h/v1",model="m""#;
        assert!(conflicts(&[&judge(live)]).is_empty());
        assert_eq!(conflicts(&[&judge(r#"kind="vote""#)]), ["pool.unlisted[0].kind"]);
        let same = judge(live).replace("\"j\"", "\"a\"");
        assert_eq!(conflicts(&[&same]), ["pool.unlisted[0].name"]);
        let no_address = judge(r#"kind="openai",base_url="h",model="m""#);
        assert_eq!(conflicts(&[&no_address]), ["pool.unlisted[0].base_url"]);
    }

    #[test]
    fn a_vote_without_voters() {
        assert_eq!(conflicts(&[r#"pool.workers=[{name="v",kind="vote"}]"#]), ["pool.workers"]);
        let two = r#"pool.workers=[{name="v",kind="vote"},{name="w",kind="vote"}]"#;
        assert_eq!(conflicts(&[two]), ["pool.workers"]);
    }

    #[test]
    fn more_listed_than_there_are() {
        assert_eq!(conflicts(&["pool.listed=3"]), ["pool.listed"]);
        assert!(conflicts(&["pool.listed=2", "pool.permute=true"]).is_empty());
        assert!(conflicts(&["pool.listed=1"]).is_empty());
    }

    #[test]
    fn a_simulated_pool() {
        let sim = |keys: &str| format!(r#"pool.workers=[{{name="s",kind="simulated"{keys}}}]"#);
        assert!(conflicts(&[&sim(""), &sim(",skill={math=1,code=0.25},wait=true")]).is_empty());
        assert_eq!(
            conflicts(&[&sim(",output_usd_per_million=2")]),
            ["pool.workers[0].output_usd_per_million"]
        );
        assert_eq!(conflicts(&[&sim(""), "reward.cost_weight=0.1"]), ["reward.cost_weight"]);
    }

    #[test]
    fn a_key_in_two_places() {
        let both = live(r#"base_url="http://h/v1",api_key_env="KEY",api_key_file="key.txt""#);
        assert_eq!(conflicts(&[&both]), ["pool.workers[0].api_key_file"]);
        assert!(conflicts(&[&live(r#"base_url="http://h/v1",api_key_file="key.txt""#)]).is_empty());
    }

    #[test]
    fn a_price_for_one_side() {
        let url = r#"base_url="http://h/v1""#;
        let one = live(&format!("{url},output_usd_per_million=2"));
        assert_eq!(conflicts(&[&one]), ["pool.workers[0].output_usd_per_million"]);
        assert!(
            conflicts(&[&live(&format!("{url},output_usd_per_million=2,input_usd_per_million=0"))])
                .is_empty()
        );
        let recorded =
            r#"pool.workers=[{name="a",kind="recorded",recording="r",input_usd_per_million=1}]"#;
        assert_eq!(conflicts(&[recorded]), ["pool.workers[0].input_usd_per_million"]);
    }

    #[test]
    fn addresses_that_are_none() {
        for bad in [
            "h/v1",
            "ftp://h",
            "http://",
            "https:///v1",
            "http://u:p@h/v1",
            "http://h/v1/chat/completions",
        ] {
            assert_eq!(
                conflicts(&[&live(&format!("base_url=\"{bad}\""))]),
                ["pool.workers[0].base_url"],
                "{bad}"
            );
        }
        assert!(conflicts(&[&live(r#"base_url="https://h:1/a@b/v1""#)]).is_empty());
    }

    #[test]
    fn fields_that_the_worker_sets_itself() {
        let url = r#"base_url="http://h/v1""#;
        let further = live(&format!("{url},extra_body={{top_p=0.9,seed=1}}"));
        assert!(conflicts(&[&further]).is_empty());
        let taken = live(&format!("{url},extra_body={{top_p=0.9,n=2,model=\"x\"}}"));
        assert_eq!(
            conflicts(&[&taken]),
            ["pool.workers[0].extra_body.n", "pool.workers[0].extra_body.model"]
        );
    }

    #[test]
    fn a_context_that_is_full_of_the_answer() {
        let context = |tokens: u32| {
            live(&format!(r#"base_url="http://h/v1",max_tokens=100,context_tokens={tokens}"#))
        };
        assert_eq!(conflicts(&[&context(100)]), ["pool.workers[0].context_tokens"]);
        assert!(conflicts(&[&context(101)]).is_empty());
    }

    #[test]
    fn a_key_in_the_place_of_its_variable() {
        let worker = live(r#"base_url="http://h/v1",api_key_env="sk-12""#);
        assert_eq!(conflicts(&[&worker]), ["pool.workers[0].api_key_env"]);
    }
}
