//! How producers begin and end.

use {super::*, futures::SinkExt};

/// Spec 11, S9: the last handle takes the stream with it, and another can be opened at once.
#[tokio::test(start_paused = true)]
async fn s9_a_producer_dies_with_its_last_handle() {
    let (streams, directory) = streams();
    let mut producer = streams
        .producer::<Data>()
        .with_buffer_size(7)
        .build()
        .unwrap();
    let id = *producer.stream_id();
    let clone = producer.clone();
    let mut consumer = streams.consume::<Data>();
    producer.send(data("a")).await.unwrap();
    drop(producer);
    assert!(directory.me().streams().contains(&id));
    clone.try_send(data("b")).unwrap();
    drop(clone);
    assert!(!directory.me().streams().contains(&id));
    // What was accepted still arrives.
    assert_eq!(consumer.recv().await, Some(data("a")));
    assert_eq!(consumer.recv().await, Some(data("b")));
    consumer.when().unsubscribed().await;
    let mut anew = streams
        .producer::<Data>()
        .with_buffer_size(9)
        .build()
        .unwrap();
    assert_eq!(anew.config().buffer_size, 9);
    anew.send(data("c")).await.unwrap();
    assert_eq!(consumer.recv().await, Some(data("c")));
    assert_eq!(consumer.gaps(), []);
}

/// Spec 11, S10: nothing that a program asks for panics.
#[tokio::test(start_paused = true)]
async fn s10_bad_configurations_are_errors() {
    let (streams, _directory) = streams();
    let zero = streams.producer::<u8>().with_buffer_size(0).build();
    assert!(matches!(zero, Err(BuilderError::ZeroBufferSize)));
    let words = streams
        .producer::<String>()
        .with_stream_id("x")
        .build()
        .unwrap();
    let Err(BuilderError::AlreadyExists(same)) =
        streams.producer::<String>().with_stream_id("x").build()
    else {
        panic!("two producers of one stream");
    };
    assert_eq!(same.stream_id(), words.stream_id());
    let numbers = streams.producer::<u8>().with_stream_id("x").build();
    let Err(error @ BuilderError::OtherDatumType { .. }) = numbers else {
        panic!("one stream of two types");
    };
    assert!(
        error.to_string().contains("String on this node, not u8"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_cannot_be_advertised_is_an_error() {
    let (streams, directory) = streams();
    let open = |n: usize| {
        streams
            .producer::<u8>()
            .with_stream_id(n.to_string().as_str())
            .build()
    };
    let producers: Vec<_> = (0..STREAMS_MAX).map(|n| open(n).unwrap()).collect();
    let error = open(STREAMS_MAX).unwrap_err();
    assert!(error.to_string().contains("too many streams"), "{error}");
    assert_eq!(directory.me().streams().len(), STREAMS_MAX);
    drop(producers);
    assert!(open(STREAMS_MAX).is_ok());
}

#[tokio::test(start_paused = true)]
async fn produce_on_a_stream_of_another_type_is_closed_and_says_why() {
    let (streams, directory) = streams();
    let _taken = streams
        .producer::<String>()
        .with_stream_id(u8::derived_stream_id())
        .build()
        .unwrap();
    let before = directory.me();
    let mut closed = streams.produce::<u8>();
    assert_eq!(closed.try_send(1), Err(producer::Error::Closed(Some(1))));
    assert_eq!(closed.send(1).await, Err(producer::Error::Closed(None)));
    assert!(
        closed
            .status()
            .to_string()
            .contains("String on this node, not u8"),
        "{}",
        closed.status()
    );
    drop(closed);
    assert_eq!(
        directory.me(),
        before,
        "the stream of the other type is still advertised"
    );
}

#[tokio::test(start_paused = true)]
async fn produce_returns_the_existing_producer() {
    let (streams, _directory) = streams();
    let first = streams
        .producer::<Data>()
        .with_max_consumers(3)
        .build()
        .unwrap();
    let second = streams.produce::<Data>();
    assert_eq!(second.config().max_consumers, 3);
    assert_eq!(format!("{second:?}"), format!("{first:?}"));
    assert!(format!("{first:?}").starts_with("Producer<"));
    let consumer = streams.consume::<Data>();
    assert!(
        format!("{consumer:?}").ends_with("Data, 0 producers)"),
        "{consumer:?}"
    );
}

/// A value that may not be shared between threads does not make its handles so.
#[test]
fn handles_are_sync_and_unpin_for_every_datum() {
    fn assert_all<T: Send + Sync + Unpin>() {}
    type Unshared = std::cell::Cell<u8>;
    assert_all::<Producer<Unshared>>();
    assert_all::<Consumer<Unshared>>();
    assert_all::<crate::streams::status::When>();
    assert_all::<crate::streams::status::ChannelConditions>();
    fn assert_future<T: Future + Send + Sync + 'static>(
        _: impl FnOnce(&crate::streams::status::When) -> T,
    ) {
    }
    assert_future(crate::streams::status::When::online);
    assert_future(crate::streams::status::When::offline);
    fn assert_ended<T: Future + Send + Sync + 'static>(
        _: impl FnOnce(&crate::streams::status::ChannelInfo) -> T,
    ) {
    }
    assert_ended(crate::streams::status::ChannelInfo::disconnected);
}

/// Spec 11, S14: where a type lives, and which compiler names it, does not change its stream.
#[tokio::test(start_paused = true)]
async fn s14_default_ids_ignore_where_a_type_lives() {
    mod here {
        #[derive(serde::Serialize, serde::Deserialize)]
        pub(super) struct Price(pub(super) Vec<super::Data>);
    }
    mod moved {
        pub(super) mod deeper {
            #[derive(serde::Serialize, serde::Deserialize)]
            pub(in super::super) struct Price(pub(in super::super) Vec<super::super::Data>);
        }
    }
    let (streams, _directory) = streams();
    let mut producer = streams.produce::<here::Price>();
    assert_eq!(*producer.stream_id(), Digest::from("Price"));
    let mut consumer = streams.consume::<moved::deeper::Price>();
    producer
        .send(here::Price(vec![data("a")]))
        .await
        .ok()
        .unwrap();
    assert_eq!(consumer.recv().await.unwrap().0, [data("a")]);
}
