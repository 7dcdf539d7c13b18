//! A peer that speaks the wire formats by hand, and so can break every rule.
//!
//! The bytes are written out here and not taken from the library, so that these tests also notice a change of the format.

use std::sync::{Arc, Mutex};

use mosaik::{
    Bytes, Digest, Network, NetworkId, PeerId, SecretKey,
    discovery::{PeerEntry, SignedPeerEntry},
    iroh::{
        Endpoint, EndpointAddr, RelayMode,
        endpoint::{Connection, RecvStream, SendStream, presets},
    },
    primitives::encoding,
    testing::MemoryNet,
    tickets::{Es256SigningKey, Expiration, Jwt, JwtTicketBuilder, SigningKey, Ticket},
};
use serde::{Deserialize, Serialize};

/// One of the two connections of a pair of peers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Lane {
    /// For small, urgent traffic.
    Control,
    /// For bulk.
    Data,
}

impl Lane {
    const fn alpn(self) -> &'static [u8] {
        match self {
            Self::Control => b"mosaik/1/control",
            Self::Data => b"mosaik/1/data",
        }
    }
}

/// Numbers and versions of protocols in the header of a stream.
const DISCOVERY: [u8; 4] = [0, 1, 0, 1];
const STREAMS: [u8; 4] = [0, 2, 0, 1];
const BOND: [u8; 4] = [0, 3, 0, 1];
const SNAPSHOT: [u8; 4] = [0, 4, 0, 1];

/// The format of a header.
const HEADER_FORMAT: u8 = 1;

/// Messages of discovery: the format, and the kinds used here.
const MESSAGE_FORMAT: u8 = 1;
const RECORDS: u8 = 1;
const PING: u8 = 11;
const PONG: u8 = 12;

/// Where intruders come from, and what they leave open.
#[derive(Debug)]
pub(crate) struct Arena {
    network: String,
    endpoints: Mutex<Vec<Endpoint>>,
}

impl Arena {
    pub(crate) fn new(network: &str) -> Self {
        Self {
            network: network.to_owned(),
            endpoints: Mutex::default(),
        }
    }

    pub(crate) fn network(&self) -> &str {
        &self.network
    }

    /// All intruders go, and say so.
    pub(crate) async fn leave(&self) {
        let endpoints = std::mem::take(&mut *self.endpoints.lock().expect("no holder panics"));
        futures::future::join_all(endpoints.iter().map(Endpoint::close)).await;
    }
}

/// An identity, and where it speaks from.
pub(crate) struct Intruder {
    arena: Arc<Arena>,
    endpoint: Endpoint,
    secret: SecretKey,
}

impl Intruder {
    /// A fresh identity each time, as an attacker would.
    pub(crate) async fn new(arena: &Arc<Arena>) -> Self {
        let secret = SecretKey::from_bytes(Digest::random().as_bytes());
        Self::with_secret(arena, secret).await
    }

    pub(crate) async fn with_secret(arena: &Arc<Arena>, secret: SecretKey) -> Self {
        let endpoint = Endpoint::builder(presets::Minimal)
            .relay_mode(RelayMode::Disabled)
            .clear_address_lookup()
            .secret_key(secret.clone())
            .clear_ip_transports()
            .bind_addr("127.0.0.1:0")
            .expect("an address")
            .bind()
            .await
            .expect("127.0.0.1 has a free port");
        let mut endpoints = arena.endpoints.lock().expect("no holder panics");
        endpoints.retain(|endpoint| !endpoint.is_closed());
        endpoints.push(endpoint.clone());
        drop(endpoints);
        Self {
            arena: Arc::clone(arena),
            endpoint,
            secret,
        }
    }

    pub(crate) fn id(&self) -> PeerId {
        self.secret.public()
    }

    fn network(&self) -> NetworkId {
        NetworkId::from(self.arena.network.as_str())
    }

    /// Goes, and says so.
    pub(crate) async fn leave(self) {
        self.endpoint.close().await;
    }

    /// A connection, and not a word on it.
    pub(crate) async fn connect(&self, to: &EndpointAddr, lane: Lane) -> Option<Connection> {
        self.endpoint.connect(to.clone(), lane.alpn()).await.ok()
    }

    /// A connection whose ends have said hello.
    pub(crate) async fn greeted(&self, to: &EndpointAddr, lane: Lane) -> Option<Connection> {
        let connection = self.connect(to, lane).await?;
        let (mut send, mut receive) = connection.open_bi().await.ok()?;
        // Network, session, version, features.
        let hello = (self.network(), 7_u64, "0.0.0-intruder", 0_u64);
        let mut frame = vec![1];
        frame.extend_from_slice(&encoding::try_serialize(&hello).expect("plain values"));
        write_frame(&mut send, &frame).await?;
        read_frame(&mut receive).await?;
        Some(connection)
    }

    /// A link of discovery that the other side has accepted.
    pub(crate) async fn linked(&self, to: &EndpointAddr) -> Option<Discovery> {
        let connection = self.greeted(to, Lane::Control).await?;
        let (mut send, mut receive) = connection.open_bi().await.ok()?;
        // The greeting of a link: a format, and the incarnation of the speaker.
        let mut greeting = vec![1];
        greeting.extend_from_slice(&42_u64.to_be_bytes());
        write_frame(&mut send, &header(DISCOVERY, &greeting)).await?;
        let answer = read_frame(&mut receive).await?;
        is_accepted(&answer).then_some(Discovery {
            connection,
            send,
            receive,
        })
    }

    /// An entry of its own, from a node that nobody can reach.
    async fn entry(&self) -> PeerEntry {
        let nowhere = MemoryNet::new(0);
        let builder = Network::builder(self.network())
            .with_memory_net(&nowhere)
            .with_secret_key(self.secret.clone());
        let node = builder.build().await.expect("a node in memory");
        let entry = (*node.discovery().me()).clone();
        let address = EndpointAddr::new(self.id());
        entry
            .update_address(address)
            .expect("an address of its own")
    }

    /// A link on which the intruder behaves, and shows its own entry.
    pub(crate) async fn introduced(&self, to: &EndpointAddr) -> Option<Entries> {
        let Discovery {
            connection,
            send,
            mut receive,
        } = self.linked(to).await?;
        let send = Arc::new(tokio::sync::Mutex::new(send));
        let answering = Arc::clone(&send);
        let pongs = tokio::spawn(async move {
            while let Some(mut message) = read_frame(&mut receive).await {
                if message.get(1) == Some(&PING) {
                    message[1] = PONG;
                    let mut send = answering.lock().await;
                    if write_frame(&mut send, &message).await.is_none() {
                        return;
                    }
                }
            }
        });
        Some(Entries {
            connection,
            send,
            pongs,
            entry: self.entry().await,
            secret: self.secret.clone(),
        })
    }
}

impl Intruder {
    /// The connection of this lane, beside the link of discovery.
    pub(crate) async fn beside(
        &self,
        entries: &Entries,
        to: &EndpointAddr,
        lane: Lane,
    ) -> Option<Connection> {
        match lane {
            Lane::Control => Some(entries.connection.clone()),
            Lane::Data => self.greeted(to, lane).await,
        }
    }
}

/// A link of discovery: what an intruder writes is read by the other side's discovery.
pub(crate) struct Discovery {
    /// Kept, since dropping it closes the connection.
    connection: Connection,
    pub(crate) send: SendStream,
    pub(crate) receive: RecvStream,
}

impl Discovery {
    pub(crate) async fn write(&mut self, message: &[u8]) -> Option<()> {
        write_frame(&mut self.send, message).await
    }

    /// Asks for an answer: what was written before is read by then. False if the other side hangs up instead.
    pub(crate) async fn is_heard_out(&mut self) -> bool {
        if self.write(&ping(0)).await.is_none() {
            return false;
        }
        while let Some(message) = read_frame(&mut self.receive).await {
            if message.get(1) == Some(&PONG) {
                return true;
            }
        }
        false
    }
}

/// A link of discovery on which a peer shows its own entry, in one version after the other.
pub(crate) struct Entries {
    connection: Connection,
    send: Arc<tokio::sync::Mutex<SendStream>>,
    pongs: tokio::task::JoinHandle<()>,
    entry: PeerEntry,
    secret: SecretKey,
}

impl Entries {
    /// A newer entry, with this ticket and no other.
    pub(crate) async fn show(
        &mut self,
        ticket: Option<Ticket>,
        group: Option<Digest>,
    ) -> Option<SignedPeerEntry> {
        let mut entry = self.entry.clone().remove_tickets_of(Jwt::CLASS);
        if let Some(ticket) = ticket {
            entry = entry.add_ticket(ticket);
        }
        if let Some(group) = group {
            entry = entry.add_groups(group);
        }
        self.entry = entry.clone();
        let signed = entry.sign(&self.secret).expect("a small entry of our own");
        let message = records(&[Record::of(&signed)]);
        write_frame(&mut *self.send.lock().await, &message).await?;
        Some(signed)
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        self.pongs.abort();
        self.connection.close(0_u32.into(), b"");
    }
}

/// One entry as it travels: who, which version, and the signed bytes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: [u8; 32],
    pub(crate) version: (i64, i64),
    pub(crate) signed: Vec<u8>,
}

impl Record {
    pub(crate) fn of(entry: &SignedPeerEntry) -> Self {
        let version = entry.update_version().to_string();
        let (start, update) = version.split_once('.').expect("two numbers");
        Self {
            id: *entry.id().as_bytes(),
            version: (
                start.parse().expect("a number"),
                update.parse().expect("a number"),
            ),
            signed: encoding::try_serialize(entry)
                .expect("an entry has an encoding")
                .to_vec(),
        }
    }
}

/// A message that carries entries.
pub(crate) fn records(records: &[Record]) -> Vec<u8> {
    let plain: Vec<_> = records
        .iter()
        .map(|record| {
            let id = Bytes::copy_from_slice(&record.id);
            // Zero: a whole entry, and not the renewal of one.
            (
                id,
                record.version,
                0_u64,
                Bytes::copy_from_slice(&record.signed),
            )
        })
        .collect();
    message(RECORDS, &(plain, false))
}

/// A message that asks for an answer.
pub(crate) fn ping(nonce: u32) -> Vec<u8> {
    message(PING, &(nonce,))
}

fn message<T: Serialize>(kind: u8, fields: &T) -> Vec<u8> {
    let mut bytes = vec![MESSAGE_FORMAT, kind];
    bytes.extend_from_slice(&encoding::try_serialize(fields).expect("plain values"));
    bytes
}

/// The header with which a consumer asks a producer to be served.
pub(crate) fn open_stream(stream: Digest, schema: Digest) -> Vec<u8> {
    let no_filter: Option<()> = None;
    let from_the_start: Option<(u64, u64)> = None;
    let credit = (u64::MAX, u64::MAX);
    // Version, stream, consumer, schema, criteria, where to resume, credit.
    let request = (
        1_u8,
        stream,
        1_u64,
        schema,
        (no_filter,),
        from_the_start,
        credit,
    );
    let request = encoding::try_serialize(&request).expect("plain values");
    header(STREAMS, &request)
}

/// The header with which a member asks another one for a bond.
pub(crate) fn open_bond(group: Digest) -> Vec<u8> {
    header(BOND, &of_group(group))
}

/// The header with which a member asks another one, with which it has a bond, for a way to ask for a snapshot.
pub(crate) fn open_snapshot(group: Digest) -> Vec<u8> {
    header(SNAPSHOT, &of_group(group))
}

fn of_group(group: Digest) -> Vec<u8> {
    let mut request = vec![1];
    request.extend_from_slice(group.as_bytes());
    request
}

fn header(protocol: [u8; 4], request: &[u8]) -> Vec<u8> {
    let mut header = vec![HEADER_FORMAT];
    header.extend_from_slice(&protocol);
    header.extend_from_slice(request);
    header
}

/// Opens a stream with a header; the answer.
pub(crate) async fn ask(connection: &Connection, header: &[u8]) -> Option<Vec<u8>> {
    open(connection, header).await.map(|(_, _, answer)| answer)
}

/// Opens a stream with a header; the stream, and the answer to the header.
pub(crate) async fn open(
    connection: &Connection,
    header: &[u8],
) -> Option<(SendStream, RecvStream, Vec<u8>)> {
    let (mut send, mut receive) = connection.open_bi().await.ok()?;
    write_frame(&mut send, header).await?;
    let answer = read_frame(&mut receive).await?;
    Some((send, receive, answer))
}

/// Whether an answer says yes: a format, and 0.
pub(crate) fn is_accepted(answer: &[u8]) -> bool {
    answer.get(..2) == Some(&[1, 0])
}

/// Tickets that are wrong in one way each; no two numbers give the same.
pub(crate) fn bad_ticket(bearer: &PeerId, issuer: [u8; 32], number: u64) -> Ticket {
    let issuer = || Es256SigningKey::from_bytes(issuer);
    let signed_by = |key: SigningKey| {
        JwtTicketBuilder::new(key)
            .issuer("issuer")
            .token_id(number.to_string())
    };
    let hour = Expiration::in_1h();
    match number % 5 {
        0 => signed_by(Es256SigningKey::random().into()).build(bearer, hour),
        1 => signed_by(issuer().into()).build(bearer, Expiration::already_expired()),
        2 => signed_by(issuer().into())
            .issuer("somebody")
            .build(bearer, hour),
        3 => {
            let other = SecretKey::from(Digest::from_u64(number)).public();
            signed_by(issuer().into()).build(&other, hour)
        }
        _ => {
            let length = usize::try_from(number % 8000).expect("a small number");
            Ticket::new(Jwt::CLASS, Bytes::from(vec![b'.'; length]))
        }
    }
}

async fn write_frame(send: &mut SendStream, frame: &[u8]) -> Option<()> {
    let length = u32::try_from(frame.len()).expect("a short frame");
    send.write_all(&length.to_be_bytes()).await.ok()?;
    send.write_all(frame).await.ok()
}

async fn read_frame(receive: &mut RecvStream) -> Option<Vec<u8>> {
    let mut length = [0; 4];
    receive.read_exact(&mut length).await.ok()?;
    let mut frame = vec![0; u32::from_be_bytes(length) as usize];
    receive.read_exact(&mut frame).await.ok()?;
    Some(frame)
}
