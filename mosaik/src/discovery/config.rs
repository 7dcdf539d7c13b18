//! Settings of discovery, checked when they are built.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use crate::primitives::{EndpointAddr, IntoIterOrSingle, PeerId, Tag, config_builder_error};

/// How a node finds peers and how long it remembers them.
///
/// ```
/// use mosaik::discovery::Config;
/// use std::time::Duration;
///
/// let config = Config::builder()
///     .with_tags(["gateway", "eu"])
///     .with_purge_after(Duration::from_secs(60))
///     .build()
///     .unwrap();
/// assert_eq!(config.tags.len(), 2);
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Events kept for a slow receiver before it misses some. At least 1; default 100.
    pub events_backlog: usize,
    /// Peers to ask first. They are tried for ever. Default none.
    pub bootstrap_peers: Vec<EndpointAddr>,
    /// Tags of the local entry at the start. Default none.
    pub tags: Vec<Tag>,
    /// An entry that was not renewed for this long is forgotten. Not zero; default 300 s.
    pub purge_after: Duration,
    /// How far an entry's time may be ahead of the local clock. Default 50 s.
    pub max_time_drift: Duration,
    /// How often the local entry is renewed, at least; large networks stretch it up to a third of
    /// `purge_after`. Not zero; default 45 s.
    pub announce_interval: Duration,
    /// The part of the interval by which each announcement is early or late at random: 0 to 1;
    /// default 0.5.
    pub announce_jitter: f32,
    /// Use only the configured peers and explicit dials. Default false.
    pub no_auto_bootstrap: bool,
    /// Do not use the mainline DHT; the other automatic ways stay. Default false.
    pub no_dht_bootstrap: bool,
    /// How long a leaving node waits for its goodbye to be delivered. Default 500 ms.
    pub graceful_departure_window: Duration,
    /// How often the round trip to a connected peer is measured, at least. Not zero; default 30 s.
    pub rtt_probe_interval: Duration,
    /// Peers with a longer smoothed round trip are hidden. Not zero; default none.
    pub max_rtt: Option<Duration>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            events_backlog: 100,
            bootstrap_peers: Vec::new(),
            tags: Vec::new(),
            purge_after: Duration::from_secs(300),
            max_time_drift: Duration::from_secs(50),
            announce_interval: Duration::from_secs(45),
            announce_jitter: 0.5,
            no_auto_bootstrap: false,
            no_dht_bootstrap: false,
            graceful_departure_window: Duration::from_millis(500),
            rtt_probe_interval: Duration::from_secs(30),
            max_rtt: None,
        }
    }
}

impl Config {
    /// Settings to change before they are checked.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }

    /// The ids of the configured bootstrap peers, in the order given.
    pub fn bootstrap_peers_ids(&self) -> Vec<PeerId> {
        self.bootstrap_peers.iter().map(|addr| addr.id).collect()
    }

    fn check(&self) -> Result<(), ConfigBuilderError> {
        let invalid = |text: &str| Err(ConfigBuilderError::ValidationError(text.to_owned()));
        let nonzero = [
            ("purge_after", self.purge_after),
            ("announce_interval", self.announce_interval),
            ("rtt_probe_interval", self.rtt_probe_interval),
            ("max_rtt", self.max_rtt.unwrap_or(Duration::MAX)),
        ];
        if let Some((name, _)) = nonzero.iter().find(|(_, value)| value.is_zero()) {
            return invalid(&format!("discovery: {name} must be longer than zero"));
        }
        if self.events_backlog == 0 {
            return invalid("discovery: events_backlog must be at least 1");
        }
        if !(0.0..=1.0).contains(&self.announce_jitter) {
            return invalid("discovery: announce_jitter must be between 0 and 1");
        }
        Ok(())
    }
}

/// Collects settings for [`Config`]; what is not set keeps its default.
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct ConfigBuilder {
    events_backlog: Option<usize>,
    bootstrap_peers: Vec<EndpointAddr>,
    tags: Vec<Tag>,
    purge_after: Option<Duration>,
    max_time_drift: Option<Duration>,
    announce_interval: Option<Duration>,
    announce_jitter: Option<f32>,
    no_auto_bootstrap: Option<bool>,
    no_dht_bootstrap: Option<bool>,
    rtt_probe_interval: Option<Duration>,
    max_rtt: Option<Duration>,
}

macro_rules! setters {
    ($($(#[$doc:meta])* $setter:ident: $field:ident: $type:ty),* $(,)?) => {
        $(
            $(#[$doc])*
            pub fn $setter(mut self, value: $type) -> Self {
                self.$field = Some(value);
                self
            }
        )*
    };
}

impl ConfigBuilder {
    /// Adds peers to ask first: an id, an address, or many of either.
    #[must_use]
    pub fn with_bootstrap<V>(mut self, peers: impl IntoIterOrSingle<EndpointAddr, V>) -> Self {
        self.bootstrap_peers.extend(peers.iterator());
        self
    }

    /// Adds tags to the local entry: one or many.
    #[must_use]
    pub fn with_tags<V>(mut self, tags: impl IntoIterOrSingle<Tag, V>) -> Self {
        self.tags.extend(tags.iterator());
        self
    }

    /// Uses only the configured peers and explicit dials.
    #[must_use]
    pub const fn no_auto_bootstrap(mut self) -> Self {
        self.no_auto_bootstrap = Some(true);
        self
    }

    /// Does not use the mainline DHT.
    #[must_use]
    pub const fn no_dht_bootstrap(mut self) -> Self {
        self.no_dht_bootstrap = Some(true);
        self
    }

    /// Hides peers with a longer smoothed round trip.
    #[must_use]
    pub const fn with_max_rtt(mut self, value: Duration) -> Self {
        self.max_rtt = Some(value);
        self
    }

    setters! {
        /// Events kept for a slow receiver before it misses some.
        with_events_backlog: events_backlog: usize,
        /// How long an entry that is not renewed is remembered.
        with_purge_after: purge_after: Duration,
        /// How far an entry's time may be ahead of the local clock.
        with_max_time_drift: max_time_drift: Duration,
        /// How often the local entry is renewed, at least.
        with_announce_interval: announce_interval: Duration,
        /// The part of the interval that is left to chance.
        with_announce_jitter: announce_jitter: f32,
        /// Whether to use only the configured peers and explicit dials.
        with_no_auto_bootstrap: no_auto_bootstrap: bool,
        /// Whether to leave the mainline DHT alone.
        with_no_dht_bootstrap: no_dht_bootstrap: bool,
        /// How often the round trip to a connected peer is measured, at least.
        with_rtt_probe_interval: rtt_probe_interval: Duration,
    }

    /// The checked settings, or which of them makes no sense.
    pub fn build(self) -> Result<Config, ConfigBuilderError> {
        let default = Config::default();
        let config = Config {
            events_backlog: self.events_backlog.unwrap_or(default.events_backlog),
            bootstrap_peers: self.bootstrap_peers,
            tags: self.tags,
            purge_after: self.purge_after.unwrap_or(default.purge_after),
            max_time_drift: self.max_time_drift.unwrap_or(default.max_time_drift),
            announce_interval: self.announce_interval.unwrap_or(default.announce_interval),
            announce_jitter: self.announce_jitter.unwrap_or(default.announce_jitter),
            no_auto_bootstrap: self.no_auto_bootstrap.unwrap_or(default.no_auto_bootstrap),
            no_dht_bootstrap: self.no_dht_bootstrap.unwrap_or(default.no_dht_bootstrap),
            graceful_departure_window: default.graceful_departure_window,
            rtt_probe_interval: self
                .rtt_probe_interval
                .unwrap_or(default.rtt_probe_interval),
            max_rtt: self.max_rtt,
        };
        config.check()?;
        Ok(config)
    }
}

config_builder_error!();

/// Settings, or a builder of them.
#[doc(hidden)]
pub trait IntoConfig {
    /// The checked settings.
    fn into_config(self) -> Result<Config, ConfigBuilderError>;
}

impl IntoConfig for Config {
    fn into_config(self) -> Result<Config, ConfigBuilderError> {
        self.check()?;
        Ok(self)
    }
}

impl IntoConfig for ConfigBuilder {
    fn into_config(self) -> Result<Config, ConfigBuilderError> {
        self.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::SecretKey;

    #[test]
    fn defaults() {
        let config = Config::builder().build().unwrap();
        assert_eq!(config, Config::default());
        assert_eq!(config.purge_after, Duration::from_secs(300));
        assert_eq!(config.max_time_drift, Duration::from_secs(50));
        assert_eq!(config.announce_interval, Duration::from_secs(45));
        assert_eq!(config.graceful_departure_window, Duration::from_millis(500));
        assert!(!config.no_auto_bootstrap && !config.no_dht_bootstrap);
    }

    #[test]
    fn lists_add_up() {
        let id = SecretKey::from_bytes(&[1; 32]).public();
        let config = Config::builder()
            .with_bootstrap(id)
            .with_bootstrap(vec![EndpointAddr::new(id)])
            .with_tags("a")
            .with_tags(["b", "c"])
            .no_auto_bootstrap()
            .no_dht_bootstrap()
            .with_max_rtt(Duration::from_millis(5))
            .build()
            .unwrap();
        assert_eq!(config.bootstrap_peers_ids(), [id, id]);
        assert_eq!(config.tags.len(), 3);
        assert!(config.no_auto_bootstrap && config.no_dht_bootstrap);
        assert_eq!(config.max_rtt, Some(Duration::from_millis(5)));
    }

    #[test]
    fn what_makes_no_sense_is_refused_by_name() {
        let zero = Duration::ZERO;
        let table = [
            (
                Config::builder().with_announce_interval(zero),
                "announce_interval",
            ),
            (Config::builder().with_purge_after(zero), "purge_after"),
            (
                Config::builder().with_rtt_probe_interval(zero),
                "rtt_probe_interval",
            ),
            (Config::builder().with_max_rtt(zero), "max_rtt"),
            (Config::builder().with_events_backlog(0), "events_backlog"),
            (
                Config::builder().with_announce_jitter(f32::NAN),
                "announce_jitter",
            ),
            (
                Config::builder().with_announce_jitter(1.5),
                "announce_jitter",
            ),
        ];
        for (builder, name) in table {
            let error = builder.build().unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
            assert!(error.is_definite() && !error.is_retryable());
        }
    }
}
