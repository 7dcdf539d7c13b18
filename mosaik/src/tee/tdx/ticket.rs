//! The ticket of an attested peer: a quote, for whom and when it was made, and what it is verified with.

use std::{fmt, time::Duration};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use sha2::{Digest as _, Sha512};

use super::{
    TICKET_CLASS,
    collateral::Collateral,
    measurements::Measurements,
    quote::{Quote, QuoteParseError},
    verify::{Verdict, Verifier, VerifyError},
};
use crate::{
    primitives::{NetworkId, PeerEntry, PeerId, Pretty, Short, Ticket, decode, encode, wall_clock},
    tickets::Expiration,
};

/// Bytes of a ticket's data: several times what one has (9 KiB), so that a peer can carry some beside its other tickets.
pub(super) const TICKET_BYTES_MAX: usize = 64 * 1024;

/// Bytes of what a ticket's data unpacks to: a quote and collateral of the longest kind.
const UNPACKED_BYTES_MAX: usize = 160 * 1024;

/// The first byte of a ticket's data.
const FORMAT: u8 = 2;

/// What a quote is made for: its report data is the hash of this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Binding {
    pub(crate) peer_id: PeerId,
    pub(crate) network_id: NetworkId,
    /// When the peer started, by its clock.
    pub(crate) started_at: DateTime<Utc>,
    /// When the quote was made, by the peer's clock.
    pub(crate) quoted_at: DateTime<Utc>,
    pub(crate) expiration: Expiration,
    /// What a verifier asked to have signed; zero if nobody asked.
    pub(crate) nonce: [u8; 32],
}

impl Binding {
    /// A quote of the peer behind `entry`, made at `quoted_at`.
    pub(crate) fn of(entry: &PeerEntry, quoted_at: DateTime<Utc>, expiration: Expiration) -> Self {
        Self {
            peer_id: *entry.id(),
            network_id: *entry.network_id(),
            started_at: entry.started_at(),
            quoted_at,
            expiration,
            nonce: [0; 32],
        }
    }

    /// The 64 bytes that the hardware is to sign.
    pub(crate) fn report_data(&self) -> [u8; 64] {
        let expiration = match self.expiration {
            Expiration::Never => vec![0],
            Expiration::At(time) => [&[1][..], &time_bytes(time)].concat(),
        };
        let fields: [&[u8]; 7] = [
            b"mosaik.tdx.v2",
            self.peer_id.as_bytes(),
            self.network_id.as_bytes(),
            &time_bytes(self.started_at),
            &time_bytes(self.quoted_at),
            &expiration,
            &self.nonce,
        ];
        let mut hash = Sha512::new();
        for field in fields {
            hash.update((field.len() as u64).to_le_bytes());
            hash.update(field);
        }
        hash.finalize().into()
    }
}

fn time_bytes(time: DateTime<Utc>) -> [u8; 12] {
    let mut bytes = [0; 12];
    bytes[..8].copy_from_slice(&time.timestamp().to_le_bytes());
    bytes[8..].copy_from_slice(&time.timestamp_subsec_nanos().to_le_bytes());
    bytes
}

/// A ticket whose quote says that it was made for this peer, in this network, at that time.
///
/// Having one means that the quote and its ticket belong together, and no more: whether genuine hardware made the quote is
/// what [`verify`](Self::verify) and [`Tdx`](super::Tdx) say.
#[derive(PartialEq, Eq)]
pub struct TdxTicket {
    quote: Quote,
    binding: Binding,
    collateral: Option<Collateral>,
}

/// A ticket as it travels, packed.
#[derive(Serialize, Deserialize)]
struct Wire {
    quote: Bytes,
    peer: Bytes,
    network: NetworkId,
    started: (i64, u32),
    quoted: (i64, u32),
    expiration: Option<(i64, u32)>,
    nonce: Bytes,
    collateral: Option<Collateral>,
}

impl TdxTicket {
    /// Puts together what belongs together.
    ///
    /// # Errors
    /// [`TdxTicketError::InvalidReportData`] when the quote was made for something else.
    pub(crate) fn new(
        quote: Quote,
        binding: Binding,
        collateral: Option<Collateral>,
    ) -> Result<Self, TdxTicketError> {
        if quote.report_input_data() != binding.report_data() {
            return Err(TdxTicketError::InvalidReportData);
        }
        Ok(Self {
            quote,
            binding,
            collateral,
        })
    }

    /// The quote as the hardware made it.
    pub const fn quote_bytes(&self) -> &[u8] {
        self.quote.as_bytes()
    }

    /// The quote, taken apart.
    pub const fn quote(&self) -> &Quote {
        &self.quote
    }

    /// The registers that the quote says.
    pub const fn measurements(&self) -> Measurements {
        Measurements::from_quote(&self.quote)
    }

    /// For whom the quote was made.
    pub const fn peer_id(&self) -> &PeerId {
        &self.binding.peer_id
    }

    /// For which network.
    pub const fn network_id(&self) -> &NetworkId {
        &self.binding.network_id
    }

    /// When the peer started, by its clock.
    pub const fn started_at(&self) -> &DateTime<Utc> {
        &self.binding.started_at
    }

    /// When the quote was made, by the peer's clock.
    pub const fn quoted_at(&self) -> &DateTime<Utc> {
        &self.binding.quoted_at
    }

    /// How long the peer has been up, by its word.
    pub fn uptime(&self) -> Duration {
        (wall_clock() - self.binding.started_at)
            .to_std()
            .unwrap_or_default()
    }

    /// Until when the ticket is meant to be used.
    pub const fn expiration(&self) -> &Expiration {
        &self.binding.expiration
    }

    /// What the quote can be verified with, as the bearer has it.
    pub const fn collateral(&self) -> Option<&Collateral> {
        self.collateral.as_ref()
    }

    pub(super) const fn binding(&self) -> &Binding {
        &self.binding
    }

    pub(crate) const fn nonce(&self) -> &[u8; 32] {
        &self.binding.nonce
    }

    /// Whether genuine hardware made the quote, as of now, by the collateral in the ticket.
    ///
    /// Takes milliseconds of computing. Judges neither the software nor the state of the platform; [`Tdx`](super::Tdx)
    /// does.
    ///
    /// # Errors
    /// It is not proven, or there is no collateral.
    pub fn verify(&self) -> Result<Verdict, VerifyError> {
        self.verify_with(&Verifier::intel(), wall_clock())
    }

    pub(crate) fn verify_with(
        &self,
        verifier: &Verifier,
        now: DateTime<Utc>,
    ) -> Result<Verdict, VerifyError> {
        let collateral = self
            .collateral
            .as_ref()
            .ok_or_else(|| VerifyError::NoCollateral("the ticket carries none".to_owned()))?;
        verifier.verify(&self.quote, collateral, now)
    }

    /// The data of the ticket, packed.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>, TdxTicketError> {
        let time = |time: DateTime<Utc>| (time.timestamp(), time.timestamp_subsec_nanos());
        let wire = Wire {
            quote: Bytes::copy_from_slice(self.quote_bytes()),
            peer: Bytes::copy_from_slice(self.binding.peer_id.as_bytes()),
            network: self.binding.network_id,
            started: time(self.binding.started_at),
            quoted: time(self.binding.quoted_at),
            expiration: match self.binding.expiration {
                Expiration::At(end) => Some(time(end)),
                Expiration::Never => None,
            },
            nonce: Bytes::copy_from_slice(&self.binding.nonce),
            collateral: self.collateral.clone(),
        };
        let unpacked = encode(&wire).map_err(|_| TdxTicketError::InvalidFormat)?;
        let mut bytes = vec![FORMAT];
        bytes.extend(miniz_oxide::deflate::compress_to_vec(&unpacked, PACKING));
        if bytes.len() > TICKET_BYTES_MAX || unpacked.len() > UNPACKED_BYTES_MAX {
            return Err(TdxTicketError::InvalidFormat);
        }
        Ok(bytes)
    }

    fn parse(bytes: &[u8]) -> Result<Self, TdxTicketError> {
        if bytes.len() > TICKET_BYTES_MAX {
            return Err(TdxTicketError::InvalidFormat);
        }
        let Some((&FORMAT, packed)) = bytes.split_first() else {
            return Err(TdxTicketError::InvalidFormat);
        };
        let unpacked =
            miniz_oxide::inflate::decompress_to_vec_with_limit(packed, UNPACKED_BYTES_MAX)
                .map_err(|_| TdxTicketError::InvalidFormat)?;
        let wire: Wire = decode(&unpacked).map_err(|_| TdxTicketError::InvalidFormat)?;
        let time = |(seconds, nanos)| {
            DateTime::from_timestamp(seconds, nanos).ok_or(TdxTicketError::InvalidFormat)
        };
        let peer: [u8; 32] = array(&wire.peer)?;
        let binding = Binding {
            peer_id: PeerId::from_bytes(&peer).map_err(|_| TdxTicketError::InvalidFormat)?,
            network_id: wire.network,
            started_at: time(wire.started)?,
            quoted_at: time(wire.quoted)?,
            expiration: match wire.expiration {
                Some(end) => Expiration::At(time(end)?),
                None => Expiration::Never,
            },
            nonce: array(&wire.nonce)?,
        };
        let quote = Quote::from_bytes(&wire.quote)?;
        Self::new(quote, binding, wire.collateral)
    }
}

/// How hard to pack: a ticket is packed once a day and carried to everybody.
const PACKING: u8 = 9;

fn array<const N: usize>(bytes: &[u8]) -> Result<[u8; N], TdxTicketError> {
    bytes.try_into().map_err(|_| TdxTicketError::InvalidFormat)
}

impl TryFrom<TdxTicket> for Ticket {
    type Error = TdxTicketError;

    fn try_from(ticket: TdxTicket) -> Result<Self, Self::Error> {
        Ok(Self::new(TICKET_CLASS, ticket.to_bytes()?.into()))
    }
}

impl TryFrom<&[u8]> for TdxTicket {
    type Error = TdxTicketError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        Self::parse(bytes)
    }
}

impl TryFrom<Ticket> for TdxTicket {
    type Error = TdxTicketError;

    fn try_from(ticket: Ticket) -> Result<Self, Self::Error> {
        if ticket.class != TICKET_CLASS {
            return Err(TdxTicketError::InvalidTicketType);
        }
        Self::parse(ticket.data())
    }
}

/// The packed data, as bytes.
impl Serialize for TdxTicket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let bytes = self.to_bytes().map_err(ser::Error::custom)?;
        Bytes::from(bytes).serialize(serializer)
    }
}

/// Checks what is read: quote and ticket belong together.
impl<'de> Deserialize<'de> for TdxTicket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = Bytes::deserialize(deserializer)?;
        Self::parse(&bytes).map_err(de::Error::custom)
    }
}

impl fmt::Debug for TdxTicket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TdxTicket")
            .field("peer_id", &Short(self.peer_id()))
            .field("network_id", &Short(self.network_id()))
            .field("quoted_at", self.quoted_at())
            .field("expiration", self.expiration())
            .field("mrtd", &self.measurements().mrtd())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Pretty<'_, TdxTicket> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ticket = self.0;
        writeln!(f, "TDX ticket")?;
        writeln!(f, "  peer       {}", ticket.peer_id())?;
        writeln!(f, "  network    {}", ticket.network_id())?;
        writeln!(f, "  started    {}", ticket.started_at())?;
        writeln!(f, "  quoted     {}", ticket.quoted_at())?;
        match ticket.expiration() {
            Expiration::At(end) => writeln!(f, "  expires    {end}")?,
            Expiration::Never => writeln!(f, "  expires    never")?,
        }
        let collateral = match &ticket.collateral {
            Some(_) => "in the ticket",
            None => "none",
        };
        writeln!(f, "  collateral {collateral}")?;
        if ticket.quote.is_debug() {
            writeln!(
                f,
                "  DEBUG      the host reads and changes this domain's memory"
            )?;
        }
        let measurements = ticket.measurements();
        write!(f, "  mrtd       {}", measurements.mrtd())?;
        for index in 0..4 {
            write!(f, "\n  rtmr{index}      {}", measurements.rtmr(index))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Pretty<'_, TdxTicket> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why bytes are not a ticket of an attested peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TdxTicketError {
    /// It is not written as such a ticket is.
    #[error("not a ticket with a quote")]
    InvalidFormat,
    /// What it carries is not a quote.
    #[error("the quote in the ticket is not one: {0}")]
    InvalidQuote(QuoteParseError),
    /// The quote proves nothing.
    #[error("the quote in the ticket is not proven")]
    QuoteVerificationFailed,
    /// It has expired.
    #[error("the ticket has expired")]
    TicketExpired,
    /// The quote was made for something else: another peer, network, time or expiry.
    #[error("the quote in the ticket was made for another peer, network, time or expiry")]
    InvalidReportData,
    /// It is a ticket of another class.
    #[error("the ticket is of another class")]
    InvalidTicketType,
}

impl TdxTicketError {
    /// Whether the same bytes may be a ticket later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether it is certain that nothing was done: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

impl From<QuoteParseError> for TdxTicketError {
    fn from(error: QuoteParseError) -> Self {
        Self::InvalidQuote(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::SecretKey;

    fn at(seconds: i64, nanos: u32) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, nanos).unwrap()
    }

    fn binding() -> Binding {
        Binding {
            peer_id: SecretKey::from_bytes(&[1; 32]).public(),
            network_id: NetworkId::zero(),
            started_at: at(5, 0),
            quoted_at: at(6, 0),
            expiration: Expiration::Never,
            nonce: [0; 32],
        }
    }

    #[test]
    fn every_field_is_bound() {
        let other_peer = SecretKey::from_bytes(&[2; 32]).public();
        let ends = |end| Binding {
            expiration: Expiration::At(end),
            ..binding()
        };
        let variants = [
            binding(),
            Binding {
                peer_id: other_peer,
                ..binding()
            },
            Binding {
                network_id: NetworkId::from_u8(1),
                ..binding()
            },
            Binding {
                started_at: at(5, 1),
                ..binding()
            },
            Binding {
                quoted_at: at(6, 1),
                ..binding()
            },
            Binding {
                started_at: at(6, 0),
                quoted_at: at(5, 0),
                ..binding()
            },
            // The start of the calendar is a time, and not "never".
            ends(at(0, 0)),
            ends(at(0, 1)),
            Binding {
                nonce: [1; 32],
                ..binding()
            },
        ];
        for (index, one) in variants.iter().enumerate() {
            for other in &variants[..index] {
                assert_ne!(one.report_data(), other.report_data(), "{one:?} {other:?}");
            }
        }
    }

    /// What hardware signs must be the same for every version of this crate.
    #[test]
    fn golden_report_data() {
        let hex = super::super::hex::Hex(&binding().report_data()).to_string();
        assert_eq!(hex, GOLDEN);
    }

    const GOLDEN: &str = "575b50237f8be5bbd581dfbdfb394f64d5477050fc6ea693e7a636683140063a\
        98da9e2efa79e6e18c7f2ce1a060c7eb6d9fc424d9a1ef558b71f1b4c55366b5";

    #[test]
    fn hostile_bytes_are_no_ticket() {
        let bomb = [
            &[FORMAT][..],
            &miniz_oxide::deflate::compress_to_vec(&vec![0; 50_000_000], 1),
        ]
        .concat();
        let table: [&[u8]; 5] = [&[], &[FORMAT], &[1, 2, 3], &bomb, &[FORMAT; 70_000]];
        for bytes in table {
            assert_eq!(
                TdxTicket::try_from(bytes),
                Err(TdxTicketError::InvalidFormat)
            );
        }
    }
}
