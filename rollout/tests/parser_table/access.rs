//! `access_list` under each access kind.

use conductor_types::AccessKind;
use conductor_types::WorkflowErrorKind::{
    AccessEmpty, AccessFuture, AccessInvalid, WorkerOutOfRange,
};

use super::{Case, fails, lines, reads};

/// Three steps by workers 0, 2 and 0 under these access entries.
fn seeing(access: &str) -> String {
    lines("[0, 2, 0]", "[\"a\", \"b\", \"c\"]", access)
}

fn steps(second: &[usize], third: &[usize]) -> Vec<(usize, &'static str, Vec<usize>)> {
    vec![(0, "a", vec![]), (2, "b", second.to_vec()), (0, "c", third.to_vec())]
}

pub fn binary() -> Vec<Case> {
    vec![
        reads("all in quotes", seeing("[\"\", \"all\", \"all\"]"), steps(&[0], &[0, 1])),
        reads(
            "all in the first step shows nothing",
            seeing("[\"all\", \"\", \"all\"]"),
            steps(&[], &[0, 1]),
        ),
        reads("empty lists for none", seeing("[[], [], \"all\"]"), steps(&[], &[0, 1])),
        reads("None for none", seeing("[None, None, 'all']"), steps(&[], &[0, 1])),
        reads("null for none", seeing("[null, null, \"all\"]"), steps(&[], &[0, 1])),
        reads("every spelling of none", seeing("['', None, []]"), steps(&[], &[])),
        reads("an empty tuple for none", seeing("[(), (), \"all\"]"), steps(&[], &[0, 1])),
        reads("blanks for none", seeing("[\" \", \"all\", \"\"]"), steps(&[0], &[])),
        reads("all in capitals", seeing("[\"\", \"ALL\", \" All \"]"), steps(&[0], &[0, 1])),
        reads("bare all", seeing("[, all, all]"), steps(&[0], &[0, 1])),
        reads("bare all beside empty lists", seeing("[[], [], all]"), steps(&[], &[0, 1])),
        reads("bare all beside bare None", seeing("[None, all, all]"), steps(&[0], &[0, 1])),
        fails("a step number under binary", seeing("[\"\", 0, \"all\"]"), AccessInvalid),
        fails("a list of steps under binary", seeing("[[], [0], [0, 1]]"), AccessInvalid),
        fails("all inside a list", seeing("[[], [\"all\"], []]"), AccessInvalid),
        fails("another word", seeing("[\"\", \"some\", \"all\"]"), AccessInvalid),
        fails("the word none", seeing("[\"none\", \"all\", \"all\"]"), AccessInvalid),
        fails("True for all", seeing("[False, True, True]"), AccessInvalid),
    ]
}

pub fn by_model() -> Vec<Case> {
    [
        reads("ids of earlier steps", seeing("[[], [0], [0, 2]]"), steps(&[0], &[0, 1])),
        reads("one of two earlier workers", seeing("[[], [], [2]]"), steps(&[], &[1])),
        reads("quoted ids", seeing("[[], [\"0\"], ['2']]"), steps(&[0], &[1])),
        reads("an id twice", seeing("[[], [0, 0], [2, 2]]"), steps(&[0], &[1])),
        reads("None and blanks for none by model", seeing("[None, \"\", [2]]"), steps(&[], &[1])),
        reads("its own worker earlier on", seeing("[[], [], [0]]"), steps(&[], &[0])),
        reads(
            "a worker that ran twice shows both steps",
            lines("[1, 1, 3]", "[\"a\", \"b\", \"c\"]", "[[], [], [1]]"),
            vec![(1, "a", vec![]), (1, "b", vec![]), (3, "c", vec![0, 1])],
        ),
        reads("a tuple of ids", seeing("[(), (0,), (0, 2)]"), steps(&[0], &[0, 1])),
        fails("a worker of a later step", seeing("[[2], [0], []]"), AccessFuture),
        fails("its own first step", seeing("[[0], [], []]"), AccessFuture),
        fails("a worker without a step", seeing("[[], [3], []]"), AccessInvalid),
        fails("a worker that is not listed", seeing("[[], [7], []]"), WorkerOutOfRange),
        fails("a negative worker", seeing("[[], [-1], []]"), WorkerOutOfRange),
        fails("all by model", seeing("[[], \"all\", []]"), AccessInvalid),
        fails("an id without a list", seeing("[[], 0, []]"), AccessInvalid),
        fails("a word by model", seeing("[[], [\"first\"], []]"), AccessInvalid),
        fails("a nested list by model", seeing("[[], [[0]], []]"), AccessInvalid),
    ]
    .map(|case| case.under(AccessKind::ByModel))
    .into()
}

pub fn by_step() -> Vec<Case> {
    [
        reads("earlier steps", seeing("[[], [0], [0, 1]]"), steps(&[0], &[0, 1])),
        reads("one earlier step", seeing("[[], [], [1]]"), steps(&[], &[1])),
        reads("steps out of order", seeing("[[], [0], [1, 0]]"), steps(&[0], &[0, 1])),
        reads("a step twice", seeing("[[], [0, 0], [1, 1, 1]]"), steps(&[0], &[1])),
        reads("quoted steps", seeing("[[], [\"0\"], ['1']]"), steps(&[0], &[1])),
        reads("None and blanks for none by step", seeing("[None, \"\", []]"), steps(&[], &[])),
        reads("steps among bare words", seeing("[null, [0], [0, 1]]"), steps(&[0], &[0, 1])),
        reads("steps with leading zeros", seeing("[[], [00], [0, 1]]"), steps(&[0], &[0, 1])),
        fails("itself", seeing("[[], [1], []]"), AccessFuture),
        fails("itself at the start", seeing("[[0], [], []]"), AccessFuture),
        fails("a later step", seeing("[[], [2], []]"), AccessFuture),
        fails("a step that does not exist", seeing("[[], [], [9]]"), AccessFuture),
        fails("a huge step", seeing("[[], [], [99999999999999999999]]"), AccessFuture),
        fails("a negative step", seeing("[[], [-1], []]"), AccessInvalid),
        fails("all by step", seeing("[[], \"all\", \"all\"]"), AccessInvalid),
        fails("bare all by step", seeing("[[], all, all]"), AccessInvalid),
        fails("a number without a list", seeing("[[], 0, [0, 1]]"), AccessInvalid),
        fails("a decimal step", seeing("[[], [0.0], []]"), AccessInvalid),
        fails("a nested list by step", seeing("[[], [[0]], []]"), AccessInvalid),
        fails("True for a step", seeing("[[], [False], []]"), AccessInvalid),
        fails("an empty access list by step", seeing("[]"), AccessEmpty),
    ]
    .map(|case| case.under(AccessKind::ByStep))
    .into()
}
