//! A row whose clones share what is equal, for parts that are looked up far more often than they are exchanged.

use std::sync::Arc;

/// A row of parts. A clone takes a handle on every block of 64; a change copies its part and the handles of its block, if
/// a clone shares them. A part is two steps away, in a row of any length.
#[derive(Clone)]
pub(super) struct Directory<T> {
    /// All full but the last, which is not empty.
    blocks: Vec<Arc<Block<T>>>,
    len: usize,
}

type Block<T> = Vec<Arc<T>>;

/// Parts of a block.
const BLOCK: usize = 64;

impl<T> Directory<T> {
    /// A row of one.
    pub(super) fn of(part: T) -> Self {
        Self {
            blocks: vec![Arc::new(vec![Arc::new(part)])],
            len: 1,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// # Panics
    /// `at` is beyond the end.
    pub(super) fn get(&self, at: usize) -> &T {
        &self.blocks[at / BLOCK][at % BLOCK]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        let parts = self.blocks.iter().flat_map(|block| block.iter());
        parts.map(|part| &**part)
    }

    /// Puts a part at the end.
    pub(super) fn push(&mut self, part: T) {
        let part = Arc::new(part);
        match self.blocks.last_mut() {
            Some(last) if last.len() < BLOCK => Arc::make_mut(last).push(part),
            _ => {
                let mut block = Block::with_capacity(BLOCK);
                block.push(part);
                self.blocks.push(Arc::new(block));
            }
        }
        self.len += 1;
    }
}

impl<T: Clone> Directory<T> {
    /// A part, to be changed in place.
    ///
    /// # Panics
    /// As [`get`](Self::get).
    pub(super) fn change(&mut self, at: usize) -> &mut T {
        let block = Arc::make_mut(&mut self.blocks[at / BLOCK]);
        Arc::make_mut(&mut block[at % BLOCK])
    }

    /// Takes the part at the end away.
    pub(super) fn pop(&mut self) -> Option<T> {
        let block = self.blocks.last_mut()?;
        let part = Arc::make_mut(block).pop()?;
        if block.is_empty() {
            self.blocks.pop();
        }
        self.len -= 1;
        Some(Arc::unwrap_or_clone(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(row: &Directory<usize>) -> Vec<usize> {
        row.iter().copied().collect()
    }

    #[test]
    fn it_is_a_row() {
        const LENGTH: usize = 5 * BLOCK + 7;
        let mut row = Directory::of(0);
        for part in 1..LENGTH {
            row.push(part);
        }
        assert_eq!(content(&row), (0..LENGTH).collect::<Vec<_>>());
        for at in 0..LENGTH {
            assert_eq!(row.get(at), &at);
            *row.change(at) += 2;
        }
        for len in (0..LENGTH).rev() {
            assert_eq!(row.pop(), Some(len + 2));
            assert_eq!((row.len(), row.iter().count()), (len, len));
        }
        assert_eq!(row.pop(), None);
        row.push(1);
        assert_eq!((row.len(), content(&row)), (1, vec![1]));
    }

    #[test]
    fn clones_share_what_does_not_change() {
        let mut row = Directory::of(0);
        for part in 1..3 * BLOCK {
            row.push(part);
        }
        let before = row.clone();
        *row.change(70) = 0;
        let differ: Vec<usize> = (0..row.len())
            .filter(|at| !core::ptr::eq(before.get(*at), row.get(*at)))
            .collect();
        assert_eq!(differ, [70]);
        assert!(Arc::ptr_eq(&before.blocks[0], &row.blocks[0]));
        row.pop();
        row.push(9);
        assert_eq!(content(&before), (0..3 * BLOCK).collect::<Vec<_>>());
    }
}
