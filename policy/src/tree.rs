//! Prefix trees: token sequences that begin alike, laid out so that every shared token stands once.
//!
//! The tokens of all nodes stand in one row in depth-first order. A token sees the tokens before it on its own path
//! from the root and nothing else, so one pass over the row gives every sequence the hidden states that it would
//! have alone, and gradients of all sequences flow back into the shared part.

use tch::{Device, Kind, Tensor};

/// One sequence: a prompt, and a response to it (which may be empty).
#[derive(Debug, Clone, Copy)]
pub struct Sequence<'a> {
    /// Tokens that are given.
    pub prompt: &'a [i64],
    /// Tokens whose log-probabilities are asked for.
    pub response: &'a [i64],
}

/// Sequences laid out in one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenTree {
    /// Every distinct token of the tree, depth first.
    pub tokens: Vec<i64>,
    /// Distance of each token from the root, from 0.
    pub positions: Vec<i64>,
    /// For each token, the first place behind its subtree: it is seen by the places from itself up to there.
    pub ends: Vec<i64>,
    /// For each sequence of the input, the places of its prompt's tokens in order.
    pub prompt_places: Vec<Vec<i64>>,
    /// For each sequence of the input, the place of its response's first token (responses stand in one piece).
    pub response_starts: Vec<i64>,
}

impl TokenTree {
    /// Lays out sequences. Prompts share every common beginning; responses are never shared, because each has its
    /// own loss. Every prompt must have at least one token.
    pub fn build(sequences: &[Sequence<'_>]) -> Self {
        let mut order: Vec<usize> = (0..sequences.len()).collect();
        order.sort_by(|&a, &b| sequences[a].prompt.cmp(sequences[b].prompt));
        let mut tree = Self {
            tokens: Vec::new(),
            positions: Vec::new(),
            ends: Vec::new(),
            prompt_places: vec![Vec::new(); sequences.len()],
            response_starts: vec![0; sequences.len()],
        };
        // The path of open places from the root to the last prompt laid down.
        let mut path: Vec<usize> = Vec::new();
        for index in order {
            let Sequence { prompt, response } = sequences[index];
            let shared = path
                .iter()
                .zip(prompt)
                .take_while(|&(&place, token)| tree.tokens[place] == *token)
                .count();
            tree.close(&mut path, shared);
            for &token in &prompt[shared..] {
                path.push(tree.push(token, path.len()));
            }
            tree.prompt_places[index] = path.iter().map(|&place| place as i64).collect();
            tree.response_starts[index] = tree.tokens.len() as i64;
            let mut open: Vec<usize> = Vec::with_capacity(response.len());
            for &token in response {
                open.push(tree.push(token, path.len() + open.len()));
            }
            tree.close(&mut open, 0);
        }
        tree.close(&mut path, 0);
        tree
    }

    /// Tokens that the row would have after `sequence` is added to `sequences`, without building it: an upper bound
    /// that counts the prompt only where it differs from the one before.
    pub fn added_tokens(previous: Option<&[i64]>, sequence: &Sequence<'_>) -> usize {
        let shared = previous
            .map_or(0, |p| p.iter().zip(sequence.prompt).take_while(|(a, b)| a == b).count());
        sequence.prompt.len() - shared + sequence.response.len()
    }

    /// Tokens in the row.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Whether there is no token.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// [T, T] of bool: row t is true where token t sees token s.
    pub fn mask(&self, device: Device) -> Tensor {
        let places = Tensor::arange(self.len() as i64, (Kind::Int64, device));
        let ends = Tensor::from_slice(&self.ends).to_device(device);
        let (rows, columns) = (places.unsqueeze(1), places.unsqueeze(0));
        rows.ge_tensor(&columns).logical_and(&rows.lt_tensor(&ends.unsqueeze(0)))
    }

    /// For a response of `length` tokens: the places whose hidden states predict them, in order.
    pub fn predicting_places(&self, sequence: usize, length: usize) -> Vec<i64> {
        let last_prompt = self.prompt_places[sequence][self.prompt_places[sequence].len() - 1];
        let start = self.response_starts[sequence];
        std::iter::once(last_prompt).chain(start..).take(length).collect()
    }

    fn push(&mut self, token: i64, position: usize) -> usize {
        self.tokens.push(token);
        self.positions.push(position as i64);
        self.ends.push(0);
        self.tokens.len() - 1
    }

    fn close(&mut self, open: &mut Vec<usize>, keep: usize) {
        let end = self.tokens.len() as i64;
        for place in open.drain(keep..) {
            self.ends[place] = end;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq<'a>(prompt: &'a [i64], response: &'a [i64]) -> Sequence<'a> {
        Sequence { prompt, response }
    }

    #[test]
    fn shared_prompt_tokens_stand_once() {
        let tree = TokenTree::build(&[
            seq(&[1, 2, 3], &[7, 8]),
            seq(&[1, 2, 4], &[9]),
            seq(&[1, 2, 3], &[6]),
        ]);
        assert_eq!(tree.tokens, [1, 2, 3, 7, 8, 6, 4, 9]);
        assert_eq!(tree.positions, [0, 1, 2, 3, 4, 3, 2, 3]);
        assert_eq!(tree.ends, [8, 8, 6, 5, 5, 6, 8, 8]);
        assert_eq!(tree.prompt_places, [vec![0, 1, 2], vec![0, 1, 6], vec![0, 1, 2]]);
        assert_eq!(tree.response_starts, [3, 7, 5]);
        assert_eq!(tree.predicting_places(0, 2), [2, 3]);
        assert_eq!(tree.predicting_places(2, 1), [2]);
    }

    #[test]
    fn a_prompt_that_begins_another_is_shared_whole() {
        let tree = TokenTree::build(&[seq(&[1, 2, 3], &[5]), seq(&[1, 2], &[3, 4])]);
        // The response [3, 4] of the shorter prompt is not merged with the longer prompt's token 3.
        assert_eq!(tree.tokens, [1, 2, 3, 4, 3, 5]);
        assert_eq!(tree.positions, [0, 1, 2, 3, 2, 3]);
        assert_eq!(tree.ends, [6, 6, 4, 4, 6, 6]);
    }

    #[test]
    fn the_mask_shows_each_token_its_own_path() {
        let tree = TokenTree::build(&[seq(&[1], &[2]), seq(&[1], &[3])]);
        let mask: Vec<bool> =
            Vec::try_from(tree.mask(Device::Cpu).reshape([-1])).expect("a flat mask");
        assert_eq!(mask, [true, false, false, true, true, false, true, false, true]);
    }
}
