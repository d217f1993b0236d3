//! Which workers of the pool are listed for a question, and under which numbers.
//!
//! The policy writes numbers of the list that it reads. They become places in the pool right after the parse, so
//! everything that runs, counts or is logged speaks of the pool.

use conductor_configs::schema;
use conductor_types::seed::{SplitMix, derive};
use conductor_types::{Constraint, WorkerCapability, Workflow};

use crate::card::WorkerCard;

/// The list of one question.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    places: Vec<usize>,
    cards: Vec<WorkerCard>,
}

impl Listing {
    fn new(places: Vec<usize>, pool: &[WorkerCard]) -> Self {
        let cards = places.iter().map(|&place| pool[place].clone()).collect();
        Self { places, cards }
    }

    /// For each number of the list, its worker's place in the pool.
    pub fn places(&self) -> &[usize] {
        &self.places
    }

    /// The workers, in the order of the list.
    pub fn cards(&self) -> &[WorkerCard] {
        &self.cards
    }

    /// The same workflow with places in the pool instead of numbers of the list. Access is by step in both.
    ///
    /// # Panics
    /// Where a number is not of this list; the parser refuses such workflows.
    pub fn in_pool(&self, mut workflow: Workflow) -> Workflow {
        for step in &mut workflow.steps {
            step.worker = self.places[step.worker];
        }
        workflow
    }
}

/// Draws the lists of a run.
#[derive(Debug, Clone)]
pub struct Lister {
    cards: Vec<WorkerCard>,
    listed: usize,
    permute: bool,
}

impl Lister {
    /// Lists of `cards`, as many and in the order that `pool.listed` and `pool.permute` say.
    pub fn new(pool: &schema::Pool, cards: &[WorkerCard]) -> Self {
        let listed = pool.listed.map_or(cards.len(), |listed| listed as usize);
        Self { cards: cards.to_vec(), listed: listed.clamp(1, cards.len()), permute: pool.permute }
    }

    /// Whether lists differ from question to question.
    pub fn varies(&self) -> bool {
        self.permute || self.listed < self.cards.len()
    }

    /// How many workers each list has.
    pub fn listed(&self) -> usize {
        self.listed
    }

    /// The list that `seed` stands for: the same seed gives the same list, and where lists do not vary every seed gives the
    /// whole pool. At least one listed worker can take a first step, and obeys `constraint` by its tags where any worker of
    /// the pool does: a question that no workflow could obey would teach nothing about obedience.
    pub fn draw(&self, seed: u64, constraint: Option<&Constraint>) -> Listing {
        let mut places: Vec<usize> = (0..self.cards.len()).collect();
        if self.varies() {
            SplitMix::new(seed).shuffle(&mut places);
            self.keep_a_beginner(&mut places, constraint);
            places.truncate(self.listed);
            if !self.permute {
                places.sort_unstable();
            }
        }
        Listing::new(places, &self.cards)
    }

    /// The list of a worked example: one for each, the same for every question of every run with this pool.
    pub fn example(&self, example: usize) -> Listing {
        self.draw(derive(0, "example_listing", &[&example.to_string()]), None)
    }

    /// The list whose workers rank highest, in the order of the pool; `rank` is the length of what is shown of one.
    pub fn longest(&self, rank: impl Fn(&WorkerCard) -> usize) -> Listing {
        let mut places: Vec<usize> = (0..self.cards.len()).collect();
        places.sort_by_key(|&place| std::cmp::Reverse(rank(&self.cards[place])));
        places.truncate(self.listed);
        places.sort_unstable();
        Listing::new(places, &self.cards)
    }

    /// Where none of the first `listed` can begin a workflow, the last of them makes room for the first that can.
    fn keep_a_beginner(&self, places: &mut [usize], constraint: Option<&Constraint>) {
        let solves = |place: usize| self.cards[place].capability != WorkerCapability::Combines;
        let obeys =
            |place: usize| constraint.is_none_or(|c| c.allows_tags(&self.cards[place].tags));
        let both = |place: usize| solves(place) && obeys(place);
        let wanted: &dyn Fn(usize) -> bool =
            if places.iter().any(|&place| both(place)) { &both } else { &solves };
        if let Some(first) = places.iter().position(|&place| wanted(place))
            && first >= self.listed
        {
            places.swap(self.listed - 1, first);
        }
    }
}

#[cfg(test)]
mod tests {
    use conductor_types::Step;

    use super::*;

    fn cards(tags: &[&str]) -> Vec<WorkerCard> {
        let card = |(i, tag): (usize, &&str)| {
            let capability =
                if *tag == "vote" { WorkerCapability::Combines } else { WorkerCapability::General };
            WorkerCard {
                tags: vec![(*tag).to_owned()],
                ..WorkerCard::new(i.to_string(), capability)
            }
        };
        tags.iter().enumerate().map(card).collect()
    }

    fn lister(tags: &[&str], listed: Option<u32>, permute: bool) -> Lister {
        let pool = schema::Pool { workers: Vec::new(), listed, permute, ..pool() };
        Lister::new(&pool, &cards(tags))
    }

    fn pool() -> schema::Pool {
        serde_json::from_str(r#"{"workers": []}"#).expect("a pool")
    }

    const SEVEN: [&str; 7] = ["open", "open", "closed", "closed", "open", "vote", "closed"];

    #[test]
    fn without_the_settings_every_question_has_the_whole_pool_in_order() {
        for listed in [None, Some(7)] {
            let lister = lister(&SEVEN, listed, false);
            assert!(!lister.varies());
            for seed in 0..20 {
                assert_eq!(lister.draw(seed, None).places(), [0, 1, 2, 3, 4, 5, 6]);
            }
        }
    }

    #[test]
    fn a_list_has_k_different_workers_and_follows_from_its_seed() {
        for permute in [false, true] {
            let lister = lister(&SEVEN, Some(4), permute);
            let mut different = std::collections::BTreeSet::new();
            for seed in 0..200 {
                let listing = lister.draw(seed, None);
                assert_eq!(listing, lister.draw(seed, None));
                let mut sorted = listing.places().to_vec();
                sorted.sort_unstable();
                assert!(permute || sorted == listing.places(), "{listing:?}");
                sorted.dedup();
                assert_eq!(sorted.len(), 4);
                for (card, &place) in listing.cards().iter().zip(listing.places()) {
                    assert_eq!(card.name, place.to_string());
                }
                different.insert(listing.places().to_vec());
            }
            // 35 choices of four, and 840 orders.
            assert!(different.len() > if permute { 120 } else { 30 }, "{}", different.len());
        }
    }

    #[test]
    fn every_worker_is_listed_about_equally_often_and_under_every_number() {
        let lists = lister(&SEVEN, Some(3), true);
        let (mut times, mut numbers) = ([0u32; 7], [[0u32; 3]; 7]);
        for task in 0..7000 {
            let seed = derive(1, "listing", &[&format!("task/{task}"), "0"]);
            for (number, &place) in lists.draw(seed, None).places().iter().enumerate() {
                times[place] += 1;
                numbers[place][number] += 1;
            }
        }
        for place in 0..7 {
            // 3/7 of 7000 is 3000, with a standard deviation of 41.
            assert!(times[place].abs_diff(3000) < 170, "{times:?}");
            assert!(numbers[place].iter().all(|count| count.abs_diff(1000) < 120), "{numbers:?}");
        }
    }

    #[test]
    fn a_list_can_always_begin_and_obey() {
        let tags = ["vote", "vote", "closed", "vote", "open", "vote"];
        let open = Constraint { tags: vec!["open".into()], ..Constraint::default() };
        let gold = Constraint { tags: vec!["gold".into()], ..Constraint::default() };
        for listed in 1..=6 {
            for permute in [false, true] {
                let lister = lister(&tags, Some(listed), permute);
                for seed in 0..100 {
                    let places = |constraint| lister.draw(seed, constraint).places().to_vec();
                    assert!(places(None).iter().any(|p| [2, 4].contains(p)));
                    assert!(places(Some(&open)).contains(&4));
                    // Where nobody obeys, somebody begins all the same.
                    assert!(places(Some(&gold)).iter().any(|p| [2, 4].contains(p)));
                    assert_eq!(places(Some(&open)).len(), listed as usize);
                }
            }
        }
    }

    #[test]
    fn numbers_of_the_list_become_places_in_the_pool() {
        let lister = lister(&SEVEN, Some(3), true);
        let listing = lister.draw(5, None);
        let step = |worker, access| Step::new(worker, "x", access);
        let written = Workflow { steps: vec![step(2, vec![]), step(0, vec![0]), step(2, vec![1])] };
        let mapped = listing.in_pool(written);
        let places = listing.places();
        assert_eq!(
            mapped.steps.iter().map(|step| step.worker).collect::<Vec<_>>(),
            [places[2], places[0], places[2]]
        );
        assert_eq!(mapped.steps[2].access, [1]);
    }

    #[test]
    fn the_longest_list_has_the_workers_of_which_most_is_shown() {
        let lister = lister(&SEVEN, Some(2), true);
        let rank = |card: &WorkerCard| [3, 9, 4, 1, 8, 0, 2][card.name.parse::<usize>().unwrap()];
        assert_eq!(lister.longest(rank).places(), [1, 4]);
    }
}
