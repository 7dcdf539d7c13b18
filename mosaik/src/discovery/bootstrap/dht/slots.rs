//! The slots of a network on the mainline DHT: where they are and what a record in one says.
//!
//! A network has [`SLOTS`] places, each a mutable item (BEP 44) whose key anybody can compute from the
//! network id. So anybody can write there, and a record is never more than a hint. The item's value is a
//! DNS packet with the TXT records `_id` (the peer id), `_ip` (a socket address, repeated) and `_r` (a relay
//! URL, repeated); its sequence number is the time of writing in microseconds.

use std::{fmt, net::SocketAddr};

use chrono::{DateTime, Utc};
use futures::StreamExt as _;
use n0_mainline::{Dht, MutableItem};
use simple_dns::{CLASS, Name, Packet, ResourceRecord, rdata::RData, rdata::TXT};

use crate::primitives::{EndpointAddr, NetworkId, PeerId, RelayUrl, SecretKey};

/// Places a network has on the DHT: enough that a few poisoned or dead ones do not matter.
pub const SLOTS: usize = 16;

/// The time to live that records state, in seconds, and the least time between two writes of one node.
pub(super) const RECORD_TTL_SECS: u32 = 600;

/// What BEP 44 lets a value have.
const RECORD_BYTES_MAX: usize = 1000;

/// Addresses taken from, or put into, one record.
const RECORD_ADDRS_MAX: usize = 8;

/// Relay URLs taken from, or put into, one record.
const RECORD_RELAYS_MAX: usize = 2;

/// Versions of one item looked at: nodes may return old ones, and hostile ones many.
const ITEM_VERSIONS_MAX: usize = 64;

const ID: &str = "_id";
const ADDRESS: &str = "_ip";
const RELAY: &str = "_r";

/// The keys of a network's slots, in order: slot 0's is the network id, and each next id is
/// `id.derive(id)` of the one before.
pub(super) fn keys(network: &NetworkId) -> Vec<SecretKey> {
    let ids = std::iter::successors(Some(*network), |id| Some(id.derive(id)));
    ids.take(SLOTS)
        .map(|id| SecretKey::from_bytes(id.as_bytes()))
        .collect()
}

/// What is in a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Slot {
    /// Nothing was found there.
    Empty,
    /// Something is there that is no record; the text says what is wrong with it.
    Invalid(String),
    /// A record.
    Occupied(Record),
}

/// What a node wrote about itself. Unproven: see the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub(super) addr: EndpointAddr,
    pub(super) sequence: i64,
}

impl Record {
    /// The peer that the record names.
    #[must_use]
    pub fn peer(&self) -> PeerId {
        self.addr.id
    }

    /// Where the peer is said to be reachable.
    #[must_use]
    pub fn addr(&self) -> &EndpointAddr {
        &self.addr
    }

    /// When the record says it was written; the epoch if it says nonsense.
    #[must_use]
    pub fn written_at(&self) -> DateTime<Utc> {
        DateTime::from_timestamp_micros(self.sequence).unwrap_or_default()
    }
}

impl Slot {
    fn of(item: &MutableItem) -> Self {
        match read(item.value()) {
            Ok(addr) => Self::Occupied(Record {
                addr,
                sequence: item.seq(),
            }),
            Err(why) => Self::Invalid(why.to_string()),
        }
    }
}

/// A slot with the sequence number of what was found there, which a write has to name.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) slot: Slot,
    pub(super) sequence: Option<i64>,
}

impl Found {
    pub(super) fn nothing() -> Self {
        Self {
            slot: Slot::Empty,
            sequence: None,
        }
    }

    pub(super) fn record(&self) -> Option<&Record> {
        match &self.slot {
            Slot::Occupied(record) => Some(record),
            Slot::Empty | Slot::Invalid(_) => None,
        }
    }
}

/// Whether a record of `one` could say anything else than one of `two`.
pub(super) fn same_place(one: &EndpointAddr, two: &EndpointAddr) -> bool {
    one.id == two.id
        && one
            .ip_addrs()
            .take(RECORD_ADDRS_MAX)
            .eq(two.ip_addrs().take(RECORD_ADDRS_MAX))
        && one
            .relay_urls()
            .take(RECORD_RELAYS_MAX)
            .eq(two.relay_urls().take(RECORD_RELAYS_MAX))
}

/// Reads one slot.
pub(super) async fn fetch(dht: &Dht, key: &SecretKey) -> Found {
    let Ok(items) = dht.get_mutable(key.public().as_bytes(), None, None).await else {
        return Found::nothing();
    };
    // Nodes answer in any order and may be behind. The greatest (time, value) is the one that counts.
    let items: Vec<MutableItem> = items.take(ITEM_VERSIONS_MAX).collect().await;
    let newest = items.iter().max_by(|one, two| {
        one.seq()
            .cmp(&two.seq())
            .then_with(|| one.value().cmp(two.value()))
    });
    newest.map_or_else(Found::nothing, |item| Found {
        slot: Slot::of(item),
        sequence: Some(item.seq()),
    })
}

/// Writes a record into a slot, if the slot still holds what `found` says.
pub(super) async fn store(
    dht: &Dht,
    key: &SecretKey,
    addr: &EndpointAddr,
    found: Option<i64>,
    now: DateTime<Utc>,
) -> Result<i64, String> {
    let value = write(&key.public(), addr).map_err(|error| error.to_string())?;
    // Never behind what is there, or nodes would refuse it.
    let sequence = now
        .timestamp_micros()
        .max(found.map_or(0, |found| found.saturating_add(1)));
    let mut signed = format!("3:seqi{sequence}e1:v{}:", value.len()).into_bytes();
    signed.extend_from_slice(&value);
    let signature = key.sign(&signed).to_bytes();
    let key = *key.public().as_bytes();
    let item = MutableItem::new_signed_unchecked(key, signature, &value, sequence, None);
    dht.put_mutable(item, found)
        .await
        .map_err(|error| error.to_string())?;
    Ok(sequence)
}

/// What is wrong with a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Flaw {
    Packet,
    TooLarge,
    MissingId,
    MalformedId,
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Packet => "malformed packet",
            Self::TooLarge => "record over 1000 bytes",
            Self::MissingId => "missing _id",
            Self::MalformedId => "malformed peer id",
        })
    }
}

/// The packet that says where `addr` is, under the key of a slot.
fn write(slot: &PeerId, addr: &EndpointAddr) -> Result<Vec<u8>, Flaw> {
    let id = addr.id.to_string();
    let ips: Vec<String> = addr
        .ip_addrs()
        .take(RECORD_ADDRS_MAX)
        .map(ToString::to_string)
        .collect();
    let relays: Vec<String> = addr
        .relay_urls()
        .take(RECORD_RELAYS_MAX)
        .map(ToString::to_string)
        .collect();
    let origin = slot.to_z32();
    let names = [ID, ADDRESS, RELAY].map(|name| format!("{name}.{origin}"));

    let mut packet = Packet::new_reply(0);
    let ids = std::iter::once((&names[0], &id));
    let ips = ips.iter().map(|ip| (&names[1], ip));
    let relays = relays.iter().map(|url| (&names[2], url));
    for (name, text) in ids.chain(ips).chain(relays) {
        let name = Name::new(name).map_err(|_| Flaw::Packet)?;
        // A relay URL longer than a TXT string can be is left out, not truncated.
        let Ok(txt) = TXT::new().with_string(text) else {
            continue;
        };
        packet.answers.push(ResourceRecord::new(
            name,
            CLASS::IN,
            RECORD_TTL_SECS,
            RData::TXT(txt),
        ));
    }
    let bytes = packet
        .build_bytes_vec_compressed()
        .map_err(|_| Flaw::Packet)?;
    if bytes.len() > RECORD_BYTES_MAX {
        Err(Flaw::TooLarge)
    } else {
        Ok(bytes)
    }
}

fn read(bytes: &[u8]) -> Result<EndpointAddr, Flaw> {
    if bytes.len() > RECORD_BYTES_MAX {
        return Err(Flaw::TooLarge);
    }
    let packet = Packet::parse(bytes).map_err(|_| Flaw::Packet)?;
    let texts = |wanted: &'static str| {
        packet.answers.iter().filter_map(move |record| {
            let first = record.name.get_labels().first()?.to_string();
            let RData::TXT(txt) = &record.rdata else {
                return None;
            };
            if first == wanted {
                String::try_from(txt.clone()).ok()
            } else {
                None
            }
        })
    };
    let id = texts(ID).next().ok_or(Flaw::MissingId)?;
    let id = id.parse::<PeerId>().map_err(|_| Flaw::MalformedId)?;
    let ips = texts(ADDRESS).filter_map(|text| text.parse::<SocketAddr>().ok());
    let relays = texts(RELAY).filter_map(|text| text.parse::<RelayUrl>().ok());

    let mut addr = EndpointAddr::from(id);
    for ip in ips.take(RECORD_ADDRS_MAX) {
        addr = addr.with_ip_addr(ip);
    }
    for relay in relays.take(RECORD_RELAYS_MAX) {
        addr = addr.with_relay_url(relay);
    }
    Ok(addr)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr() -> EndpointAddr {
        EndpointAddr::from(SecretKey::from_bytes(&[7; 32]).public())
            .with_ip_addr(([192, 0, 2, 1], 4433).into())
            .with_ip_addr("[2001:db8::1]:4433".parse().unwrap())
            .with_relay_url("https://relay.example.org/".parse().unwrap())
    }

    fn slot() -> PeerId {
        keys(&NetworkId::from("slots"))[3].public()
    }

    #[test]
    fn a_record_survives_the_packet() {
        assert_eq!(read(&write(&slot(), &addr()).unwrap()), Ok(addr()));
    }

    #[test]
    fn keys_are_a_chain_from_the_network_id() {
        let network = NetworkId::from("slots");
        let keys = keys(&network);
        assert_eq!(keys.len(), SLOTS);
        assert_eq!(&keys[0].to_bytes(), network.as_bytes());
        let second = network.derive(network);
        assert_eq!(&keys[1].to_bytes(), second.as_bytes());
        assert_eq!(&keys[2].to_bytes(), second.derive(second).as_bytes());
    }

    #[test]
    fn a_record_has_bounds() {
        let mut many = addr();
        for port in 1..200 {
            many = many.with_ip_addr(([10, 0, 0, 1], port).into());
        }
        let bytes = write(&slot(), &many).unwrap();
        assert!(bytes.len() <= RECORD_BYTES_MAX);
        assert_eq!(read(&bytes).unwrap().ip_addrs().count(), RECORD_ADDRS_MAX);
    }

    #[test]
    fn what_others_write_is_refused_by_name() {
        let packet = |name: &str, text: &str| {
            let mut packet = Packet::new_reply(0);
            let (name, txt) = (
                Name::new(name).unwrap(),
                TXT::new().with_string(text).unwrap(),
            );
            packet
                .answers
                .push(ResourceRecord::new(name, CLASS::IN, 1, RData::TXT(txt)));
            packet.build_bytes_vec_compressed().unwrap()
        };
        let cases = [
            (Vec::new(), Flaw::Packet),
            (vec![0xff; 400], Flaw::Packet),
            (vec![0; 1001], Flaw::TooLarge),
            (packet("_ip.example", "1.2.3.4:5"), Flaw::MissingId),
            (packet("_id.example", "nobody"), Flaw::MalformedId),
        ];
        for (bytes, flaw) in cases {
            assert_eq!(read(&bytes), Err(flaw));
        }
        // Addresses that do not parse are left out; the rest counts.
        let id = addr().id.to_string();
        assert_eq!(
            read(&packet("_id.example", &id)),
            Ok(EndpointAddr::from(addr().id))
        );
    }

    #[tokio::test]
    async fn a_record_is_written_and_read_over_sockets() {
        let testnet = n0_mainline::Testnet::new(5).await.unwrap();
        let client = || {
            Dht::builder()
                .bootstrap(&testnet.bootstrap)
                .build()
                .unwrap()
        };
        let (writer, reader) = (client(), client());
        let keys = keys(&NetworkId::from("slots.testnet"));
        assert_eq!(fetch(&reader, &keys[0]).await.slot, Slot::Empty);

        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let first = store(&writer, &keys[0], &addr(), None, now).await.unwrap();
        let found = fetch(&reader, &keys[0]).await;
        assert_eq!(found.sequence, Some(first));
        let record = found.record().unwrap();
        assert_eq!((record.addr(), record.written_at()), (&addr(), now));

        // A later write has a greater number even if the clock went back, and names what it replaces.
        let moved = addr().with_ip_addr(([192, 0, 2, 9], 9).into());
        let before = now - chrono::Duration::hours(1);
        let second = store(&reader, &keys[0], &moved, found.sequence, before)
            .await
            .unwrap();
        assert!(second > first);
        assert_eq!(
            fetch(&writer, &keys[0]).await.record().unwrap().addr(),
            &moved
        );

        // Whoever has not seen that is refused.
        let lost = store(&writer, &keys[0], &addr(), Some(first), now).await;
        assert!(lost.is_err(), "{lost:?}");
        assert_eq!(
            fetch(&reader, &keys[0]).await.record().unwrap().addr(),
            &moved
        );
    }
}
