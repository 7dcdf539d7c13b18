//! The QUIC backend: the one place that drives iroh's endpoint.
//!
//! Binding with our own preset, lane settings in both directions, dials, and what comes in before it is accepted.
//! Knows nothing of hellos, headers and tables.

use std::{
    collections::BTreeSet,
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use iroh::{
    Endpoint, RelayMode, Watcher,
    address_lookup::{AddressLookup, DnsAddressLookup, PkarrPublisher, PkarrResolver},
    endpoint::{
        AckFrequencyConfig, BindOpts, Builder, ConnectError, ConnectOptions, ConnectWithOptsError,
        Connection, ConnectionError, IdleTimeout, Incoming, IncomingAddr, NetReportConfig,
        PortmapperConfig, QuicTransportConfig, ReadError, RecvStream, SendStream, ServerConfig,
        StoppedError, VarInt, WriteError,
        presets::{Minimal, Preset},
    },
};
use tokio::{io::AsyncReadExt, sync::watch};

use crate::{
    primitives::{EndpointAddr, PeerId},
    runtime::time,
};

use super::{
    address_book::{ProcessRegistry, loopback_of},
    admission::Origin,
    backend::{Ended, PathKind, RecvHalf, SendHalf},
    close::{CloseCode, ConnectionEnd},
    config::{LaneSettings, TransportConfig},
    error::{BindError, DialError, LinkError},
    protocol::Lane,
};

/// How long binding waits for the first direct address. A specific address is known at once; finding the interfaces of
/// the host takes a few milliseconds.
const FIRST_ADDRESS: Duration = Duration::from_millis(50);

/// What the round trip is taken to be before it is measured. A first packet that a busy host drops is sent again after
/// three of these; QUIC's own 333 ms would make every lost one cost a second.
const INITIAL_RTT: Duration = Duration::from_millis(100);

/// Our choice of defaults for an endpoint.
///
/// Nothing outside the configured paths is contacted: relays only as configured, n0's lookups only beside n0's relays, and
/// the gateway (port mapping) only when there are relays.
#[derive(Debug)]
struct MosaikPreset<'a>(&'a TransportConfig);

impl Preset for MosaikPreset<'_> {
    fn apply(self, builder: Builder) -> Builder {
        let config = self.0;
        let mut builder = Minimal
            .apply(builder)
            .secret_key(config.secret_key.clone())
            .alpns(Lane::ALL.iter().map(|lane| lane.alpn().to_vec()).collect())
            .transport_config(lane_config(Lane::Control))
            .address_lookup(ProcessRegistry);
        if config.is_direct_only() {
            return builder
                .relay_mode(RelayMode::Disabled)
                .portmapper_config(PortmapperConfig::Disabled)
                .net_report_config(NetReportConfig::minimal());
        }
        builder = builder.relay_mode(config.relay_mode.clone());
        if config.relay_mode == RelayMode::Default {
            builder = builder
                .address_lookup(PkarrPublisher::n0_dns())
                .address_lookup(PkarrResolver::n0_dns())
                .address_lookup(DnsAddressLookup::n0_dns());
        }
        builder
    }
}

/// The QUIC settings of a lane, for both directions.
fn lane_config(lane: Lane) -> QuicTransportConfig {
    let settings = LaneSettings::of(lane);
    let idle = IdleTimeout::try_from(settings.idle)
        .expect("invariant: a lane's idle time is far below the limit of QUIC");
    let acknowledgements = settings.unacknowledged_packets_max.map(|packets| {
        let mut config = AckFrequencyConfig::default();
        config.ack_eliciting_threshold(VarInt::from_u32(packets));
        config
    });
    QuicTransportConfig::builder()
        .initial_rtt(INITIAL_RTT)
        .keep_alive_interval(settings.keep_alive)
        .default_path_keep_alive_interval(settings.keep_alive)
        .max_idle_timeout(Some(idle))
        .default_path_max_idle_timeout(settings.idle)
        .stream_receive_window(VarInt::from_u32(settings.stream_window_bytes))
        .receive_window(VarInt::from_u32(settings.connection_window_bytes))
        .send_window(settings.send_window_bytes)
        .max_concurrent_bidi_streams(VarInt::from_u32(settings.streams_max))
        // Nobody accepts them, so nobody may leave data in them.
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .ack_frequency_config(acknowledgements)
        .build()
}

/// Gives the builder its sockets.
///
/// iroh takes several sockets of one family only if one of them, given last, is the default route.
fn bind_addresses(mut builder: Builder, config: &TransportConfig) -> Result<Builder, BindError> {
    let loopback = BTreeSet::from([SocketAddr::from(([127, 0, 0, 1], 0))]);
    let addresses = if config.loopback {
        &loopback
    } else {
        &config.addresses
    };
    if addresses.is_empty() {
        return Ok(builder);
    }
    builder = builder.clear_ip_transports();
    for is_v4 in [true, false] {
        let mut family: Vec<SocketAddr> = addresses
            .iter()
            .copied()
            .filter(|addr| addr.is_ipv4() == is_v4)
            .collect();
        // The default route last: all interfaces if asked for, else anything rather than loopback.
        family.sort_by_key(|addr| (addr.ip().is_unspecified(), !addr.ip().is_loopback()));
        let Some(default) = family.pop() else {
            continue;
        };
        for addr in family {
            let opts = BindOpts::default()
                .set_prefix_len(prefix_len(addr.ip()))
                .set_is_default_route(false);
            builder = builder
                .bind_addr_with_opts(addr, opts)
                .map_err(BindError::Addresses)?;
        }
        builder = builder.bind_addr(default).map_err(BindError::Addresses)?;
    }
    Ok(builder)
}

/// A guess at the subnet behind an address, for choosing among several sockets. A wrong guess uses the default route.
fn prefix_len(ip: IpAddr) -> u8 {
    match ip {
        IpAddr::V4(ip) if ip.is_loopback() => 8,
        IpAddr::V4(_) => 24,
        IpAddr::V6(ip) if ip.is_loopback() => 128,
        IpAddr::V6(_) => 64,
    }
}

/// Finds out which of the addresses it was that could not be bound.
fn explain(error: iroh::endpoint::BindError, config: &TransportConfig) -> BindError {
    for &address in &config.addresses {
        match std::net::UdpSocket::bind(address) {
            Ok(_) => {}
            Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
                return BindError::AddressInUse { address };
            }
            Err(source) => return BindError::Address { address, source },
        }
    }
    BindError::Endpoint(error)
}

/// A bound iroh endpoint with both lanes.
pub(crate) struct QuicEndpoint {
    endpoint: Endpoint,
    serial: u64,
    control: Arc<ServerConfig>,
    data: Arc<ServerConfig>,
    addr: watch::Sender<EndpointAddr>,
}

impl QuicEndpoint {
    pub(crate) async fn bind(config: &TransportConfig) -> Result<Self, BindError> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let builder = bind_addresses(Endpoint::builder(MosaikPreset(config)), config)?;
        let endpoint = builder
            .bind()
            .await
            .map_err(|error| explain(error, config))?;
        let server_config = |lane: Lane| {
            let alpns = Lane::ALL.iter().map(|lane| lane.alpn().to_vec()).collect();
            let builder = endpoint.create_server_config_builder(alpns);
            Arc::new(builder.set_transport_config(lane_config(lane)).build())
        };
        let mut addrs = endpoint.watch_addr();
        if addrs.get().is_empty() {
            // Not `online()`: that one waits for a relay, and for ever if there is none.
            let first = async { while addrs.get().is_empty() && addrs.updated().await.is_ok() {} };
            let _ = time::timeout(FIRST_ADDRESS, first).await;
        }
        let this = Self {
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            control: server_config(Lane::Control),
            data: server_config(Lane::Data),
            addr: watch::Sender::new(addrs.get()),
            endpoint,
        };
        this.announce(addrs.get());
        Ok(this)
    }

    pub(crate) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn addr_changes(&self) -> watch::Receiver<EndpointAddr> {
        self.addr.subscribe()
    }

    pub(crate) fn add_lookup(&self, lookup: impl AddressLookup) {
        if let Ok(lookups) = self.endpoint.address_lookup() {
            lookups.add(lookup);
        }
    }

    pub(crate) fn bound(&self) -> Vec<SocketAddr> {
        self.endpoint.bound_sockets()
    }

    /// Follows the changes of our own addresses.
    pub(crate) async fn background(&self) {
        let mut addrs = self.endpoint.watch_addr().stream();
        let follow = async {
            while let Some(addr) = addrs.next().await {
                self.announce(addr);
            }
        };
        self.endpoint.closed().run_until(follow).await;
    }

    fn announce(&self, mut addr: EndpointAddr) {
        let bound = self.bound();
        if addr.is_empty() {
            addr.addrs.extend(loopback_of(&bound));
        }
        self.addr.send_if_modified(|known| {
            let is_new = *known != addr;
            if is_new {
                known.clone_from(&addr);
            }
            is_new
        });
        addr.addrs.extend(loopback_of(&bound));
        ProcessRegistry::enter(addr, self.serial);
    }

    pub(crate) async fn dial(&self, to: EndpointAddr, lane: Lane) -> Result<QuicConn, DialError> {
        let options = ConnectOptions::new().with_transport_config(lane_config(lane));
        let connecting = self
            .endpoint
            .connect_with_opts(to, lane.alpn(), options)
            .await
            .map_err(|error| match error {
                ConnectWithOptsError::NoAddress { .. } => DialError::NoAddress,
                error => DialError::Unreachable(error.to_string()),
            })?;
        let conn = connecting.await.map_err(|error| {
            let error = ConnectError::from(error);
            // A refused handshake is a QUIC close with CONNECTION_REFUSED, wrapped more than once.
            let text = chain(&error);
            if text.contains("refused") {
                DialError::Refused
            } else {
                DialError::Unreachable(text)
            }
        })?;
        Ok(QuicConn { conn, lane })
    }

    pub(crate) async fn accept(&self) -> Option<QuicHandshake> {
        let incoming = self.endpoint.accept().await?;
        Some(QuicHandshake {
            incoming,
            control: Arc::clone(&self.control),
            data: Arc::clone(&self.data),
        })
    }

    pub(crate) async fn close(&self) {
        ProcessRegistry::leave(&self.endpoint.id(), self.serial);
        self.endpoint.close().await;
    }
}

impl Drop for QuicEndpoint {
    fn drop(&mut self) {
        ProcessRegistry::leave(&self.endpoint.id(), self.serial);
    }
}

/// An error and its sources in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = error.source();
    }
    text
}

/// A QUIC connection that wants in.
pub(crate) struct QuicHandshake {
    incoming: Incoming,
    control: Arc<ServerConfig>,
    data: Arc<ServerConfig>,
}

impl QuicHandshake {
    pub(crate) fn origin(&self) -> Origin {
        match self.incoming.remote_addr() {
            IncomingAddr::Ip(addr) => Origin::Direct(addr),
            IncomingAddr::Relay { endpoint_id, .. } => Origin::Relayed(endpoint_id),
            // We add no custom transport; should iroh name another kind, hold it to the rate of one address.
            _ => Origin::Direct(SocketAddr::from(([0, 0, 0, 0], 0))),
        }
    }

    pub(crate) fn is_validated(&self) -> bool {
        self.incoming.remote_addr_validated()
    }

    pub(crate) fn lane(&self) -> Result<Option<Lane>, ()> {
        // A client hello that spans packets cannot be read here; the TLS layer decides about it.
        let Some(alpns) = self.incoming.decrypt().and_then(|initial| initial.alpns()) else {
            return Ok(None);
        };
        alpns
            .filter_map(Result::ok)
            .find_map(|alpn| Lane::from_alpn(&alpn))
            .map(Some)
            .ok_or(())
    }

    pub(crate) fn refuse(self) {
        self.incoming.refuse();
    }

    pub(crate) fn retry(self) {
        if let Err(error) = self.incoming.retry() {
            error.into_incoming().refuse();
        }
    }

    pub(crate) async fn complete(self, lane: Option<Lane>) -> Result<QuicConn, String> {
        let config = match lane {
            Some(Lane::Data) => self.data,
            Some(Lane::Control) | None => self.control,
        };
        let accepting = self
            .incoming
            .accept_with(config)
            .map_err(|error| chain(&error))?;
        let conn = accepting.await.map_err(|error| chain(&error))?;
        let lane = Lane::from_alpn(conn.alpn())
            .ok_or_else(|| "negotiated a protocol that is not ours".to_owned())?;
        Ok(QuicConn { conn, lane })
    }
}

/// An established QUIC connection.
#[derive(Clone)]
pub(crate) struct QuicConn {
    conn: Connection,
    lane: Lane,
}

impl QuicConn {
    pub(crate) fn peer(&self) -> PeerId {
        self.conn.remote_id()
    }

    pub(crate) fn lane(&self) -> Lane {
        self.lane
    }

    pub(crate) async fn open_bi(&self) -> Result<(SendHalf, RecvHalf), Ended> {
        let (send, recv) = self.conn.open_bi().await.map_err(ended)?;
        Ok((
            SendHalf::Quic(QuicSend(send)),
            RecvHalf::Quic(QuicRecv(recv)),
        ))
    }

    pub(crate) async fn accept_bi(&self) -> Result<(SendHalf, RecvHalf), Ended> {
        let (send, recv) = self.conn.accept_bi().await.map_err(ended)?;
        Ok((
            SendHalf::Quic(QuicSend(send)),
            RecvHalf::Quic(QuicRecv(recv)),
        ))
    }

    pub(crate) async fn ended(&self) -> Ended {
        ended(self.conn.closed().await)
    }

    pub(crate) fn end(&self) -> Option<Ended> {
        self.conn.close_reason().map(ended)
    }

    pub(crate) fn close(&self, code: CloseCode, reason: &[u8]) {
        self.conn.close(code.to_wire(), reason);
    }

    pub(crate) fn rtt(&self) -> Option<Duration> {
        let paths = self.conn.paths();
        let mut paths = paths.iter();
        let first = paths.next()?;
        if first.is_selected() {
            return Some(first.rtt());
        }
        Some(paths.find(|path| path.is_selected()).unwrap_or(first).rtt())
    }

    pub(crate) fn path(&self) -> Option<PathKind> {
        let paths = self.conn.paths();
        let path = paths.iter().find(|path| path.is_selected())?;
        Some(if path.is_relay() {
            PathKind::Relay
        } else {
            PathKind::Direct
        })
    }

    pub(crate) fn export_keying_material(&self, label: &[u8], context: &[u8]) -> [u8; 32] {
        let mut output = [0; 32];
        self.conn
            .export_keying_material(&mut output, label, context)
            .expect("invariant: an established TLS session exports 32 bytes for any label");
        output
    }
}

fn ended(error: ConnectionError) -> Ended {
    Ended {
        end: end_of(&error),
        reason: match error {
            ConnectionError::ApplicationClosed(close) => close.reason,
            _ => Bytes::new(),
        },
    }
}

fn end_of(error: &ConnectionError) -> ConnectionEnd {
    match error {
        ConnectionError::ApplicationClosed(close) => ConnectionEnd::ByPeer(close.into()),
        ConnectionError::TimedOut => ConnectionEnd::TimedOut,
        // QUIC does not keep our own code; who closed knows it (see `Session::end`).
        ConnectionError::LocallyClosed => ConnectionEnd::ByUs(CloseCode::CANCELLED),
        _ => ConnectionEnd::Failed,
    }
}

/// The outgoing half of a QUIC stream.
pub(crate) struct QuicSend(SendStream);

impl QuicSend {
    pub(crate) async fn write(
        &mut self,
        chunks: &mut [Bytes],
    ) -> Result<(usize, usize), LinkError> {
        let before = chunks.len();
        let mut rest = chunks;
        let bytes = self
            .0
            .write_many_chunks(&mut rest)
            .await
            .map_err(write_error)?;
        Ok((before - rest.len(), bytes))
    }

    pub(crate) fn finish(&mut self) {
        // Fails only on a stream that is closed already, which is what was asked for.
        let _ = self.0.finish();
    }

    pub(crate) async fn acknowledged(&mut self) -> Result<(), LinkError> {
        match self.0.stopped().await {
            Ok(None) => Ok(()),
            Ok(Some(code)) => Err(LinkError::Stopped(CloseCode::from_wire(code))),
            Err(StoppedError::ConnectionLost(error)) => {
                Err(LinkError::ConnectionEnded(end_of(&error)))
            }
            Err(StoppedError::ZeroRttRejected) => Err(LinkError::Closed),
        }
    }

    pub(crate) fn reset(&mut self, code: CloseCode) {
        let _ = self.0.reset(code.to_wire());
    }
}

fn write_error(error: WriteError) -> LinkError {
    match error {
        WriteError::Stopped(code) => LinkError::Stopped(CloseCode::from_wire(code)),
        WriteError::ConnectionLost(error) => LinkError::ConnectionEnded(end_of(&error)),
        WriteError::ClosedStream | WriteError::ZeroRttRejected => LinkError::Closed,
    }
}

/// The incoming half of a QUIC stream.
pub(crate) struct QuicRecv(RecvStream);

impl QuicRecv {
    pub(crate) async fn read(&mut self, buffer: &mut BytesMut) -> Result<usize, LinkError> {
        self.0.read_buf(buffer).await.map_err(|error| {
            match error
                .get_ref()
                .and_then(|error| error.downcast_ref::<ReadError>())
            {
                Some(ReadError::Reset(code)) => LinkError::Reset(CloseCode::from_wire(*code)),
                Some(ReadError::ConnectionLost(error)) => LinkError::ConnectionEnded(end_of(error)),
                Some(ReadError::ClosedStream | ReadError::ZeroRttRejected) | None => {
                    LinkError::Closed
                }
            }
        })
    }

    pub(crate) fn stop(&mut self, code: CloseCode) {
        let _ = self.0.stop(code.to_wire());
    }
}
