//! Runs whose policy sees what its workflow came to and writes another one.

mod common;

use common::{assert_same_run, conductor, episodes, prepared, run_folder, train};

const ROUNDS: [&str; 2] = ["workflow.rounds=2", "reward.credit={ kind = \"transition\" }"];

#[test]
fn every_workflow_that_ran_has_a_second_round_with_its_answer_in_view() {
    let at = prepared();
    train(&at, &ROUNDS);
    let (mut first, mut second) = (0, 0);
    for rows in episodes(&run_folder(&at)).values() {
        for row in rows {
            let later = rows.iter().find(|later| {
                later.round == 1 && later.sample == row.sample && later.task_id == row.task_id
            });
            if row.round == 1 {
                second += 1;
                continue;
            }
            assert_eq!(later.is_some(), row.outcome == "ran", "{row:?}");
            if let Some(later) = later {
                first += 1;
                let answer = row.answer.as_deref().unwrap_or_default();
                assert!(later.prompt.contains(answer.trim()), "{}", later.prompt);
                assert!(later.prompt.contains(row.completion.trim()), "{}", later.prompt);
            }
        }
    }
    assert!(first > 0 && first == second, "{first} went on, {second} second rounds");

    let again = prepared();
    train(&again, &ROUNDS);
    assert_same_run(&run_folder(&at), &run_folder(&again));

    // A question is one line of the evaluation, however many rounds it took.
    let eval = ["eval", "runs/r", "--only-trained", "--set", "eval.max_tasks=8"];
    let report = conductor(&at, &eval).args(["--json"]).run().expect_code(0).json();
    for (name, answers) in report["answers"].as_object().expect("rows") {
        assert_eq!(answers.as_array().expect("answers").len(), 8, "{name}");
    }
}
