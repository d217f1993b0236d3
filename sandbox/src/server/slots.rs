//! Places for cells. Each has a number, by which its user, its control group and its folder are known.

/// Which numbers are free.
pub(super) struct Slots {
    free: Vec<usize>,
}

impl Slots {
    pub fn new(count: usize) -> Self {
        // The lowest first, so that few are ever used where few are needed.
        Self { free: (0..count).rev().collect() }
    }

    pub fn take(&mut self) -> Option<usize> {
        self.free.pop()
    }

    pub fn free(&mut self, slot: usize) {
        self.free.push(slot);
    }
}
