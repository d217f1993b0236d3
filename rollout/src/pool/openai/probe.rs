//! One small request to a live worker: whether it answers, how fast, at what price, and what its settings get wrong.

use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Instant;

use conductor_configs::schema;
use conductor_types::{Usage, WorkerCapability, WorkerErrorKind};
use reqwest::header::HeaderMap;
use serde::Serialize;
use serde_json::Value;

use super::endpoint::{Endpoint, address};
use super::failure::{Failure, Remedy};
use super::{OpenAi, headers};
use crate::card::WorkerCard;
use crate::pool::recorded::nearest;

const MESSAGE: &str = "Reply with the word ready.";
/// Longest answer; enough for the word, and little money.
const MOST_TOKENS: u32 = 16;

/// How a worker took one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeState {
    /// It answered.
    Ok,
    /// It is there and wants fewer requests.
    Throttled,
    /// It is there and refuses: the key, the address, the model or the account.
    Refused,
    /// It cannot be reached, or fails.
    Unreachable,
    /// It did not answer in time.
    Timeout,
    /// It answered something that cannot be used.
    BadAnswer,
    /// Its settings do not allow a request, so none was sent.
    Misconfigured,
}

impl ProbeState {
    /// The name used in tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Throttled => "throttled",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::BadAnswer => "bad answer",
            Self::Misconfigured => "misconfigured",
        }
    }
}

/// What an endpoint says of one of its limits.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
pub struct ServerLimit {
    /// What it allows when it is whole.
    pub limit: Option<f64>,
    /// What is left of it.
    pub left: Option<f64>,
    /// Seconds until it is whole again.
    pub resets_in_secs: Option<f64>,
}

/// What one request found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Probe {
    /// How the worker took it.
    pub state: ProbeState,
    /// Why it did not answer; never with the key in it.
    pub message: Option<String>,
    /// Milliseconds from request to last byte, where something came back.
    pub latency_ms: Option<f64>,
    /// Tokens and dollars, where something was answered.
    pub usage: Option<Usage>,
    /// The endpoint's own limit of requests.
    pub requests: ServerLimit,
    /// The endpoint's own limit of tokens.
    pub tokens: ServerLimit,
    /// What is wrong with the settings, or likely to be.
    pub remarks: Vec<String>,
}

/// Sends one request with the worker's own settings and time limits and at most sixteen tokens of answer. It is paid, is
/// not tried again, and neither asks the store of answers nor goes into it.
pub async fn probe(name: &str, settings: &schema::OpenAiWorker) -> Probe {
    let small = schema::OpenAiWorker {
        max_tokens: settings.max_tokens.min(MOST_TOKENS),
        ..settings.clone()
    };
    let mut probe = match OpenAi::new(WorkerCard::new(name, WorkerCapability::General), &small) {
        Ok(worker) => ask(&worker.line.endpoint, settings).await,
        Err(error) => Probe::of(ProbeState::Misconfigured, Some(error.to_string())),
    };
    probe.remarks.extend(of_settings(settings));
    probe.remarks.extend(of_limits(settings, &probe));
    probe
}

impl Probe {
    /// A state, and nothing else known.
    pub fn of(state: ProbeState, message: Option<String>) -> Self {
        Self {
            state,
            message,
            latency_ms: None,
            usage: None,
            requests: ServerLimit::default(),
            tokens: ServerLimit::default(),
            remarks: Vec::new(),
        }
    }

    fn failed(endpoint: &Endpoint, state: ProbeState, failure: &Failure) -> Self {
        Self::of(state, Some(endpoint.safe(&failure.message)))
    }
}

async fn ask(endpoint: &Endpoint, settings: &schema::OpenAiWorker) -> Probe {
    let request = endpoint.request(MESSAGE, &[]);
    let start = Instant::now();
    // Also the head of an answer that never becomes whole says something of the limits.
    let head = Mutex::new(HeaderMap::new());
    let keep = |headers: &HeaderMap| {
        head.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone_from(headers);
    };
    let came_back = endpoint.exchange(&request, keep).await;
    let latency_ms = start.elapsed().as_secs_f64() * 1e3;
    let mut probe = match &came_back {
        Err(failure) => Probe::failed(endpoint, state_of_broken(failure), failure),
        Ok((status, headers, body)) if !status.is_success() => {
            let failure = endpoint.refused(*status, headers, body);
            Probe::failed(endpoint, state_of_refused(&failure), &failure)
        }
        Ok((_, _, body)) => {
            let counted = endpoint.counted(body, latency_ms);
            let mut probe = match endpoint.understand(body, &request, latency_ms) {
                Ok(answer) => {
                    Probe { usage: Some(answer.usage), ..Probe::of(ProbeState::Ok, None) }
                }
                Err(failure) => of_no_text(endpoint, settings, body, &failure),
            };
            if counted.is_none() && probe.state == ProbeState::Ok {
                probe.remarks.push(
                    "the answer has no token counts (usage), so tokens and dollars are counted here and \
                     marked as estimated"
                        .into(),
                );
            }
            probe.usage = counted.or(probe.usage);
            probe
        }
    };
    if came_back.is_ok() {
        probe.latency_ms = Some(latency_ms);
        probe.remarks.extend(of_model(endpoint, settings, probe.state).await);
    }
    let head = head.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    let server = |limit, left: Option<headers::Left>| ServerLimit {
        limit,
        left: left.map(|left| left.amount),
        resets_in_secs: left.map(|left| left.resets_in.as_secs_f64()),
    };
    probe.requests = server(headers::request_limit(&head), headers::requests_left(&head));
    probe.tokens = server(headers::token_limit(&head), headers::tokens_left(&head));
    probe
}

fn state_of_broken(failure: &Failure) -> ProbeState {
    match failure.kind {
        WorkerErrorKind::Timeout => ProbeState::Timeout,
        WorkerErrorKind::BadAnswer => ProbeState::BadAnswer,
        WorkerErrorKind::Unavailable
        | WorkerErrorKind::NotRecorded
        | WorkerErrorKind::BudgetReached => ProbeState::Unreachable,
    }
}

fn state_of_refused(failure: &Failure) -> ProbeState {
    match failure.remedy {
        Remedy::SlowDown(_) => ProbeState::Throttled,
        Remedy::TryAgain(_) => ProbeState::Unreachable,
        Remedy::None | Remedy::AskAgain => ProbeState::Refused,
    }
}

/// A success without text. Where it was cut off by the few tokens of this request, the worker itself is well.
fn of_no_text(
    endpoint: &Endpoint,
    settings: &schema::OpenAiWorker,
    body: &[u8],
    failure: &Failure,
) -> Probe {
    let reply: Value = serde_json::from_slice(body).unwrap_or_default();
    if reply["choices"][0]["finish_reason"] != "length" {
        return Probe::failed(endpoint, ProbeState::BadAnswer, failure);
    }
    let most = settings.max_tokens;
    if most <= MOST_TOKENS {
        let message = format!(
            "max_tokens = {most} was used up before the first word of an answer; raise it, to some thousands for a \
             model that reasons first"
        );
        return Probe::of(ProbeState::BadAnswer, Some(message));
    }
    let mut probe = Probe::of(ProbeState::Ok, None);
    probe.remarks.push(format!(
        "it reasons before it answers: the {MOST_TOKENS} tokens of this check were used up before the first word; its \
         own max_tokens = {most} must hold reasoning and answer"
    ));
    probe
}

/// Whether the endpoint lists the model, as far as it lists any.
async fn of_model(
    endpoint: &Endpoint,
    settings: &schema::OpenAiWorker,
    state: ProbeState,
) -> Option<String> {
    let listed = endpoint.models().await?;
    if listed.contains(&settings.model) {
        return None;
    }
    let meant = nearest(&settings.model, &listed)
        .map(|name| format!(", did you mean \"{name}\"?"))
        .unwrap_or_default();
    let all_the_same = match state {
        ProbeState::Ok => "; it answered all the same, perhaps with another model",
        _ => "",
    };
    Some(endpoint.safe(&format!(
        "the endpoint does not list the model \"{}\"{meant}{all_the_same}",
        settings.model
    )))
}

/// What can be told from the settings alone.
fn of_settings(settings: &schema::OpenAiWorker) -> Vec<String> {
    let mut remarks = Vec::new();
    let elsewhere = address(&settings.base_url).filter(|url| !is_loopback(url));
    if elsewhere.is_some()
        && settings.input_usd_per_million == 0.0
        && settings.output_usd_per_million == 0.0
    {
        remarks.push(
            "its price is 0, so it counts as free: set input_usd_per_million and output_usd_per_million if it is not"
                .into(),
        );
    }
    let has_key = settings.api_key_env.is_some() || settings.api_key_file.is_some();
    if has_key && elsewhere.is_some_and(|url| url.scheme() == "http") {
        remarks.push("the key goes over the network unencrypted: base_url should be https".into());
    }
    if settings.deadline_secs < settings.timeout_secs {
        remarks.push(format!(
            "deadline_secs = {} is less than timeout_secs = {}, so it cuts off even the first attempt",
            settings.deadline_secs, settings.timeout_secs
        ));
    }
    if let Some(tokens) = settings.tokens_per_minute
        && tokens < f64::from(settings.max_tokens)
    {
        remarks.push(format!(
            "tokens_per_minute = {tokens} is less than one answer may have (max_tokens = {}), so each call waits for \
             more than a minute",
            settings.max_tokens
        ));
    }
    remarks
}

fn is_loopback(url: &reqwest::Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Configured limits that are above the endpoint's own.
fn of_limits(settings: &schema::OpenAiWorker, probe: &Probe) -> Vec<String> {
    [
        ("requests_per_minute", settings.requests_per_minute, probe.requests.limit),
        ("tokens_per_minute", settings.tokens_per_minute, probe.tokens.limit),
    ]
    .into_iter()
    .filter_map(|(key, configured, theirs)| {
        let (configured, theirs) = (configured?, theirs?);
        (configured > theirs).then(|| {
            format!("{key} = {configured} is above the endpoint's own limit of {theirs}; lower it")
        })
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(json: &str) -> schema::OpenAiWorker {
        let defaults = serde_json::json!({ "base_url": "https://host/v1", "model": "m" });
        let Value::Object(mut keys) = defaults else { unreachable!() };
        let given: serde_json::Map<String, Value> = serde_json::from_str(json).expect("JSON");
        keys.extend(given);
        serde_json::from_value(Value::Object(keys)).expect("settings")
    }

    fn remarks(json: &str) -> Vec<String> {
        of_settings(&settings(json))
    }

    #[test]
    fn a_price_of_nothing_is_remarked_on_where_the_endpoint_is_elsewhere() {
        assert!(remarks("{}")[0].contains("price is 0"));
        assert!(remarks(r#"{"output_usd_per_million": 1.0}"#).is_empty());
        for own in ["http://127.0.0.1:1/v1", "http://localhost/v1", "http://[::1]:8/v1"] {
            assert_eq!(remarks(&format!("{{\"base_url\": \"{own}\"}}")), [""; 0], "{own}");
        }
    }

    #[test]
    fn settings_that_work_against_each_other_are_remarked_on() {
        let priced = |rest: &str| remarks(&format!("{{\"input_usd_per_million\": 1.0, {rest}}}"));
        assert!(priced(r#""deadline_secs": 60.0"#)[0].contains("timeout_secs = 120"));
        assert!(priced(r#""tokens_per_minute": 1000.0"#)[0].contains("max_tokens = 1024"));
        let open = priced(r#""base_url": "http://host/v1", "api_key_env": "KEY""#);
        assert!(open[0].contains("https"), "{open:?}");
        assert!(priced(r#""api_key_env": "KEY""#).is_empty());
    }

    #[test]
    fn limits_above_the_endpoints_own_are_remarked_on() {
        let mut probe = Probe::of(ProbeState::Ok, None);
        let fast = settings(r#"{"requests_per_minute": 600.0, "tokens_per_minute": 9.0}"#);
        assert_eq!(of_limits(&fast, &probe), [""; 0]);
        probe.requests.limit = Some(60.0);
        probe.tokens.limit = Some(10.0);
        let found = of_limits(&fast, &probe);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("requests_per_minute = 600") && found[0].contains("60;"));
    }
}
