//! The credential that a peer carries in its entry.

use core::fmt;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::digest::{TicketClass, UniqueId};
use super::fmt::{Hex, Short};

/// A credential: bytes of a class, which a validator of that class can judge.
///
/// Tickets are announced with the peer's entry, so everybody can read them: put nothing secret
/// inside. An entry carries at most 64 tickets and 256 KiB altogether.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ticket {
    /// Which kind of validator can judge the data.
    pub class: TicketClass,
    /// What that validator reads.
    pub data: Bytes,
}

impl Ticket {
    /// A ticket of `class` with these bytes.
    pub const fn new(class: TicketClass, data: Bytes) -> Self {
        Self { class, data }
    }

    /// The id of the ticket: its class and its data, hashed.
    pub fn id(&self) -> UniqueId {
        self.class.derive(&self.data)
    }

    /// What the validator reads.
    pub fn data(&self) -> &[u8] {
        &self.data
    }

    fn size_bytes(&self) -> usize {
        self.class.len() + self.data.len()
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket")
            .field("class", &self.class)
            .field("data", &Hex(&self.data))
            .field("len", &self.data.len())
            .finish()
    }
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({},{} B)", Short(self.class), self.size_bytes())
    }
}

impl fmt::Debug for Short<&Ticket> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Ticket(id: {}, class: {}",
            Short(self.0.id()),
            Short(self.0.class)
        )?;
        write!(f, ", {} B)", self.0.size_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::{decode, encode};

    const TICKET: Ticket = Ticket::new(TicketClass::from_u8(7), Bytes::from_static(b"open"));

    #[test]
    fn id_is_class_and_data() {
        assert_eq!(TICKET.id(), TicketClass::from_u8(7).derive(b"open"));
        assert_eq!(TICKET.data(), b"open");
    }

    #[test]
    fn formats() {
        assert_eq!(TICKET.to_string(), "Ticket(0000000000,36 B)");
        let debug = format!("{TICKET:?}");
        assert!(
            debug.contains("data: 6f70656e") && debug.contains("len: 4"),
            "{debug}"
        );
        assert!(format!("{:?}", Short(&TICKET)).ends_with("class: 0000000000, 36 B)"));
    }

    #[test]
    fn golden_bytes() {
        let mut expected = vec![0x92, 0xc4, 32];
        expected.extend_from_slice(TICKET.class.as_bytes());
        expected.extend_from_slice(&[0xc4, 4, b'o', b'p', b'e', b'n']);
        let bytes = encode(&TICKET).unwrap();
        assert_eq!(bytes, expected);
        assert_eq!(decode::<Ticket>(&bytes).unwrap(), TICKET);
    }
}
