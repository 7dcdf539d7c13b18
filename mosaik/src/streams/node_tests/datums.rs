//! Datums that cannot be encoded or decoded.

use {
    super::*,
    crate::primitives::{Bytes, BytesMut},
    futures::SinkExt,
    std::sync::atomic::{AtomicUsize, Ordering::Relaxed},
};

/// A datum whose encoder and decoder fail on demand.
#[derive(Debug, PartialEq)]
struct Moody(u8);

#[derive(Debug, thiserror::Error)]
#[error("not in the mood")]
struct Mood;

impl Datum for Moody {
    type EncodeError = Mood;
    type DecodeError = Mood;

    fn encode(&self) -> Result<crate::primitives::Bytes, Mood> {
        if self.0 == 13 {
            Err(Mood)
        } else {
            Ok(crate::primitives::Bytes::copy_from_slice(&[self.0]))
        }
    }

    fn decode(bytes: &[u8]) -> Result<Self, Mood> {
        match bytes {
            [66] => Err(Mood),
            [99] => panic!("a decoder with a defect"),
            [value] => Ok(Self(*value)),
            _ => Err(Mood),
        }
    }

    fn encode_into(&self, out: &mut BytesMut) -> Result<(), Mood> {
        out.extend_from_slice(&self.encode()?);
        Ok(())
    }
}

/// Spec 11, S11, and issue 3: bad datums harm no others.
#[tokio::test(start_paused = true)]
async fn s11_bad_datums_harm_no_others() {
    let (streams, _directory) = streams();
    let mut producer = streams.produce::<Moody>();
    let mut consumer = streams.consume::<Moody>();
    producer.when().online().await;
    let error = producer.try_send(Moody(13)).unwrap_err();
    assert!(
        matches!(&error, producer::Error::Encoding(Moody(13), _)),
        "{error:?}"
    );
    assert!(matches!(
        producer.send(Moody(13)).await,
        Err(producer::Error::Encoding(Moody(13), _))
    ));
    let mut events = consumer.events();
    for value in [1, 66, 2, 99, 3] {
        producer.send(Moody(value)).await.unwrap();
    }
    for value in [1, 2, 3] {
        assert_eq!(consumer.recv().await, Some(Moody(value)));
    }
    let stats = consumer.producers().next().unwrap().stats().clone();
    assert_eq!((stats.datums(), stats.undecodable()), (5, 2));
    assert!(matches!(
        events.try_recv(),
        Ok(ConsumerEvent::Undecodable { sequence: 1, .. })
    ));
}

/// A datum that counts how often it is encoded.
struct Counted;

static ENCODED: AtomicUsize = AtomicUsize::new(0);

impl Datum for Counted {
    type EncodeError = Mood;
    type DecodeError = Mood;

    fn encode(&self) -> Result<Bytes, Mood> {
        ENCODED.fetch_add(1, Relaxed);
        Ok(Bytes::from_static(b"counted"))
    }

    fn decode(_: &[u8]) -> Result<Self, Mood> {
        Ok(Self)
    }
}

/// Issue 3 and DESIGN 7: the bytes of a datum are shared by its consumers.
#[tokio::test(start_paused = true)]
async fn a_datum_is_encoded_once_for_sixteen_consumers() {
    let (streams, _directory) = streams();
    let mut producer = streams.produce::<Counted>();
    let mut consumers: Vec<_> = (0..16).map(|_| streams.consume::<Counted>()).collect();
    producer.when().subscribed().minimum_of(16).await;
    for _ in 0..100 {
        producer.send(Counted).await.ok().unwrap();
    }
    for consumer in &mut consumers {
        for _ in 0..100 {
            assert!(consumer.recv().await.is_some());
        }
    }
    assert_eq!(ENCODED.load(Relaxed), 100);
}
