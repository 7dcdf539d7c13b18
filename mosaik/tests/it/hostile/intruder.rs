//! A peer that speaks the wire formats by hand, and so can break every rule.
//!
//! The bytes are written out here and not taken from the library, so that these tests also notice a change of the format.

use mosaik::{
    Bytes, Digest, SecretKey,
    iroh::{
        Endpoint, EndpointAddr, RelayMode,
        endpoint::{Connection, RecvStream, SendStream, presets},
    },
    primitives::encoding,
};

/// The connections for small, urgent traffic.
const CONTROL: &[u8] = b"mosaik/1/control";

/// Discovery's number and version in the header of a stream.
const DISCOVERY: [u8; 4] = [0, 1, 0, 1];

/// Messages of discovery: the format, and the kinds used here.
const MESSAGE_FORMAT: u8 = 1;
const RECORDS: u8 = 1;
const PING: u8 = 11;

pub(super) struct Intruder {
    endpoint: Endpoint,
    network: Digest,
}

impl Intruder {
    /// A fresh identity each time, as an attacker would.
    pub(super) async fn new(network: &str) -> Self {
        let endpoint = Endpoint::builder(presets::Minimal)
            .relay_mode(RelayMode::Disabled)
            .clear_address_lookup()
            .secret_key(SecretKey::from_bytes(Digest::random().as_bytes()))
            .clear_ip_transports()
            .bind_addr("127.0.0.1:0")
            .expect("an address")
            .bind()
            .await
            .expect("127.0.0.1 has a free port");
        Self {
            endpoint,
            network: Digest::from(network),
        }
    }

    /// A connection, and not a word on it.
    pub(super) async fn connect(&self, to: &EndpointAddr) -> Option<Connection> {
        self.endpoint.connect(to.clone(), CONTROL).await.ok()
    }

    /// A connection whose ends have said hello.
    pub(super) async fn greeted(&self, to: &EndpointAddr) -> Option<Connection> {
        let connection = self.connect(to).await?;
        let (mut send, mut receive) = connection.open_bi().await.ok()?;
        // Network, session, version, features.
        let hello = (self.network, 7_u64, "0.0.0-intruder", 0_u64);
        let mut frame = vec![1];
        frame.extend_from_slice(&encoding::try_serialize(&hello).expect("plain values"));
        write_frame(&mut send, &frame).await?;
        read_frame(&mut receive).await?;
        Some(connection)
    }

    /// A link of discovery that the other side has accepted.
    pub(super) async fn linked(&self, to: &EndpointAddr) -> Option<Discovery> {
        let connection = self.greeted(to).await?;
        let (mut send, mut receive) = connection.open_bi().await.ok()?;
        let mut header = vec![1];
        header.extend_from_slice(&DISCOVERY);
        // The greeting of a link: a format, and the incarnation of the speaker.
        header.push(1);
        header.extend_from_slice(&42_u64.to_be_bytes());
        write_frame(&mut send, &header).await?;
        let answer = read_frame(&mut receive).await?;
        // A format, and 0 for "accepted".
        (answer.get(..2) == Some(&[1, 0])).then_some(Discovery {
            connection,
            send,
            receive,
        })
    }
}

/// A link of discovery: what an intruder writes is read by the other side's discovery.
pub(super) struct Discovery {
    /// Kept, since dropping it closes the connection.
    #[expect(dead_code, reason = "held for its effect")]
    connection: Connection,
    pub(super) send: SendStream,
    pub(super) receive: RecvStream,
}

impl Discovery {
    pub(super) async fn write(&mut self, message: &[u8]) -> Option<()> {
        write_frame(&mut self.send, message).await
    }
}

/// One entry as it travels: who, which version, and the signed bytes.
#[derive(Clone)]
pub(super) struct Record {
    pub(super) id: [u8; 32],
    pub(super) version: (i64, i64),
    pub(super) signed: Vec<u8>,
}

/// A message that carries entries.
pub(super) fn records(records: &[Record]) -> Vec<u8> {
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
pub(super) fn ping(nonce: u32) -> Vec<u8> {
    message(PING, &(nonce,))
}

fn message<T: serde::Serialize>(kind: u8, fields: &T) -> Vec<u8> {
    let mut bytes = vec![MESSAGE_FORMAT, kind];
    bytes.extend_from_slice(&encoding::try_serialize(fields).expect("plain values"));
    bytes
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
