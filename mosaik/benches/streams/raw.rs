//! The ceiling: iroh alone doing the same.

use bytes::{BufMut, Bytes, BytesMut};
use iroh::{
    Endpoint, EndpointAddr,
    endpoint::{Connection, RecvStream, RelayMode, presets},
};

use crate::{
    control::{Child, Order, say_ready},
    measure::{self, Latency, Pace, Rate, Stopwatch},
};

const ALPN: &[u8] = b"bench/raw";

/// Bytes gathered before a write.
const WRITE_BYTES: usize = 64 * 1024;

/// Writes that may wait for one consumer.
const WRITES_WAITING: usize = 16;

/// Round trips of the ping-pong.
const PINGS: u64 = 5_000;

/// Runs `order` as fast as it goes.
pub(crate) async fn throughput(child: &mut Child, order: &Order) -> Rate {
    let (endpoint, connections) = connect(child, "raw", order).await;
    let stopwatch = Stopwatch::start();
    let per_write = (WRITE_BYTES / (order.size + 4)).max(1) as u64;
    let senders = Senders::open(&connections).await;
    let mut left = order.count;
    while left > 0 {
        let datums = left.min(per_write);
        senders.send(frames(order.size, datums).freeze()).await;
        left -= datums;
    }
    senders.finish().await;
    child.done().await;
    let rate = stopwatch.stop(order);
    endpoint.close().await;
    rate
}

/// Runs `order` at its rate.
pub(crate) async fn latency(child: &mut Child, order: &Order) -> Latency {
    let (endpoint, connections) = connect(child, "raw", order).await;
    let senders = Senders::open(&connections).await;
    let mut pace = Pace::at(order.rate);
    let mut left = order.count;
    while left > 0 {
        let datums = pace.due().await.min(left);
        let mut buffer = frames(order.size, datums);
        stamp(&mut buffer, order.size);
        senders.send(buffer.freeze()).await;
        left -= datums;
    }
    senders.finish().await;
    let latency = child.done().await;
    endpoint.close().await;
    latency
}

/// Round trips of datums of `size` bytes.
pub(crate) async fn ping(child: &mut Child, size: usize) -> Latency {
    let order = Order {
        size,
        consumers: 1,
        count: PINGS,
        rate: 0.0,
    };
    let (endpoint, connections) = connect(child, "ping", &order).await;
    let (mut send, mut receive) = connections[0].open_bi().await.expect("a stream opens");
    let mut samples = Vec::with_capacity(PINGS as usize);
    let mut buffer = vec![0_u8; size];
    for _ in 0..PINGS {
        let begin = measure::shared_clock_ns();
        send.write_all(&buffer).await.expect("the peer reads");
        receive
            .read_exact(&mut buffer)
            .await
            .expect("the peer answers");
        samples.push(measure::shared_clock_ns().saturating_sub(begin));
    }
    let _ = send.finish();
    child.done().await;
    endpoint.close().await;
    measure::quantiles(samples)
}

/// The consuming side of [`throughput`] and [`latency`].
pub(crate) async fn consume(order: &Order, target: &str) -> Latency {
    let order = *order;
    let (endpoints, connections) = dial_all(&order, target).await;
    say_ready();
    let readers = connections.iter().cloned().map(|connection| {
        tokio::spawn(async move {
            let stream = connection
                .accept_uni()
                .await
                .expect("the producer opens a stream");
            read_all(stream, &order).await
        })
    });
    let mut samples = Vec::new();
    for reader in readers.collect::<Vec<_>>() {
        samples.extend(reader.await.expect("a reader does not panic"));
    }
    close_all(endpoints, connections).await;
    measure::quantiles(samples)
}

/// The consuming side of [`ping`].
pub(crate) async fn answer_pings(order: &Order, target: &str) -> Latency {
    let (endpoints, connections) = dial_all(order, target).await;
    say_ready();
    let (mut send, mut receive) = connections[0].accept_bi().await.expect("a stream opens");
    let mut buffer = vec![0_u8; order.size];
    for _ in 0..order.count {
        receive
            .read_exact(&mut buffer)
            .await
            .expect("the peer writes");
        send.write_all(&buffer).await.expect("the peer reads");
    }
    let _ = send.finish();
    let _ = send.stopped().await;
    close_all(endpoints, connections).await;
    Latency {
        p50_us: 0.0,
        p99_us: 0.0,
    }
}

async fn connect(child: &mut Child, verb: &str, order: &Order) -> (Endpoint, Vec<Connection>) {
    let endpoint = bind().await;
    child
        .order(verb, order, &address_in_words(&endpoint.addr()))
        .await;
    let mut connections = Vec::new();
    for _ in 0..order.consumers {
        let incoming = endpoint.accept().await.expect("the endpoint is open");
        connections.push(incoming.await.expect("a consumer connects"));
    }
    child.ready().await;
    (endpoint, connections)
}

async fn dial_all(order: &Order, target: &str) -> (Vec<Endpoint>, Vec<Connection>) {
    let address = address_from_words(target);
    let mut endpoints = Vec::new();
    let mut connections = Vec::new();
    for _ in 0..order.consumers {
        let endpoint = bind().await;
        let dialled = endpoint.connect(address.clone(), ALPN).await;
        connections.push(dialled.expect("the producer accepts"));
        endpoints.push(endpoint);
    }
    (endpoints, connections)
}

async fn close_all(endpoints: Vec<Endpoint>, connections: Vec<Connection>) {
    drop(connections);
    for endpoint in endpoints {
        endpoint.close().await;
    }
}

async fn bind() -> Endpoint {
    Endpoint::builder(presets::Minimal)
        .alpns(vec![ALPN.to_vec()])
        .relay_mode(RelayMode::Disabled)
        .clear_ip_transports()
        .bind_addr("127.0.0.1:0")
        .expect("loopback is an address")
        .bind()
        .await
        .expect("loopback has a free port")
}

fn address_in_words(address: &EndpointAddr) -> String {
    let socket = address
        .ip_addrs()
        .next()
        .expect("a bound endpoint knows its address");
    format!("{}@{socket}", address.id)
}

fn address_from_words(words: &str) -> EndpointAddr {
    let (id, socket) = words
        .split_once('@')
        .expect("the producer sends id@address");
    EndpointAddr::new(id.parse().expect("an id"))
        .with_ip_addr(socket.parse().expect("a socket address"))
}

/// `datums` frames of `size` bytes behind a length each.
fn frames(size: usize, datums: u64) -> BytesMut {
    let mut buffer = BytesMut::with_capacity((size + 4) * datums as usize);
    for _ in 0..datums {
        buffer.put_u32(size as u32);
        buffer.put_bytes(0, size);
    }
    buffer
}

/// Puts the time at the beginning of each payload.
fn stamp(frames: &mut [u8], size: usize) {
    let now = measure::shared_clock_ns().to_be_bytes();
    for frame in frames.chunks_exact_mut(size + 4) {
        frame[4..12].copy_from_slice(&now);
    }
}

async fn read_all(mut stream: RecvStream, order: &Order) -> Vec<u64> {
    let frame = order.size + 4;
    let mut samples = Vec::new();
    let mut partial = BytesMut::new();
    let mut received = 0;
    while received < order.count {
        let chunk = stream
            .read_chunk(usize::MAX)
            .await
            .expect("the producer is alive");
        let Some(chunk) = chunk else { break };
        partial.extend_from_slice(&chunk);
        let now = if order.rate > 0.0 {
            measure::shared_clock_ns()
        } else {
            0
        };
        let whole = partial.len() / frame;
        for index in 0..whole {
            let payload = &partial[index * frame + 4..];
            if order.rate > 0.0 {
                let sent = u64::from_be_bytes(payload[..8].try_into().expect("eight bytes"));
                samples.push(now.saturating_sub(sent));
            }
        }
        let _ = partial.split_to(whole * frame);
        received += whole as u64;
    }
    samples
}

/// One stream and one task per consumer, fed with the same bytes.
struct Senders {
    queues: Vec<tokio::sync::mpsc::Sender<Bytes>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Senders {
    async fn open(connections: &[Connection]) -> Self {
        let mut queues = Vec::new();
        let mut tasks = Vec::new();
        for connection in connections {
            let mut stream = connection.open_uni().await.expect("a stream opens");
            let (queue, mut writes) = tokio::sync::mpsc::channel::<Bytes>(WRITES_WAITING);
            queues.push(queue);
            tasks.push(tokio::spawn(async move {
                while let Some(bytes) = writes.recv().await {
                    stream.write_chunk(bytes).await.expect("the consumer reads");
                }
                let _ = stream.finish();
                let _ = stream.stopped().await;
            }));
        }
        Self { queues, tasks }
    }

    async fn send(&self, bytes: Bytes) {
        for queue in &self.queues {
            queue
                .send(bytes.clone())
                .await
                .expect("the sender task lives");
        }
    }

    async fn finish(self) {
        drop(self.queues);
        for task in self.tasks {
            task.await.expect("a sender does not panic");
        }
    }
}
