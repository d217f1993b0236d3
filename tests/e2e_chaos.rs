//! A provider that fails at random while the program is killed at random: nothing that came in is asked for twice, and every dollar
//! is accounted for.

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::{conductor, episodes, newest_weights, prepared_live, run_folder, train_command};
use conductor_testkit::Workspace;
use conductor_testkit::provider::{
    Ending, Options, Prices, Provider, Reply, Request, Tokens, Usage,
};
use conductor_types::seed::unit;

const KILLS: u64 = 50;
const SEED: u64 = 11;
/// A paid answer is on the disk so many seconds after it came in.
const DURABLE_SECS: f64 = 2.0;
/// Every answer has as many tokens and costs the same.
const TOKENS: Tokens = Tokens { prompt: 100, cached: 0, completion: 10 };
const PRICES: Prices = Prices { input: 100.0, cached_input: 100.0, output: 200.0 };

/// What the answer is follows from what is asked, and from nothing that happened before.
fn answer(request: &Request) -> Reply {
    Reply::Counted(format!("Answer: {}", request.hash() % 100), Usage::Tokens(TOKENS))
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
        3 => Reply::Counted("never whole".into(), Usage::Tokens(TOKENS)).half(Ending::Reset),
        4 => Reply::Nothing(Ending::Close),
        5 => Reply::Counted(" ".into(), Usage::Tokens(TOKENS)),
        _ => answer.after(Duration::from_millis(300)),
    }
}

/// A workspace whose only solver is live. It is greedy, so that its answers are found by what is asked alone.
fn workspace(provider: &Provider) -> Workspace {
    let keys =
        "output_usd_per_million = 200.0\nmax_tokens = 100\nattempts = 12\ntimeout_secs = 5.0";
    prepared_live(&provider.base_url(), keys, 450)
}

/// Enough steps for all kills, each on questions that were not asked before.
const SETS: [&str; 2] = ["train.steps=150", "eval.every_steps=50"];

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

/// Kills the run at random moments; returns when.
fn kill_often(at: &Workspace) -> Vec<f64> {
    let mut kills = Vec::new();
    for number in 0..KILLS {
        let mut child = train_command(at, &SETS).start();
        // From the first moments of a process to some way into its work.
        let patience = 0.05 + 0.9 * unit(SEED, "kill", &[&number.to_string()]);
        std::thread::sleep(Duration::from_secs_f64(patience));
        assert!(child.try_wait().unwrap().is_none(), "it ended before kill {number}");
        child.kill().unwrap();
        child.wait().unwrap();
        kills.push(now());
    }
    kills
}

#[test]
fn kills_and_faults_change_no_answer_and_lose_no_dollar() {
    let options = Options { prices: PRICES, keep_requests: false, port: 0 };
    let provider = Provider::with(options, disturbed);
    let at = workspace(&provider);
    let kills = kill_often(&at);
    let _ = train_command(&at, &SETS).run().expect_code(0);
    let run = run_folder(&at);

    let calm = Provider::with(options, |_, request| answer(request));
    let undisturbed = workspace(&calm);
    let _ = train_command(&undisturbed, &SETS).run().expect_code(0);
    assert_eq!(answers(&run), answers(&run_folder(&undisturbed)));
    assert_eq!(newest_weights(&run).1, newest_weights(&run_folder(&undisturbed)).1);

    let provider = provider.ledger();
    assert!(provider.charged > 50 && provider.not_charged > 5 && provider.unfinished > 5);
    for (body, charges) in &provider.charges {
        // An empty answer is asked for again at once, kill or not: it is charged, and no answer.
        let mut sent = charges.sent_at.clone();
        sent.sort_by(f64::total_cmp);
        let Some((_, lost)) = sent.split_last() else { continue };
        for at in lost {
            let killed = kills.iter().any(|kill| kill >= at && kill - at < DURABLE_SECS);
            let again_at_once = sent.iter().any(|next| next > at && next - at < 1.0);
            assert!(killed || again_at_once, "{body:016x} was asked for twice: {sent:?}");
        }
    }

    let ledger =
        conductor(&at, &["pool", "ledger", "runs/r", "--json"]).run().expect_code(0).json();
    let usd = |name: &str| ledger[name].as_f64().expect("dollars");
    let unsettled = ledger["unsettled"].as_array().expect("a list");
    assert!(unsettled.iter().all(|one| one["state"] == "lost" || one["state"] == "unknown"));
    let lost = unsettled.iter().filter(|one| one["state"] == "lost").count();
    assert!(lost > 5, "the kills hit {lost} requests, too few to say anything");
    // What the provider charged and we did not see is among the requests that are listed, and nothing else is.
    let unseen = provider.charged - ledger["calls"].as_u64().expect("calls") as usize;
    assert!(unseen <= unsettled.len(), "{unseen} of {}", unsettled.len());
    let each = PRICES.of(TOKENS);
    let difference = provider.usd - usd("paid_usd");
    assert!((difference - unseen as f64 * each).abs() < 1e-9, "{difference} for {unseen} answers");
    assert!(difference <= usd("unsettled_usd") + 1e-9);
}
