//! Micro-batches: sequences laid out as prefix trees of bounded size.

use conductor_policy::TokenTree;
use conductor_policy::tree::Sequence;

use crate::learner::Item;

/// Sequences that go through the model in one pass.
#[derive(Debug)]
pub(crate) struct MicroBatch {
    pub tree: TokenTree,
    /// Indices into the items, in the order of the tree's sequences.
    pub items: Vec<usize>,
}

/// Cuts `chosen` items into trees of at most `max_tokens` tokens each (a single longer sequence makes a tree of its own).
/// Items with the same prompt come together, so that it is computed once.
pub(crate) fn micro_batches(
    items: &[Item],
    chosen: &[usize],
    max_tokens: usize,
) -> Vec<MicroBatch> {
    let mut order = chosen.to_vec();
    order.sort_by(|&a, &b| items[a].prompt.cmp(&items[b].prompt).then(a.cmp(&b)));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut size = 0;
    for index in order {
        let sequence = sequence(&items[index]);
        let previous =
            batches.last().and_then(|batch| batch.last()).map(|&last| &*items[last].prompt);
        let added = TokenTree::added_tokens(previous, &sequence);
        match batches.last_mut() {
            Some(batch) if size + added <= max_tokens => {
                batch.push(index);
                size += added;
            }
            _ => {
                size = TokenTree::added_tokens(None, &sequence);
                batches.push(vec![index]);
            }
        }
    }
    batches
        .into_iter()
        .map(|items_of| {
            let sequences: Vec<Sequence<'_>> =
                items_of.iter().map(|&index| sequence(&items[index])).collect();
            MicroBatch { tree: TokenTree::build(&sequences), items: items_of }
        })
        .collect()
}

fn sequence(item: &Item) -> Sequence<'_> {
    Sequence { prompt: &item.prompt, response: &item.tokens }
}
