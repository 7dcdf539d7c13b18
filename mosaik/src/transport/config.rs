//! How a transport is set up, and every limit and deadline that it keeps.

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

use iroh::RelayMode;

use crate::{
    primitives::{NetworkId, SecretKey},
    runtime::{Clock, Rng, Tasks},
};

use super::{admission::PeerFilter, protocol::Lane};

/// How to bind a [`Transport`](super::Transport).
#[derive(Debug)]
pub(crate) struct TransportConfig {
    /// The network that this node belongs to; peers of another one are turned away in the hello.
    pub(crate) network_id: NetworkId,
    /// The identity of this node.
    pub(crate) secret_key: SecretKey,
    /// The addresses to bind; several of one family work. Empty: all interfaces, random ports.
    pub(crate) addresses: BTreeSet<SocketAddr>,
    /// Relays to use. With [`RelayMode::Disabled`] nothing outside the direct paths is contacted, the gateway included.
    pub(crate) relay_mode: RelayMode,
    /// Binds 127.0.0.1 only and uses no relay, whatever the two fields above say.
    pub(crate) loopback: bool,
    /// Who may be connected at all.
    pub(crate) peers: PeerFilter,
    /// Deadlines and bounds.
    pub(crate) limits: Limits,
    /// Where time comes from.
    pub(crate) clock: Clock,
    /// Where chance comes from.
    pub(crate) rng: Rng,
    /// The tree that the transport's tasks hang in.
    pub(crate) tasks: Tasks,
}

impl TransportConfig {
    /// The defaults for a member of `network_id` with the identity `secret_key`.
    pub(crate) fn new(network_id: NetworkId, secret_key: SecretKey) -> Self {
        Self {
            network_id,
            secret_key,
            addresses: BTreeSet::new(),
            relay_mode: RelayMode::Default,
            loopback: false,
            peers: PeerFilter::default(),
            limits: Limits::default(),
            clock: Clock::system(),
            rng: Rng::from_os(),
            tasks: Tasks::root("transport"),
        }
    }

    /// Whether relays, and with them everything beyond the direct paths, are off.
    pub(crate) fn is_direct_only(&self) -> bool {
        self.loopback || self.relay_mode == RelayMode::Disabled
    }
}

/// The deadlines and bounds of a transport. Each default has its reason beside it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub(crate) struct Limits {
    /// A dial, from the first packet to the end of the handshake. A reachable peer needs milliseconds; a dead one would
    /// hold its callers for 30 s.
    pub(crate) dial: Duration,
    /// Dials in flight. A catalog that names many dead peers must not cost a socket buffer each.
    pub(crate) dials_max: usize,
    /// The TLS handshake of an accepted connection.
    pub(crate) handshake: Duration,
    /// Accepted handshakes in progress; each costs about 2.5 ms of CPU.
    pub(crate) handshakes_max: usize,
    /// Handshakes that wait for one of those to end, after they have proved their address; beyond, they are refused.
    pub(crate) handshakes_waiting_max: usize,
    /// Handshakes that one address may start at once. Enough for a hundred nodes of one host that start together.
    pub(crate) handshake_burst: u32,
    /// Handshakes that one address may start per second after that: a sixth of a core.
    pub(crate) handshakes_per_second: u32,
    /// The hello of a connection, from either end.
    pub(crate) hello: Duration,
    /// Accepted connections whose hello is awaited.
    pub(crate) hellos_max: usize,
    /// The header of an accepted stream. A stream is invisible until something is written, so the header is all but there.
    pub(crate) header: Duration,
    /// The acceptor's answer to a stream's header; its handler may check tickets first.
    pub(crate) answer: Duration,
    /// The acknowledgement of a finished stream.
    pub(crate) finish: Duration,
    /// Connections in all, of both lanes; one costs some 160 KiB.
    pub(crate) connections_max: usize,
    /// Connections with one peer on one lane: the one in use, and those that a simultaneous dial or a restart left.
    pub(crate) connections_per_peer_max: usize,
    /// A connection without streams for this long is closed. The other end waits half as long again.
    pub(crate) idle: Duration,
    /// The same for a connection that a better one replaces; streams on their way have arrived by then.
    pub(crate) drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            dial: Duration::from_secs(5),
            dials_max: 64,
            handshake: Duration::from_secs(5),
            handshakes_max: 128,
            handshakes_waiting_max: 1024,
            handshake_burst: 256,
            handshakes_per_second: 64,
            hello: Duration::from_secs(3),
            hellos_max: 256,
            header: Duration::from_secs(3),
            answer: Duration::from_secs(10),
            finish: Duration::from_secs(5),
            connections_max: 4096,
            connections_per_peer_max: 4,
            idle: Duration::from_secs(60),
            drain: Duration::from_secs(2),
        }
    }
}

/// The liveness and window settings of a lane's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LaneSettings {
    /// A silent connection says something this often.
    pub(crate) keep_alive: Duration,
    /// A connection that hears nothing for this long has ended; the smaller one of both ends counts.
    pub(crate) idle: Duration,
    /// Unread bytes that one stream may hold.
    ///
    /// The QUIC implementation ends the whole connection when some 2,048 separate packets wait unread in one stream.
    /// 128 KiB of the smallest packets stay under that even if nobody reads; above it, every stream must have a task that
    /// always reads. Above 1.25 MiB bulk alone is enough to end a connection.
    pub(crate) stream_window_bytes: u32,
    /// Unread bytes that all streams of a connection may hold together.
    pub(crate) connection_window_bytes: u32,
    /// Unacknowledged bytes that this end keeps for a connection.
    pub(crate) send_window_bytes: u64,
    /// Streams that the peer may have open at a time.
    pub(crate) streams_max: u32,
    /// Packets that the peer is asked to take without acknowledging them at once, if not QUIC's own number, 1.
    ///
    /// An acknowledgement is a system call that the receiver makes before it hands over what has arrived, and it wakes
    /// the sender. With half or more of what a new connection may have on its way, it would stop until the delayed
    /// acknowledgement, 25 ms later.
    pub(crate) unacknowledged_packets_max: Option<u32>,
}

impl LaneSettings {
    /// The settings of a lane.
    pub(crate) const fn of(lane: Lane) -> Self {
        match lane {
            Lane::Control => Self {
                // Discovery asks sooner, where it has a link: see decision 21.
                keep_alive: Duration::from_millis(1650),
                idle: Duration::from_secs(5),
                stream_window_bytes: 128 * 1024,
                connection_window_bytes: 1024 * 1024,
                send_window_bytes: 2 * 1024 * 1024,
                streams_max: 256,
                unacknowledged_packets_max: None,
            },
            Lane::Data => Self {
                keep_alive: Duration::from_secs(5),
                idle: Duration::from_secs(15),
                stream_window_bytes: 512 * 1024,
                connection_window_bytes: 8 * 1024 * 1024,
                send_window_bytes: 8 * 1024 * 1024,
                streams_max: 512,
                unacknowledged_packets_max: Some(4),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Beyond this, the QUIC implementation loses connections under plain bulk.
    const STREAM_WINDOW_BYTES_MAX: u32 = 1_250_000;

    /// What a new connection may have on its way (RFC 9002, 7.2).
    const INITIAL_WINDOW_PACKETS: u32 = 10;

    #[test]
    fn windows_stay_where_connections_survive() {
        let control = LaneSettings::of(Lane::Control);
        assert_eq!(control.stream_window_bytes, 131_072);
        assert!(
            control.stream_window_bytes / 68 < 2_048,
            "unread packets of a 64-byte frame each must not reach the limit of the QUIC implementation"
        );
        for lane in Lane::ALL {
            let settings = LaneSettings::of(lane);
            assert!(settings.stream_window_bytes <= STREAM_WINDOW_BYTES_MAX);
            assert!(settings.connection_window_bytes <= 8 * 1024 * 1024);
            assert!(settings.keep_alive * 3 <= settings.idle);
            assert!(
                settings.unacknowledged_packets_max < Some(INITIAL_WINDOW_PACKETS / 2),
                "a new connection must not wait for a delayed acknowledgement"
            );
            assert!(
                settings.keep_alive <= Duration::from_secs(5),
                "iroh ignores longer ones"
            );
            assert!(
                settings.idle <= Duration::from_secs(15),
                "iroh clamps longer ones"
            );
        }
        assert_eq!(control.keep_alive, Duration::from_millis(1650));
        assert_eq!(control.idle, Duration::from_secs(5));
        assert_eq!(LaneSettings::of(Lane::Data).stream_window_bytes, 524_288);
    }
}
