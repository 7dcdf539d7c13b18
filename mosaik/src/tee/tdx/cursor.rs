//! Reading little-endian binary formats: quotes, event logs.

/// Bytes that are read from the front.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    position: usize,
}

/// The input ends before what is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OutOfBytes {
    /// How long the input is.
    pub(super) length: usize,
}

impl<'a> Cursor<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(super) const fn position(&self) -> usize {
        self.position
    }

    /// What has not been read.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.position..).unwrap_or_default()
    }

    pub(super) fn take(&mut self, count: usize) -> Result<&'a [u8], OutOfBytes> {
        let taken = self.rest().get(..count).ok_or(OutOfBytes {
            length: self.bytes.len(),
        })?;
        self.position += count;
        Ok(taken)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], OutOfBytes> {
        let length = self.bytes.len();
        let (array, _) = self
            .rest()
            .split_first_chunk::<N>()
            .ok_or(OutOfBytes { length })?;
        self.position += N;
        Ok(*array)
    }

    pub(super) fn u16(&mut self) -> Result<u16, OutOfBytes> {
        self.array().map(u16::from_le_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, OutOfBytes> {
        self.array().map(u32::from_le_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_from_the_front_and_stops_at_the_end() {
        let mut cursor = Cursor::new(&[1, 2, 0, 3, 0, 0, 0, 9, 9]);
        assert_eq!(cursor.array(), Ok([1]));
        assert_eq!(cursor.u16(), Ok(2));
        assert_eq!(cursor.u32(), Ok(3));
        assert_eq!(cursor.position(), 7);
        assert_eq!(cursor.rest(), [9, 9]);
        assert_eq!(cursor.take(3), Err(OutOfBytes { length: 9 }));
        assert_eq!(cursor.array::<2>(), Ok([9, 9]));
        assert_eq!(cursor.take(usize::MAX), Err(OutOfBytes { length: 9 }));
        assert_eq!(cursor.take(0), Ok(&[][..]));
    }
}
