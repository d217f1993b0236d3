//! Python's `random.Random(seed)`: the generator that published splits and permutations were drawn with.
//!
//! MT19937 (Matsumoto and Nishimura 1998), seeded from an integer and read as `CPython` 3.2 and later do. The expected values of
//! the tests are Python's own (`scripts/make_python_random_fixture.py`).

const WORDS: usize = 624;
const MIDDLE: usize = 397;

/// `random.Random(seed)`.
#[derive(Clone)]
pub struct PythonRandom {
    state: [u32; WORDS],
    next: usize,
}

impl std::fmt::Debug for PythonRandom {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PythonRandom").field("next", &self.next).finish_non_exhaustive()
    }
}

impl PythonRandom {
    /// Seeds from an integer. (Python takes the absolute value of a negative one.)
    pub fn new(seed: u64) -> Self {
        let (low, high) = (seed as u32, (seed >> 32) as u32);
        if high == 0 { Self::from_key(&[low]) } else { Self::from_key(&[low, high]) }
    }

    /// The authors' `init_by_array`.
    fn from_key(key: &[u32]) -> Self {
        let mut state = [0u32; WORDS];
        state[0] = 19_650_218;
        for i in 1..WORDS {
            state[i] = mixed(state[i - 1]).wrapping_mul(1_812_433_253).wrapping_add(i as u32);
        }
        let (mut i, mut j) = (1, 0);
        for _ in 0..WORDS.max(key.len()) {
            state[i] = (state[i] ^ mixed(state[i - 1]).wrapping_mul(1_664_525))
                .wrapping_add(key[j])
                .wrapping_add(j as u32);
            i += 1;
            j = (j + 1) % key.len();
            if i == WORDS {
                state[0] = state[WORDS - 1];
                i = 1;
            }
        }
        for _ in 1..WORDS {
            state[i] =
                (state[i] ^ mixed(state[i - 1]).wrapping_mul(1_566_083_941)).wrapping_sub(i as u32);
            i += 1;
            if i == WORDS {
                state[0] = state[WORDS - 1];
                i = 1;
            }
        }
        state[0] = 0x8000_0000;
        Self { state, next: WORDS }
    }

    fn next_u32(&mut self) -> u32 {
        if self.next == WORDS {
            self.refill();
        }
        let mut word = self.state[self.next];
        self.next += 1;
        word ^= word >> 11;
        word ^= (word << 7) & 0x9d2c_5680;
        word ^= (word << 15) & 0xefc6_0000;
        word ^ (word >> 18)
    }

    fn refill(&mut self) {
        for i in 0..WORDS {
            let joined =
                (self.state[i] & 0x8000_0000) | (self.state[(i + 1) % WORDS] & 0x7fff_ffff);
            let twist = if joined & 1 == 1 { 0x9908_b0df } else { 0 };
            self.state[i] = self.state[(i + MIDDLE) % WORDS] ^ (joined >> 1) ^ twist;
        }
        self.next = 0;
    }

    /// `random()`: a number in 0..1 of 53 bits.
    pub fn random(&mut self) -> f64 {
        let (high, low) = (self.next_u32() >> 5, self.next_u32() >> 6);
        (f64::from(high) * 67_108_864.0 + f64::from(low)) / 9_007_199_254_740_992.0
    }

    /// `getrandbits(bits)` for at most 64 bits; more than that are taken as 64.
    pub fn getrandbits(&mut self, bits: u32) -> u64 {
        match bits.min(64) {
            0 => 0,
            bits @ 1..=32 => u64::from(self.next_u32() >> (32 - bits)),
            bits => {
                let low = u64::from(self.next_u32());
                low | (u64::from(self.next_u32() >> (64 - bits)) << 32)
            }
        }
    }

    /// `_randbelow(n)`: a number in 0..n; 0 where n is 0.
    pub fn below(&mut self, n: usize) -> usize {
        if n == 0 {
            return 0;
        }
        let bits = usize::BITS - n.leading_zeros();
        loop {
            let drawn = self.getrandbits(bits) as usize;
            if drawn < n {
                return drawn;
            }
        }
    }

    /// `shuffle(items)`.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }

    /// `sample(range(n), k)`; `None` where k is above n, which Python refuses.
    pub fn sample(&mut self, n: usize, k: usize) -> Option<Vec<usize>> {
        if k > n {
            return None;
        }
        // Python draws from a list where a set would take more room; the two ways draw differently.
        let mut set_size = 21;
        if k > 5 {
            let mut table = 1usize;
            while table < k.saturating_mul(3) {
                table = table.saturating_mul(4);
            }
            set_size += table;
        }
        let mut drawn = Vec::with_capacity(k);
        if n <= set_size {
            let mut pool: Vec<usize> = (0..n).collect();
            for left in (n - k + 1..=n).rev() {
                let place = self.below(left);
                drawn.push(pool[place]);
                pool[place] = pool[left - 1];
            }
        } else {
            let mut taken = std::collections::HashSet::with_capacity(k);
            while drawn.len() < k {
                let place = self.below(n);
                if taken.insert(place) {
                    drawn.push(place);
                }
            }
        }
        Some(drawn)
    }
}

fn mixed(word: u32) -> u32 {
    word ^ (word >> 30)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn cases() -> Vec<Value> {
        serde_json::from_str(include_str!("../tests/golden/python_random.json")).unwrap()
    }

    fn numbers(value: &Value) -> Vec<u64> {
        value.as_array().unwrap().iter().map(|n| n.as_u64().unwrap()).collect()
    }

    #[test]
    fn every_draw_is_pythons() {
        let cases = cases();
        assert!(cases.len() >= 6, "{}", cases.len());
        for case in &cases {
            let seed = case["seed"].as_u64().unwrap();
            let mut rng = PythonRandom::new(seed);
            for expected in case["random"].as_array().unwrap() {
                // Hexadecimal, so that not a bit is lost on the way.
                let bits = u64::from_str_radix(expected.as_str().unwrap(), 16).unwrap();
                assert_eq!(rng.random().to_bits(), bits, "seed {seed}");
            }
            for pair in case["getrandbits"].as_array().unwrap() {
                let bits = pair[0].as_u64().unwrap() as u32;
                assert_eq!(rng.getrandbits(bits).to_string(), pair[1].as_str().unwrap(), "{bits}");
            }
            for pair in case["randbelow"].as_array().unwrap() {
                let n = pair[0].as_u64().unwrap() as usize;
                assert_eq!(rng.below(n) as u64, pair[1].as_u64().unwrap(), "below {n}");
            }
            for expected in case["shuffle"].as_array().unwrap() {
                let expected = numbers(expected);
                let mut items: Vec<u64> = (0..expected.len() as u64).collect();
                rng.shuffle(&mut items);
                assert_eq!(items, expected, "seed {seed}");
            }
            for draw in case["sample"].as_array().unwrap() {
                let (n, expected) = (draw[0].as_u64().unwrap() as usize, numbers(&draw[1]));
                let drawn = rng.sample(n, expected.len()).unwrap();
                let drawn: Vec<u64> = drawn.into_iter().map(|i| i as u64).collect();
                assert_eq!(drawn, expected, "seed {seed}, {n}");
            }
        }
    }

    #[test]
    fn edges_are_no_trap() {
        let mut rng = PythonRandom::new(0);
        assert_eq!(rng.sample(3, 4), None);
        assert_eq!(rng.sample(0, 0), Some(Vec::new()));
        assert_eq!((rng.below(0), rng.below(1), rng.getrandbits(0)), (0, 0, 0));
        rng.shuffle::<u8>(&mut []);
    }
}
