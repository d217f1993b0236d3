//! A provider that fails at random while the program is killed at random: nothing that came in is asked for twice, and every dollar
//! is accounted for.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use common::{
    conductor, episodes, events, newest_weights, prepared_live, run_folder, train_command,
};
use conductor_rollout::store::AnswerKey;
use conductor_testkit::Workspace;
use conductor_testkit::provider::{
    Ending, Ledger, Options, Prices, Provider, Reply, Request, Usage,
};
use conductor_types::Event;
use conductor_types::seed::unit;

const KILLS: u64 = 50;
const SEED: u64 = 11;
/// A paid answer is on the disk so many seconds after it came in.
const DURABLE_SECS: f64 = 2.0;
/// An answer without text is charged like any other, and told from the others by this.
const EMPTY: u64 = 3;
const PRICES: Prices = Prices { input: 100.0, cached_input: 100.0, output: 200.0 };

/// What the answer is and what it costs follows from what is asked, and from nothing that happened before.
fn answer(request: &Request) -> Reply {
    let number = request.hash() % 100;
    Reply::Counted(format!("Answer: {number}"), Usage::tokens(100 + number, 10))
}

/// One request in eight fails, each time in another way.
fn disturbed(number: usize, request: &Request) -> Reply {
    let draw = |what: &str| unit(SEED, what, &[&number.to_string()]);
    let answer = answer(request).after(Duration::from_secs_f64(0.005 + 0.05 * draw("latency")));
    if draw("fails") > 0.125 {
        return answer;
    }
    match (draw("how") * 7.0) as u32 {
        0 => Reply::too_many_requests().header("Retry-After: 0.01"),
        1 => Reply::too_many_requests(),
        2 => Reply::status(500, "broken"),
        3 => Reply::Counted("never whole".into(), Usage::tokens(100, 10)).half(Ending::Reset),
        4 => Reply::Nothing(Ending::Close),
        5 => Reply::Counted(" ".into(), Usage::tokens(100, EMPTY)),
        _ => answer.after(Duration::from_millis(300)),
    }
}

/// A workspace whose only solver is live. It is greedy, so that its answers are found by what is asked alone.
fn workspace(provider: &Provider) -> Workspace {
    let keys =
        "output_usd_per_million = 200.0\nmax_tokens = 100\nattempts = 12\ntimeout_secs = 5.0";
    prepared_live(&provider.base_url(), keys, 800)
}

/// Enough steps for all kills, each on questions that were not asked before.
const SETS: [&str; 2] = ["train.steps=230", "eval.every_steps=80"];

/// The answers of every call, by episode.
fn answers(run: &Path) -> BTreeMap<String, Vec<(usize, String, String)>> {
    let mut all = BTreeMap::new();
    for ((step, part), rows) in episodes(run) {
        for row in rows {
            let calls = row.calls.iter();
            let calls = calls.map(|c| (c.step, c.worker.clone(), c.answer.clone())).collect();
            all.insert(format!("{step} {part} {} {}", row.task_id, row.sample), calls);
        }
    }
    all
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// When a life ends. Moments counted from requests hit them in flight however slow the machine is; those counted from the start
/// hit whatever the process is at.
enum End {
    /// So long after the process began.
    After(Duration),
    /// After so many more requests, and then so long.
    Requests(usize, Duration),
}

impl End {
    fn draw(number: u64) -> Self {
        let draw = |what: &str| unit(SEED, what, &[&number.to_string()]);
        let millis = |most: f64| Duration::from_secs_f64(draw("kill") * most / 1000.0);
        match number % 8 {
            // Long enough for answers that must be there after it.
            7 => Self::Requests(1, Duration::from_millis(2400) + millis(600.0)),
            0 | 3 | 6 => Self::After(Duration::from_millis(50) + millis(900.0)),
            _ => Self::Requests(1 + (draw("requests") * 24.0) as usize, millis(30.0)),
        }
    }

    fn wait(self, provider: &Provider) {
        match self {
            Self::After(so_long) => std::thread::sleep(so_long),
            Self::Requests(more, so_long) => {
                let (since, enough) = (Instant::now(), provider.asked() + more);
                while provider.asked() < enough {
                    assert!(since.elapsed() < Duration::from_mins(2), "it asks for nothing");
                    std::thread::sleep(Duration::from_millis(1));
                }
                std::thread::sleep(so_long);
            }
        }
    }
}

/// Kills the run at random moments; returns when.
fn kill_often(at: &Workspace, provider: &Provider) -> Vec<f64> {
    let mut kills = Vec::new();
    for number in 0..KILLS {
        let mut child = train_command(at, &SETS).start();
        // Nobody reads what it says, and a full pipe would hold it up.
        let pipes = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        std::thread::spawn(move || std::io::copy(&mut { pipes.0 }, &mut std::io::sink()));
        std::thread::spawn(move || std::io::copy(&mut { pipes.1 }, &mut std::io::sink()));
        End::draw(number).wait(provider);
        assert!(child.try_wait().unwrap().is_none(), "it ended before kill {number}");
        child.kill().unwrap();
        child.wait().unwrap();
        kills.push(now());
    }
    kills
}

/// No answer that came in two seconds or more before a kill, or in a process that was not killed, was asked for again.
fn nothing_is_asked_for_twice(provider: &Ledger, kills: &[f64]) {
    let mut durable = 0;
    for (body, charges) in &provider.charges {
        let all = charges.sent_at.iter().zip(&charges.tokens);
        let mut sent: Vec<f64> =
            all.filter(|(_, tokens)| tokens.completion != EMPTY).map(|(at, _)| *at).collect();
        sent.sort_by(f64::total_cmp);
        for (place, at) in sent.iter().enumerate() {
            let next_kill = kills.iter().find(|kill| *kill >= at);
            if next_kill.is_none_or(|kill| kill - at >= DURABLE_SECS) {
                durable += 1;
                assert_eq!(place + 1, sent.len(), "{body:016x} came at {at} and again: {sent:?}");
            }
        }
    }
    assert!(durable > 20, "only {durable} answers were early enough to say anything");
}

/// What the provider charged is what the run paid, but for requests that are listed as unsettled.
fn every_dollar_is_accounted_for(provider: &Provider, ledger: &serde_json::Value) {
    let unsettled = ledger["unsettled"].as_array().expect("a list");
    assert!(unsettled.iter().all(|one| one["state"] == "lost" || one["state"] == "unknown"));
    let lost = unsettled.iter().filter(|one| one["state"] == "lost").count();
    assert!(lost > 5, "the kills hit {lost} requests, too few to say anything");
    let mut open: BTreeMap<&str, usize> = BTreeMap::new();
    for one in unsettled {
        *open.entry(one["key"].as_str().expect("a key")).or_default() += 1;
    }
    let theirs = provider.ledger();
    // For each question, the provider's dollars less those that may be among the unsettled are the least that was paid.
    let (mut least, mut most) = (0.0, 0.0);
    let mut seen = BTreeSet::new();
    for request in provider.requests() {
        if !seen.insert(request.hash()) {
            continue;
        }
        let Some(charges) = theirs.charges.get(&request.hash()) else { continue };
        let body = String::from_utf8(request.body().to_vec()).expect("JSON is text");
        let key = AnswerKey::of("good", &body, None);
        let unseen = open.get(key.as_str()).copied().unwrap_or(0);
        let mut prices: Vec<f64> = charges.tokens.iter().map(|tokens| PRICES.of(*tokens)).collect();
        prices.sort_by(|a, b| b.total_cmp(a));
        most += charges.usd;
        least += charges.usd - prices.iter().take(unseen).sum::<f64>();
    }
    let paid = ledger["paid_usd"].as_f64().expect("dollars");
    assert!((most - theirs.usd).abs() < 1e-9);
    assert!(paid <= most + 1e-9 && paid >= least - 1e-9, "{least} to {most}, paid {paid}");
    assert!(most - paid <= ledger["unsettled_usd"].as_f64().expect("dollars") + 1e-9);
    // Each request was written down before it was sent.
    let lines = ledger["lines"].as_array().expect("lines");
    let count = |name: &str| lines.iter().filter_map(|line| line[name].as_u64()).sum::<u64>();
    let rows = count("calls") + count("refused") + unsettled.len() as u64;
    assert!(theirs.requests as u64 <= rows, "{} requests, {rows} rows", theirs.requests);
}

#[test]
fn kills_and_faults_change_no_answer_and_lose_no_dollar() {
    let options = Options { prices: PRICES, keep_requests: true, port: 0 };
    let provider = Provider::with(options, disturbed);
    let at = workspace(&provider);
    let kills = kill_often(&at, &provider);
    let _ = train_command(&at, &SETS).run().expect_code(0);
    let run = run_folder(&at);

    let calm = Provider::with(options, |_, request| answer(request));
    let undisturbed = workspace(&calm);
    let _ = train_command(&undisturbed, &SETS).run().expect_code(0);
    assert_eq!(answers(&run), answers(&run_folder(&undisturbed)));
    assert_eq!(newest_weights(&run).1, newest_weights(&run_folder(&undisturbed)).1);

    let theirs = provider.ledger();
    assert!(theirs.charged > 100 && theirs.not_charged > 5 && theirs.unfinished > 5);
    nothing_is_asked_for_twice(&theirs, &kills);
    let ledger = ["pool", "ledger", "runs/r", "--json"];
    let ledger = conductor(&at, &ledger).run().expect_code(0).json();
    every_dollar_is_accounted_for(&provider, &ledger);
    let told = events(&run).into_iter().find_map(|event| match event {
        Event::RunFinished { cost_usd, unsettled_usd, .. } => Some((cost_usd, unsettled_usd)),
        _ => None,
    });
    let (cost, unsettled) = told.expect("a finished run");
    assert!((cost - ledger["paid_usd"].as_f64().unwrap()).abs() < 1e-9);
    assert!((unsettled - ledger["unsettled_usd"].as_f64().unwrap()).abs() < 1e-9);
}
