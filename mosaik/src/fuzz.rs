//! Entry points for the targets under `fuzz`: each takes any bytes, and must neither panic, nor hang, nor take much memory.
//!
//! What decodes must encode to something that decodes to the same. Every assertion here is a finding when it fails.

use std::{fmt::Debug, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::{Serialize, de::DeserializeOwned};

#[cfg(feature = "tdx")]
use crate::tdx::{self, CollateralProvider as _};
use crate::{
    discovery::{
        Config, Core, CoreConfig, Input, MESSAGE_BYTES_MAX, Message, Now, Output, PeerEntry,
        SignedPeerEntry,
    },
    primitives::{Bytes, Digest, EndpointAddr, PeerId, Schema, SecretKey, Ticket, decode, encode},
    runtime::{Clock, Rng},
    tickets::{Expiration, Hs256, Jwt, JwtTicketBuilder, SigningAlgorithm, TicketValidator as _},
    transport::{Answer, FrameBuffer, Header, Hello},
};

/// A signed peer entry, as it travels and as it is stored, and the values in it.
pub fn entry(bytes: &[u8]) {
    round_trip::<SignedPeerEntry>(bytes);
    round_trip::<PeerEntry>(bytes);
    round_trip::<Ticket>(bytes);
    // Only that it decodes in bounds: a schema is compared by its fingerprint.
    drop(decode::<Schema>(bytes));
}

/// Messages of discovery from two peers, and what the rules make of them.
pub fn message(bytes: &[u8]) {
    let mut node = FuzzedNode::new();
    for (index, frame) in frames_in(bytes).enumerate() {
        node.receive(index, frame);
    }
}

/// Frames out of a stream of bytes that arrive in pieces; the first byte says how long a piece is.
pub fn frame(bytes: &[u8]) {
    /// The least limit that any protocol has would do; this one is reached by short inputs.
    const FRAME_BYTES_MAX: usize = 1024;
    let Some((piece, bytes)) = bytes.split_first() else {
        return;
    };
    let mut one_by_one = FrameBuffer::new(FRAME_BYTES_MAX);
    let mut batched = FrameBuffer::new(FRAME_BYTES_MAX);
    for piece in bytes.chunks(usize::from(*piece).max(1)) {
        for buffer in [&mut one_by_one, &mut batched] {
            let room = buffer.room();
            assert!(room.capacity() > room.len(), "no room for one more byte");
            room.extend_from_slice(piece);
            buffer.filled(piece.len());
        }
        let mut frames = Vec::new();
        let refused = loop {
            match one_by_one.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert!(frames.iter().all(|frame| frame.len() <= FRAME_BYTES_MAX));
        let mut same_frames = Vec::new();
        let same_refused = loop {
            match batched.next_batch() {
                Ok(Some(batch)) => same_frames.extend(batch.iter().map(Bytes::copy_from_slice)),
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        assert_eq!((frames, refused), (same_frames, same_refused));
        if refused {
            return;
        }
    }
}

/// A connection's hello, a stream's header, and the answer to it.
pub fn wire(bytes: &[u8]) {
    let bytes = Bytes::copy_from_slice(bytes);
    if let Ok(hello) = Hello::decode(bytes.clone()) {
        assert_eq!(Hello::decode(hello.encode()), Ok(hello));
    }
    if let Ok(header) = Header::decode(bytes.clone()) {
        assert_eq!(Header::decode(header.encode()), Ok(header));
    }
    if let Ok(answer) = Answer::decode(bytes) {
        assert_eq!(Answer::decode(answer.encode()), Ok(answer));
    }
}

/// A token as a stranger sends it; and, up to the first zero and behind it, a header and claims that an issuer has signed.
pub fn jwt(bytes: &[u8]) {
    let entry = signed_entry(1, 0);
    let validator = token_validator();
    let mut tokens = vec![bytes.to_vec()];
    if let Some(middle) = bytes.iter().position(|byte| *byte == 0) {
        tokens.push(signed_token(&bytes[..middle], &bytes[middle + 1..]));
    }
    for token in tokens {
        let verdict = validator.judge(&token, &entry, moment());
        let review = validator.review_at(&token, entry.id(), moment());
        assert_eq!(verdict.is_ok(), review.verdict.is_ok(), "two answers");
        if let (Ok(end), Ok(again)) = (&verdict, &review.verdict) {
            assert_eq!(end, again, "two ends");
            assert!(
                *end > Expiration::At(moment()),
                "admitted, and over already"
            );
            let contents = Jwt::inspect(&token).expect("what is admitted can be read");
            let said = contents.expiration.ends_at().map(|end| end + LEEWAY);
            assert!(
                end.ends_at() <= said,
                "longer than it says, and the leeway besides"
            );
            // Of a signed text there is one spelling only.
            let padded = [token.as_slice(), b"="].concat();
            assert!(validator.judge(&padded, &entry, moment()).is_err());
        }
        if let Err(rejection) = &verdict {
            assert!(rejection.reason().len() < 4096, "a stranger fills the log");
        }
    }
}

/// How far the clock of the issuer of tokens may be off.
const LEEWAY: Duration = Duration::from_secs(2);

fn token_key() -> Hs256 {
    Hs256::new([7; 32])
}

fn token_validator() -> Jwt {
    Jwt::with_key(token_key())
        .allow_issuer("issuer")
        .allow_audience("here")
        .allow_audience("there")
        .max_age(Duration::from_secs(3600))
        .leeway(LEEWAY)
}

fn signed_token(header: &[u8], claims: &[u8]) -> Vec<u8> {
    let signed = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    let signed = signed.join(".");
    let signature = SigningAlgorithm::sign(&token_key(), signed.as_bytes())
        .expect("invariant: an HMAC always signs");
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)).into_bytes()
}

/// A quote, alone and in a ticket, and the collateral that is read beside it.
#[cfg(feature = "tdx")]
pub fn quote(bytes: &[u8]) {
    if let Ok(quote) = tdx::Quote::from_bytes(bytes) {
        assert!(bytes.starts_with(quote.as_bytes()));
        assert_eq!(
            tdx::Quote::from_bytes(quote.as_bytes()).as_ref(),
            Ok(&quote)
        );
        // Nothing that a fuzzer writes is signed by anybody, but the way to that answer is long.
        let _ = quote.pck_cert_chain();
        assert!(
            tdx::CollateralDirectory::new("/nonexistent")
                .collateral(&quote)
                .is_err()
        );
    }
    if let Ok(ticket) = tdx::TdxTicket::try_from(bytes) {
        assert!(ticket.verify().is_err());
        let again = Ticket::try_from(ticket).map(tdx::TdxTicket::try_from);
        assert!(matches!(again, Ok(Ok(_))));
    }
    if let Ok(collateral) = tdx::Collateral::from_json(bytes) {
        let again = tdx::Collateral::from_json(collateral.to_json().as_bytes());
        assert_eq!(again.as_ref(), Ok(&collateral));
        let _ = collateral.fmspc();
    }
}

/// The event log of a boot.
#[cfg(feature = "tdx")]
pub fn event_log(bytes: &[u8]) {
    if let Ok(log) = tdx::EventLog::parse(bytes) {
        let mut end = 0;
        for event in log.events() {
            assert!(event.offset >= end && event.data.len() <= bytes.len());
            end = event.offset;
            assert!(event.to_string().len() < 400);
        }
        let _ = log.replay();
    }
}

/// A firmware image and a kernel, as they are measured before a boot.
#[cfg(feature = "tdx")]
pub fn firmware(bytes: &[u8]) {
    use tdx::measure::{Firmware, PageOrder, authenticode_sha384, patch_as_qemu};
    if let Ok(firmware) = Firmware::parse(bytes) {
        for order in [PageOrder::SinglePass, PageOrder::TwoPass] {
            let _ = firmware.mrtd(order);
        }
        for memory_bytes in [0, 1 << 29, 1 << 31, 1 << 36, u64::MAX] {
            let _ = firmware.td_hob_digest(memory_bytes);
        }
        let _ = firmware.configuration_digest();
    }
    // Only that it ends, and in bounds.
    let _ = authenticode_sha384(bytes);
    let _ = patch_as_qemu(bytes, 1 << 20, 1 << 32);
}

/// Inputs that decode, for the fuzzer to start from, by target.
pub fn seeds() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let entries = [signed_entry(1, 0), signed_entry(2, 3), signed_entry(3, 40)];
    let encoded: Vec<Bytes> = entries.iter().map(encoding_of).collect();
    let hello = Hello {
        network: network(),
        session: 7,
        version: "0.1.0".to_owned(),
        features: 0,
    };
    let header = Header {
        protocol: 1,
        version: 1,
        request: Bytes::from_static(b"request"),
    };
    let accept = Answer::Accept {
        reply: Bytes::from_static(b"reply"),
    };
    let frames: Vec<u8> = encoded
        .iter()
        .flat_map(|frame| framed(&frame[..frame.len().min(900)]))
        .collect();
    vec![
        (
            "entry",
            encoded.iter().map(|bytes| bytes.to_vec()).collect(),
        ),
        ("message", vec![conversation(&entries)]),
        (
            "frame",
            [1, 7, 255]
                .iter()
                .map(|piece| [&[*piece], &frames[..]].concat())
                .collect(),
        ),
        ("jwt", token_seeds()),
        #[cfg(feature = "tdx")]
        (
            "quote",
            vectors(&["tdx_quote", "tdx_quote_td15ex", "tdx_quote_collateral.json"]),
        ),
        #[cfg(feature = "tdx")]
        (
            "event_log",
            vectors(&["trustee_ccel_ovmf_pre202408.bin", "gotdx_cos113_ccel.bin"]),
        ),
        #[cfg(feature = "tdx")]
        (
            "firmware",
            vectors(&["firmware_small.bin", "kernel_small.bin"]),
        ),
        (
            "wire",
            vec![
                hello.encode().to_vec(),
                header.encode().to_vec(),
                accept.encode().to_vec(),
            ],
        ),
    ]
}

/// Files of the tests, those that are there.
#[cfg(feature = "tdx")]
fn vectors(names: &[&str]) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tdx");
    let files = names.iter().map(|name| std::fs::read(folder.join(name)));
    files.filter_map(Result::ok).collect()
}

fn token_seeds() -> Vec<Vec<u8>> {
    let builder = JwtTicketBuilder::new(token_key()).issued_at(moment());
    let end = Expiration::At(moment() + chrono::Duration::minutes(5));
    let valid = builder
        .clone()
        .issuer("issuer")
        .audience("here")
        .build(&peer(1), end);
    let bound = builder
        .subject("somebody")
        .claim("aud", vec!["there", "elsewhere"])
        .build(&peer(1), end);
    let claims = format!(
        r#"{{"iss":"issuer","sub":"{}","aud":["here"],"exp":1800000300.5,"iat":1800000000,"nbf":1799999999,"jti":"1"}}"#,
        peer(1)
    );
    let unsigned = [
        br#"{"alg":"HS256","typ":"JWT"}"#,
        &b"\0"[..],
        claims.as_bytes(),
    ]
    .concat();
    vec![valid.data.to_vec(), bound.data.to_vec(), unsigned]
}

fn round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    if let Ok(value) = decode::<T>(bytes) {
        let again = decode::<T>(&encoding_of(&value));
        assert_eq!(again.ok().as_ref(), Some(&value));
    }
}

fn encoding_of<T: Serialize>(value: &T) -> Bytes {
    encode(value).expect("invariant: what exists can be encoded")
}

/// A node with two peers, at a moment that never changes from run to run.
struct FuzzedNode {
    core: Core,
    start: Now,
    out: Vec<Output>,
}

impl FuzzedNode {
    fn new() -> Self {
        let clock = Clock::starting_at(moment());
        let start = Now::of(&clock);
        let config = Config::builder()
            .build()
            .expect("invariant: the defaults are valid");
        let config = CoreConfig::new(config, []);
        let core = Core::new(
            config,
            key(0),
            signed_entry(0, 1),
            clock,
            Rng::seeded(1),
            start,
        );
        let mut node = Self {
            core,
            start,
            out: Vec::new(),
        };
        for peer in [peer(1), peer(2)] {
            node.handle(0, Input::LinkUp { peer });
        }
        node
    }

    /// Takes in one frame; time goes on by 50 ms with each.
    fn receive(&mut self, index: usize, frame: &[u8]) {
        let from = peer(1 + u8::from(index % 2 == 1));
        match Message::decode(frame) {
            Ok(message) => {
                assert_eq!(Message::decode(&message.encode()).as_ref(), Ok(&message));
                self.handle(index, Input::Message { from, message });
            }
            Err(error) => self.handle(index, Input::Undecodable { from, error }),
        }
    }

    fn handle(&mut self, index: usize, input: Input) {
        let passed = Duration::from_millis(50) * u32::try_from(index).unwrap_or(u32::MAX);
        let now = Now {
            instant: self.start.instant + passed,
            utc: self.start.utc + passed,
        };
        self.core.handle(now, input, &mut self.out);
        for output in self.out.drain(..) {
            if let Output::Send { message, .. } = output {
                let bytes = message.encode();
                assert!(bytes.len() <= MESSAGE_BYTES_MAX, "sends what nobody takes");
                assert_eq!(
                    Message::decode(&bytes),
                    Ok(message),
                    "sends what nobody understands"
                );
            }
        }
    }
}

/// What a node says to another that has just linked with it and learns of `entries`.
fn conversation(entries: &[SignedPeerEntry]) -> Vec<u8> {
    let mut node = FuzzedNode::new();
    for entry in entries {
        node.core.feed(node.start, entry.clone());
    }
    let mut said = Vec::new();
    let mut out = Vec::new();
    for tick in 1..40 {
        let passed = Duration::from_millis(100) * tick;
        let now = Now {
            instant: node.start.instant + passed,
            utc: node.start.utc + passed,
        };
        node.core.handle(now, Input::Tick, &mut out);
        for output in out.drain(..) {
            if let Output::Send { message, .. } = output {
                said.extend(framed(&message.encode()));
            }
        }
    }
    said
}

/// The frames of an input: four bytes of length before each, the last one cut where the input ends.
fn frames_in(mut bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (frame, rest) = rest.split_at(length.min(rest.len()));
        bytes = rest;
        Some(frame)
    })
}

fn framed(frame: &[u8]) -> Vec<u8> {
    let length = u32::try_from(frame.len()).expect("invariant: a seed is short");
    [&length.to_be_bytes(), frame].concat()
}

fn signed_entry(who: u8, tags: u64) -> SignedPeerEntry {
    let address = EndpointAddr::new(peer(who)).with_ip_addr(([127, 0, 0, 1], 4000).into());
    let entry = PeerEntry::new_at(network(), address, moment()).change_at(moment(), |entry| {
        entry.tags_mut().extend((0..tags).map(Digest::from_u64));
        tags > 0
    });
    entry
        .signed_by(&key(who))
        .expect("invariant: each signs its own entry")
}

fn network() -> Digest {
    Digest::from("fuzz")
}

fn key(who: u8) -> SecretKey {
    SecretKey::from_bytes(&[who + 1; 32])
}

fn peer(who: u8) -> PeerId {
    key(who).public()
}

fn moment() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).expect("invariant: a year of this century")
}
