//! A hub that is late, rude and wrong.

use std::time::{Duration, Instant};

use conductor_datasets::hub::{Fetched, HubError, fetch};
use conductor_testkit::hub::{DataSet, FakeHub, Fault};

use super::lab::{Lab, Log, MATH, TOKEN, math, math_lab, rows, settings};

const CDN: &str = "cdn ";
const LIST: &str = "hub /api/";
const MS: Duration = Duration::from_millis(1);

/// The ranges that were asked for at the second address, and forgets them.
fn ranges(hub: &FakeHub) -> Vec<Option<String>> {
    hub.seen().into_iter().filter(|seen| seen.host == "cdn").map(|seen| seen.range).collect()
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is compared with what was asked, which may be nothing"
)]
fn from(bytes: usize) -> Option<String> {
    Some(format!("bytes={bytes}-"))
}

/// What came is what the hub has.
fn is_whole(lab: &Lab) {
    assert_eq!(rows(&lab.out().join("test.parquet")).len(), 500);
    assert!(lab.partial().is_empty());
}

#[test]
fn what_breaks_off_goes_on_from_there() {
    for fault in [Fault::Truncated, Fault::Reset, Fault::Stalled] {
        let lab = math_lab();
        lab.hub.then(CDN, [fault(100_000), fault(50_000)]);
        let (_, log) = lab.stored("math500");
        is_whole(&lab);
        assert_eq!(log.count("Retries"), 2, "{log:?}");
        assert_eq!(ranges(&lab.hub), [None, from(100_000), from(150_000)]);
    }
}

#[test]
fn a_hub_that_never_gets_far_is_given_up_and_what_came_is_kept() {
    let lab = math_lab();
    lab.hub.always(CDN, Fault::Truncated(1000));
    let error = lab.fails("math500");
    assert!(error.contains("test.jsonl") && error.contains("tried 4 times"), "{error}");
    assert!(error.contains("goes on from 4000 bytes"), "{error}");
    assert_eq!(lab.partial(), [4000]);
    lab.hub.heal();
    lab.hub.seen();
    lab.stored("math500");
    is_whole(&lab);
    assert_eq!(ranges(&lab.hub), [from(4000)]);
}

#[test]
fn many_breaks_are_no_reason_to_give_up_as_long_as_it_goes_on() {
    let lab = math_lab();
    let pieces = math(500).len() / 70_000;
    assert!(pieces > 5);
    lab.hub.then(CDN, vec![Fault::Truncated(70_000); pieces]);
    let (_, log) = lab.stored("math500");
    is_whole(&lab);
    assert_eq!(log.count("Retries"), pieces);
}

#[test]
fn damaged_bytes_are_found_by_their_sum_and_fetched_anew_once() {
    let lab = math_lab();
    lab.hub.then(CDN, [Fault::Corrupt]);
    let (_, log) = lab.stored("math500");
    is_whole(&lab);
    assert!(log.has("Damaged"), "{log:?}");

    let lab = math_lab();
    lab.hub.always(CDN, Fault::Corrupt);
    let error = lab.fails("math500");
    assert!(error.contains("came damaged twice") && error.contains("sha256"), "{error}");
    assert!(lab.partial().is_empty() && lab.hub.seen().len() == 5, "{error}");

    // The same for a small file, by git's name of it.
    let lab = Lab::new(vec![DataSet::new(MATH).small("test.jsonl", math(500))]);
    lab.hub.always("/resolve/", Fault::Corrupt);
    let error = lab.fails("math500");
    assert!(error.contains("came damaged twice") && error.contains("git blob"), "{error}");
}

#[test]
fn an_answer_of_another_length_is_none() {
    let lab = math_lab();
    lab.hub.then(CDN, [Fault::Longer(vec![b'x'; 10])]);
    let (_, log) = lab.stored("math500");
    is_whole(&lab);
    assert!(log.has("were announced"), "{log:?}");
    let lab = math_lab();
    lab.hub.always(CDN, Fault::Longer(vec![b'x'; 10]));
    let error = lab.fails("math500");
    let bytes = math(500).len();
    assert!(error.contains(&format!("{bytes} bytes were due, and {} were", bytes + 10)), "{error}");
}

#[test]
fn a_slow_hub_is_waited_for_and_one_that_crawls_is_not() {
    let lab = math_lab();
    lab.hub.then(CDN, [Fault::Drip(16 << 10, MS * 30)]);
    let (_, log) = lab.stored("math500");
    is_whole(&lab);
    assert!(!log.has("Retries"), "{log:?}");

    let lab = math_lab();
    lab.hub.always(CDN, Fault::Drip(10, MS * 50));
    let error = lab.fails("math500");
    assert!(error.contains("too slowly"), "{error}");
}

#[test]
fn silence_before_an_answer_ends() {
    let lab = math_lab();
    // Nothing comes after the head of the list.
    lab.hub.then(LIST, [Fault::Stalled(0), Fault::Stalled(5)]);
    let start = Instant::now();
    let (_, log) = lab.stored("math500");
    assert_eq!(log.count("the list of files"), 2, "{log:?}");
    assert!(start.elapsed() > MS * 900, "{:?}", start.elapsed());
}

#[test]
fn a_hub_that_does_no_ranges_sends_the_whole_again() {
    let lab = math_lab();
    lab.hub.then(CDN, [Fault::Truncated(100_000), Fault::Whole]);
    lab.stored("math500");
    is_whole(&lab);
    assert_eq!(ranges(&lab.hub), [None, from(100_000)]);
}

#[test]
fn a_range_from_elsewhere_is_not_appended() {
    let lab = math_lab();
    lab.hub.then(CDN, [Fault::Truncated(100_000), Fault::WrongRange]);
    let (_, log) = lab.stored("math500");
    is_whole(&lab);
    assert!(log.has("asked for the bytes from 100000"), "{log:?}");
}

#[test]
fn whatever_an_earlier_try_left_is_no_obstacle() {
    let content = math(500);
    let set = DataSet::new(MATH).large("test.jsonl", content.clone());
    let sum = set.files[0].sum();
    let too_long = [content.clone(), b"more".to_vec()].concat();
    let other = vec![b'?'; content.len()];
    for (left, asked) in [
        (content.clone(), vec![]),
        (too_long, vec![None]),
        (other, vec![None]),
        (content[..1].to_vec(), vec![from(1)]),
        (Vec::new(), vec![None]),
    ] {
        let lab = Lab::new(vec![set.clone()]);
        let part = lab.blob(MATH, &sum).with_extension("part");
        std::fs::create_dir_all(part.parent().unwrap()).unwrap();
        std::fs::write(&part, left).unwrap();
        lab.stored("math500");
        is_whole(&lab);
        assert_eq!(ranges(&lab.hub), asked);
    }
}

#[test]
fn a_damaged_file_of_the_cache_is_fetched_anew() {
    let lab = math_lab();
    let (manifest, _) = lab.stored("math500");
    let blob = lab.blob(MATH, &manifest.sources[0].hex);
    std::fs::write(&blob, "short").unwrap();
    let mut request = lab.request("math500");
    request.force = true;
    let (_, log) = lab.run(&request).unwrap();
    assert!(log.has("Damaged") && log.has("Fetched"), "{log:?}");
    assert_eq!(std::fs::read(&blob).unwrap(), math(500));
}

#[test]
fn trouble_that_passes_is_waited_out() {
    let lab = math_lab();
    lab.hub.then(LIST, [Fault::status(500), Fault::status(503)]);
    // Every answer says when a window ends; for other troubles than too many requests that means nothing.
    let window = vec!["RateLimit: \"api\";r=7;t=200".to_owned()];
    let trouble = Fault::Status(502, window, String::new());
    lab.hub.then("/resolve/", [trouble, Fault::busy(429, "1")]);
    lab.hub.then(CDN, [Fault::status(504)]);
    let start = Instant::now();
    let (_, log) = lab.stored("math500");
    is_whole(&lab);
    assert_eq!(log.count("Retries"), 5, "{log:?}");
    assert!(log.has("pause: 1s") && start.elapsed() > MS * 1000, "{log:?}");
}

#[test]
fn trouble_that_stays_ends_with_what_it_is() {
    let lab = math_lab();
    lab.hub.always(LIST, Fault::status(500));
    let error = lab.fails("math500");
    assert!(error.contains("HTTP 500") && error.contains("tried 4 times"), "{error}");
    assert!(error.contains("HF_HUB_OFFLINE") && error.contains("HF_ENDPOINT"), "{error}");
    lab.hub.heal();
    lab.hub.always(LIST, Fault::busy(429, "3600"));
    let start = Instant::now();
    let error = lab.fails("math500");
    assert!(error.contains("no request for 3600 s") && error.contains("HF_TOKEN"), "{error}");
    assert!(start.elapsed() < MS * 1000);
    lab.hub.heal();
    lab.hub.always(LIST, Fault::status(418));
    assert!(lab.fails("math500").contains("418"));
    // A large file's own address is no gate of the hub.
    lab.hub.heal();
    lab.hub.always(CDN, Fault::status(403));
    let error = lab.fails("math500");
    assert!(error.contains("403") && error.contains("redirects to"), "{error}");
    assert!(!error.contains("accept"), "{error}");
}

#[test]
fn nobody_there_is_told_with_the_address() {
    let lab = math_lab();
    let address = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    let gone = settings(lab.root.path(), &format!("http://{address}"), &[]);
    let error = fetch(&gone, &lab.request("math500"), &mut Log::default()).unwrap_err();
    assert!(matches!(&error, HubError::Unreachable { attempts: 4, .. }), "{error:?}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn gates_say_what_to_accept_and_where_the_token_goes() {
    let gate = || vec![DataSet::new("Idavidrein/gpqa").large("gpqa_diamond.csv", "a").gated(TOKEN)];
    let lab = Lab::new(gate());
    let error = lab.fails("gpqa");
    for word in
        ["401", "/datasets/Idavidrein/gpqa", "accept", "HF_TOKEN", "settings/tokens", "hf/token"]
    {
        assert!(error.contains(word), "{error}");
    }
    let lab = Lab::with(gate(), &[("HF_TOKEN", "hf_other")]);
    let error = lab.fails("gpqa");
    assert!(
        error.contains("403") && error.contains("account that the token belongs to"),
        "{error}"
    );
    let lab = Lab::with(gate(), &[("HF_TOKEN", "revoked")]);
    let error = lab.fails("gpqa");
    assert!(error.contains("not accepted") && !error.contains("open "), "{error}");
    // What is refused is not asked for again.
    assert_eq!(lab.hub.seen().len(), 2);
}

#[test]
fn the_token_is_in_no_message_of_any_kind() {
    let set = DataSet::new(MATH).large("test.jsonl", math(500)).gated(TOKEN);
    let lab = Lab::with(vec![set], &[("HF_TOKEN", TOKEN)]);
    // `fails` looks for it in everything that could be printed.
    for (what, fault) in [
        (LIST, Fault::status(403)),
        (LIST, Fault::status(404)),
        (LIST, Fault::Page),
        (LIST, Fault::Loop),
        (LIST, Fault::status(500)),
        ("/resolve/", Fault::status(500)),
        (CDN, Fault::Truncated(0)),
        (CDN, Fault::status(401)),
        (CDN, Fault::Reset(5)),
    ] {
        lab.hub.always(what, fault);
        lab.fails("math500");
        lab.hub.heal();
    }
    let seen = lab.hub.seen();
    assert!(seen.iter().filter(|seen| seen.host == "hub").count() > 10);
    assert!(seen.iter().all(|seen| seen.host == "hub" || seen.token.is_none()), "{seen:?}");
}

#[test]
fn what_is_not_there_is_told_apart() {
    let lab = Lab::new(vec![DataSet::new("somebody/else")]);
    let error = lab.fails("math500");
    assert!(error.contains("no data set HuggingFaceH4/MATH-500"), "{error}");
    let lab = math_lab();
    let mut request = lab.request("math500");
    request.revision = Some("v9".into());
    let error = lab.error(&request);
    assert!(error.contains("no revision v9") && error.contains("--revision"), "{error}");
    lab.hub.always("/resolve/", Fault::status(404));
    let error = lab.fails("math500");
    assert!(error.contains("no test.jsonl in HuggingFaceH4/MATH-500 at"), "{error}");
    for revision in ["", "../../main", "a b", "main?x", "a//b", &"a".repeat(300)] {
        request.revision = Some(revision.into());
        assert!(lab.error(&request).contains("is no revision"));
    }
}

#[test]
fn redirects_without_an_end_and_pages_for_people_are_no_files() {
    for what in [LIST, "/resolve/", CDN] {
        let lab = math_lab();
        lab.hub.always(what, Fault::Loop);
        let error = lab.fails("math500");
        assert!(error.contains("redirects without an end"), "{error}");
        lab.hub.heal();
        lab.hub.always(what, Fault::Page);
        let error = lab.fails("math500");
        let word = if what == LIST { "is HF_ENDPOINT a hub" } else { "a web page" };
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn lists_that_are_none_write_nothing_anywhere() {
    let commit = "c".repeat(40);
    for (list, word) in [
        ("{\"sha\": \"".to_owned(), "EOF"),
        ("[]".into(), "expected the hub's JSON"),
        ("{\"sha\": \"../../../x\", \"siblings\": []}".into(), "the commit \"../../../x\""),
        (format!("{{\"sha\": \"{commit}\", \"siblings\": [{{}}]}}"), "rfilename"),
        (
            format!(
                "{{\"sha\": \"{commit}\", \"siblings\": [{{\"rfilename\": \"../test.jsonl\"}}]}}"
            ),
            "no test.jsonl",
        ),
        (
            format!(
                "{{\"sha\": \"{commit}\", \"siblings\": [{{\"rfilename\": \"test.jsonl\", \"size\": 5, \
                 \"blobId\": \"../../../../etc/x\"}}]}}"
            ),
            "no",
        ),
    ] {
        let lab = math_lab();
        lab.hub.always(LIST, Fault::Status(200, Vec::new(), list));
        let error = lab.fails("math500");
        assert!(error.contains(word), "{error}");
        assert!(!lab.settings.cache.exists(), "{error}");
    }
}

#[test]
fn a_full_disk_is_seen_before_anything_comes() {
    let lab = math_lab();
    let (commit, sum) = ("c".repeat(40), "d".repeat(64));
    let list = format!(
        "{{\"sha\": \"{commit}\", \"siblings\": [{{\"rfilename\": \"test.jsonl\", \"lfs\": {{\"sha256\": \"{sum}\", \
         \"size\": {}}}}}]}}",
        1u64 << 60
    );
    lab.hub.always(LIST, Fault::Status(200, Vec::new(), list));
    let error = lab.fails("math500");
    assert!(error.contains("MB free") && error.contains("HF_HOME"), "{error}");
    assert_eq!(lab.hub.seen().len(), 1);
}

#[test]
fn who_stops_keeps_what_came() {
    let lab = math_lab();
    lab.hub.then(CDN, [Fault::Drip(8 << 10, MS)]);
    let mut log = Log { stop_at: Some(100_000), ..Log::default() };
    let error = fetch(&lab.settings, &lab.request("math500"), &mut log).unwrap_err();
    assert!(matches!(error, HubError::Stopped), "{error}");
    let kept = lab.partial()[0];
    assert!((100_000..300_000).contains(&kept), "{kept}");
    assert!(!lab.out().exists());
    lab.hub.seen();
    lab.stored("math500");
    is_whole(&lab);
    assert_eq!(ranges(&lab.hub), [from(kept as usize)]);
}

#[test]
fn two_processes_that_want_one_file_fetch_it_once() {
    let lab = math_lab();
    lab.hub.then(CDN, [Fault::Drip(16 << 10, MS * 20)]);
    let mut other = lab.request("math500");
    other.out = Some(lab.root.path().join("other"));
    let waited = std::thread::scope(|scope| {
        let first = scope.spawn(|| lab.fetch("math500").map_err(|(error, _)| error));
        while lab.partial().is_empty() {
            std::thread::sleep(MS);
        }
        let (fetched, log) = lab.run(&other).map_err(|(error, _)| error).unwrap();
        assert!(matches!(fetched, Fetched::Stored(..)));
        first.join().unwrap().unwrap();
        log.has("Waits")
    });
    assert!(waited);
    assert_eq!(ranges(&lab.hub), [None]);
}
