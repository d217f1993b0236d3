//! A vote: the most frequent answer among the steps that it sees. Free and deterministic.

use std::collections::HashMap;
use std::sync::Arc;

use conductor_types::{
    Answer, AnswerExtractor, Usage, WorkerCapability, WorkerError, WorkerErrorKind, WorkerRequest,
};

use super::{CallFuture, Worker};
use crate::card::{Price, WorkerCard};

/// Votes over the canonical answers of the steps that it sees and returns the winner's whole text.
pub struct Vote {
    card: WorkerCard,
    extractor: Arc<dyn AnswerExtractor>,
}

impl Vote {
    /// A vote that finds answers through `extractor`.
    pub fn new(card: WorkerCard, extractor: Arc<dyn AnswerExtractor>) -> Self {
        let card =
            WorkerCard { price: Some(Price::FREE), capability: WorkerCapability::Combines, ..card };
        Self { card, extractor }
    }
}

impl Worker for Vote {
    fn card(&self) -> &WorkerCard {
        &self.card
    }

    fn concurrency(&self) -> usize {
        usize::MAX
    }

    fn call<'a>(&'a self, request: WorkerRequest<'a>) -> CallFuture<'a> {
        let winner = winner(self.extractor.as_ref(), request.task_id, request.seen);
        let result = match winner {
            Some(index) => Ok(Answer {
                text: request.seen[index].clone(),
                usage: Usage::default(),
                recorded_score: request.seen_scores.get(index).copied().flatten(),
            }),
            None => Err(WorkerError {
                worker: self.card.name.clone(),
                kind: WorkerErrorKind::BadAnswer,
                message: "there is nothing to vote on: the step sees no earlier step".into(),
            }),
        };
        Box::pin(std::future::ready(result))
    }
}

/// The index of the earliest text with the most frequent canonical answer. A text without an answer has no vote;
/// where no text has one (outcomes recorded without text, for example), the earliest text stands.
fn winner(extractor: &dyn AnswerExtractor, task_id: &str, seen: &[String]) -> Option<usize> {
    if seen.is_empty() {
        return None;
    }
    let mut votes: HashMap<String, (usize, usize)> = HashMap::new();
    for (index, text) in seen.iter().enumerate() {
        if let Some(answer) = extractor.canonical(task_id, text) {
            votes.entry(answer).or_insert((0, index)).0 += 1;
        }
    }
    let best = votes.into_values().max_by_key(|&(count, first)| (count, std::cmp::Reverse(first)));
    Some(best.map_or(0, |(_, first)| first))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct LastWord;

    impl AnswerExtractor for LastWord {
        fn canonical(&self, _task_id: &str, text: &str) -> Option<String> {
            text.split_whitespace().last().map(str::to_lowercase)
        }
    }

    fn winner_of(seen: &[&str]) -> Option<usize> {
        let seen: Vec<String> = seen.iter().map(|&text| text.to_owned()).collect();
        winner(&LastWord, "t", &seen)
    }

    #[test]
    fn plurality_then_earliest() {
        assert_eq!(winner_of(&["it is 4", "it is 5", "so 5"]), Some(1));
        assert_eq!(winner_of(&["b", "a"]), Some(0));
        assert_eq!(winner_of(&["c", "a", "b", "x B", "x A"]), Some(1));
        assert_eq!(winner_of(&["Yes", "no", "YES"]), Some(0));
    }

    #[test]
    fn texts_without_an_answer_do_not_vote() {
        assert_eq!(winner_of(&["", "  ", "7"]), Some(2));
        assert_eq!(winner_of(&["", ""]), Some(0));
        assert_eq!(winner_of(&[]), None);
    }
}
