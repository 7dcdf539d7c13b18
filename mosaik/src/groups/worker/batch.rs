//! One entry of the log: commands of one session, or an end of the history. Pure: bytes to values and back.
//!
//! Not MessagePack, which would copy each command: a batch is read in place, on every member. All numbers are big-endian.
//!
//! ```text
//! format u8 · kind u8 · leader's UTC in ms u64 · seed u64 · piece
//! piece of commands: session u128 · sequence of the first u64 · count u32 · (length u32 · command)*
//! piece of a seal:   lineage id [u8; 16] · epoch u32
//! ```

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::groups::identity::{Lineage, LineageId};

/// The version of the format above.
const FORMAT: u8 = 1;

const COMMANDS: u8 = 1;
const SEAL: u8 = 2;

/// Bytes of an entry before its piece.
const HEAD_BYTES: usize = 18;

/// Bytes of a piece of commands before the first.
const PIECE_HEAD_BYTES: usize = 28;

/// What came is not what this version of the format says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed batch")]
pub(super) struct Malformed;

/// What the leader adds when it puts a piece into the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    /// By the leader's clock.
    pub(super) utc_ms: u64,
    /// Where the chance of the commands comes from.
    pub(super) seed: u64,
}

/// An entry, read in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    pub(super) stamp: Stamp,
    pub(super) content: Content<'a>,
}

/// What an entry says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content<'a> {
    /// Commands of one session that follow each other.
    Commands(Piece<'a>),
    /// Nothing comes after this, if nothing came before: the members go on in another history.
    Seal { to: Lineage },
}

/// Commands of one session, with consecutive sequence numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    pub(super) session: u128,
    pub(super) first_seq: u64,
    pub(super) count: u32,
    commands: &'a [u8],
}

impl<'a> Piece<'a> {
    /// Reads a piece; every command in it is whole.
    pub(super) fn parse(mut bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() < PIECE_HEAD_BYTES {
            return Err(Malformed);
        }
        let piece = Self {
            session: bytes.get_u128(),
            first_seq: bytes.get_u64(),
            count: bytes.get_u32(),
            commands: bytes,
        };
        let mut rest = piece.commands;
        for _ in 0..piece.count {
            take(&mut rest).ok_or(Malformed)?;
        }
        let is_whole = rest.is_empty() && piece.count > 0;
        let has_room = piece
            .first_seq
            .checked_add(u64::from(piece.count))
            .is_some();
        (is_whole && has_room).then_some(piece).ok_or(Malformed)
    }

    /// The commands, in order.
    pub(super) fn commands(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.commands;
        std::iter::from_fn(move || take(&mut rest))
    }
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(rest.try_get_u32().ok()?).ok()?;
    let (command, after) = rest.split_at_checked(length)?;
    *rest = after;
    Some(command)
}

impl<'a> Entry<'a> {
    /// Reads an entry; everything in it is whole.
    pub(super) fn parse(mut bytes: &'a [u8]) -> Result<Self, Malformed> {
        if bytes.len() < HEAD_BYTES || bytes.get_u8() != FORMAT {
            return Err(Malformed);
        }
        let kind = bytes.get_u8();
        let stamp = Stamp {
            utc_ms: bytes.get_u64(),
            seed: bytes.get_u64(),
        };
        let content = match kind {
            COMMANDS => Content::Commands(Piece::parse(bytes)?),
            SEAL => Content::Seal {
                to: parse_lineage(bytes)?,
            },
            _ => return Err(Malformed),
        };
        Ok(Self { stamp, content })
    }

    /// The entry of a piece of commands.
    pub(super) fn of_piece(stamp: Stamp, piece: &[u8]) -> Bytes {
        Self::encode(COMMANDS, stamp, piece)
    }

    /// The entry that ends an empty history in favour of another.
    pub(super) fn of_seal(stamp: Stamp, to: Lineage) -> Bytes {
        let mut lineage = BytesMut::with_capacity(20);
        put_lineage(&mut lineage, to);
        Self::encode(SEAL, stamp, &lineage)
    }

    fn encode(kind: u8, stamp: Stamp, piece: &[u8]) -> Bytes {
        let mut bytes = BytesMut::with_capacity(HEAD_BYTES + piece.len());
        bytes.put_u8(FORMAT);
        bytes.put_u8(kind);
        bytes.put_u64(stamp.utc_ms);
        bytes.put_u64(stamp.seed);
        bytes.put_slice(piece);
        bytes.freeze()
    }
}

/// Writes a history's name.
pub(super) fn put_lineage(bytes: &mut BytesMut, lineage: Lineage) {
    bytes.put_slice(lineage.id.as_bytes());
    bytes.put_u32(lineage.epoch);
}

/// Reads a history's name, and nothing after it.
pub(super) fn parse_lineage(bytes: &[u8]) -> Result<Lineage, Malformed> {
    let bytes: &[u8; 20] = bytes.try_into().map_err(|_| Malformed)?;
    let (id, mut epoch) = bytes.split_at(16);
    let id: [u8; 16] = id.try_into().map_err(|_| Malformed)?;
    Ok(Lineage {
        id: LineageId::from(id),
        epoch: epoch.get_u32(),
    })
}

/// A piece that grows, command by command.
#[derive(Debug)]
pub(super) struct PieceBuilder {
    bytes: BytesMut,
    count: u32,
}

impl PieceBuilder {
    pub(super) fn new(session: u128, first_seq: u64, bytes_about: usize) -> Self {
        let mut bytes = BytesMut::with_capacity(PIECE_HEAD_BYTES + bytes_about);
        bytes.put_u128(session);
        bytes.put_u64(first_seq);
        bytes.put_u32(0);
        Self { bytes, count: 0 }
    }

    pub(super) fn push(&mut self, command: &[u8]) {
        let length = u32::try_from(command.len());
        self.bytes
            .put_u32(length.expect("invariant: commands are checked against their limit"));
        self.bytes.put_slice(command);
        self.count += 1;
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) const fn count(&self) -> u32 {
        self.count
    }

    pub(super) fn finish(mut self) -> Bytes {
        let count = PIECE_HEAD_BYTES - 4..PIECE_HEAD_BYTES;
        self.bytes[count].copy_from_slice(&self.count.to_be_bytes());
        self.bytes.freeze()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STAMP: Stamp = Stamp {
        utc_ms: 0x0102,
        seed: 0x0304,
    };

    fn piece(commands: &[&[u8]]) -> Bytes {
        let mut piece = PieceBuilder::new(5, 6, 0);
        for command in commands {
            piece.push(command);
        }
        piece.finish()
    }

    #[test]
    fn golden_bytes() {
        let entry = Entry::of_piece(STAMP, &piece(&[b"ab", b""]));
        let mut expected = vec![1, 1];
        expected.extend([0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 3, 4]);
        expected.extend([0; 15]);
        expected.push(5);
        expected.extend([0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 2]);
        expected.extend([0, 0, 0, 2, b'a', b'b', 0, 0, 0, 0]);
        assert_eq!(entry, expected);
        let Entry { stamp, content } = Entry::parse(&entry).unwrap();
        assert_eq!(stamp, STAMP);
        let Content::Commands(piece) = content else {
            panic!("{content:?}");
        };
        assert_eq!((piece.session, piece.first_seq, piece.count), (5, 6, 2));
        assert_eq!(piece.commands().collect::<Vec<_>>(), [&b"ab"[..], b""]);
        let to = Lineage {
            id: LineageId::from([7; 16]),
            epoch: 8,
        };
        let seal = Entry::of_seal(STAMP, to);
        assert_eq!(seal[1], 2);
        assert_eq!(seal[18..], [[7; 16].as_slice(), &[0, 0, 0, 8]].concat());
        let content = Entry::parse(&seal).unwrap().content;
        assert_eq!(content, Content::Seal { to });
    }

    #[test]
    fn malformed_bytes_are_errors() {
        let good = Entry::of_piece(STAMP, &piece(&[b"ab", b"c"]));
        for length in 0..good.len() {
            assert_eq!(Entry::parse(&good[..length]), Err(Malformed), "{length}");
        }
        let longer = [&good[..], b"x"].concat();
        let none = Entry::of_piece(STAMP, &piece(&[]));
        let other_format = [&[2], &good[1..]].concat();
        let other_kind = [&[1, 9], &good[2..]].concat();
        for bytes in [&longer[..], &none, &other_format, &other_kind] {
            assert_eq!(Entry::parse(bytes), Err(Malformed), "{bytes:?}");
        }
        let mut late = piece(&[b"a"]).to_vec();
        late[16..24].fill(0xff);
        assert_eq!(Piece::parse(&late), Err(Malformed));
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_entry_or_an_error(bytes: Vec<u8>) {
            let with_head = [&[1, 1][..], &bytes].concat();
            for bytes in [&bytes, &with_head] {
                if let Ok(Entry { content: Content::Commands(piece), .. }) = Entry::parse(bytes) {
                    prop_assert_eq!(piece.commands().count(), piece.count as usize);
                }
            }
        }
    }
}
