//! Settings of groups, and of the consensus inside one.

use core::time::Duration;

use serde::{Deserialize, Serialize};

use super::flaws::Flaws;
use crate::primitives::{Digest, config_builder_error};

/// Settings that all groups of a network share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// How long the two ends of a new bond have to introduce themselves. Default: 2 s.
    pub handshake_timeout: Duration,
    /// Mistakes on purpose.
    pub(in crate::groups) flaws: Flaws,
}

impl Config {
    /// A builder with the defaults.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            handshake_timeout: Duration::from_secs(2),
            flaws: Flaws::default(),
        }
    }
}

/// Builds a [`Config`].
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct ConfigBuilder(Config);

impl ConfigBuilder {
    /// How long the two ends of a new bond have to introduce themselves.
    #[must_use]
    pub fn with_handshake_timeout(mut self, handshake_timeout: Duration) -> Self {
        self.0.handshake_timeout = handshake_timeout;
        self
    }

    /// Builds a mistake in, which a test has to find.
    #[cfg(feature = "test-util")]
    #[must_use]
    pub const fn with_flaw(mut self, flaw: super::Flaw) -> Self {
        self.0.flaws = Flaws::only(flaw);
        self
    }

    /// The settings.
    ///
    /// # Errors
    /// A timeout of nothing.
    pub fn build(self) -> Result<Config, ConfigBuilderError> {
        if self.0.handshake_timeout.is_zero() {
            return Err(ConfigBuilderError::ValidationError(
                "`handshake_timeout` must be more than zero".to_owned(),
            ));
        }
        Ok(self.0)
    }
}

config_builder_error!();

/// Why settings of the consensus could not be built.
pub type ConsensusConfigBuilderError = ConfigBuilderError;

/// How fast the members of a group notice, elect and give up.
///
/// The first three settings are part of the group's id: members must agree on them, to the millisecond. In the
/// others they may differ.
///
/// ```
/// use mosaik::groups::ConsensusConfig;
/// use std::time::Duration;
///
/// let patient = ConsensusConfig::builder()
///     .with_election_timeout(Duration::from_secs(2))
///     .build()?;
/// assert_eq!(patient.heartbeat_interval, Duration::from_millis(100));
/// # Ok::<(), mosaik::groups::ConsensusConfigBuilderError>(())
/// ```
#[derive(Debug, Clone, Hash, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsensusConfig {
    /// How often a leader and the two ends of a bond give a sign of life. Default: 100 ms.
    pub heartbeat_interval: Duration,
    /// A sign of life comes up to this much earlier, at random. Default: 20 ms.
    pub heartbeat_jitter: Duration,
    /// A bond without a sign of life for this many intervals is dead. Default: 50.
    pub max_missed_heartbeats: u32,
    /// How long a member hears nothing of a leader before it wants to lead. Default: 600 ms.
    pub election_timeout: Duration,
    /// Up to this much is added to the timeout, at random. Default: 300 ms.
    pub election_timeout_jitter: Duration,
    /// How long a member without a history looks for one before it founds one, at most. Default: 3 s.
    pub bootstrap_delay: Duration,
    /// How long a command may stay without an outcome before it is sent again. Default: 2 s.
    pub forward_timeout: Duration,
    /// How long a strong query waits for the leader. Default: 2 s.
    pub query_timeout: Duration,
}

impl ConsensusConfig {
    /// A builder with the defaults.
    pub fn builder() -> ConsensusConfigBuilder {
        ConsensusConfigBuilder::default()
    }

    /// What takes part in a group's id.
    pub(in crate::groups) fn digest(&self) -> Digest {
        Digest::from_parts(&[
            self.heartbeat_interval.as_millis().to_le_bytes(),
            self.heartbeat_jitter.as_millis().to_le_bytes(),
            u128::from(self.max_missed_heartbeats).to_le_bytes(),
        ])
    }

    /// The same settings, each moved to where it works: for settings that no builder has checked.
    #[must_use]
    pub(in crate::groups) fn sane(mut self) -> Self {
        self.heartbeat_interval = self.heartbeat_interval.max(HEARTBEAT_MIN);
        self.heartbeat_jitter = self.heartbeat_jitter.min(self.heartbeat_interval / 2);
        self.max_missed_heartbeats = self.max_missed_heartbeats.max(2);
        self.election_timeout = self
            .election_timeout
            .max(self.heartbeat_interval * ELECTION_HEARTBEATS_MIN);
        self.forward_timeout = self.forward_timeout.max(HEARTBEAT_MIN);
        self.query_timeout = self.query_timeout.max(HEARTBEAT_MIN);
        self
    }

    fn check(&self) -> Result<(), ConfigBuilderError> {
        let refuse = |text: &str| Err(ConfigBuilderError::ValidationError(text.to_owned()));
        if self.heartbeat_interval < HEARTBEAT_MIN {
            return refuse("`heartbeat_interval` must be at least 1 ms");
        }
        if self.heartbeat_jitter > self.heartbeat_interval / 2 {
            return refuse("`heartbeat_jitter` must be at most half of `heartbeat_interval`");
        }
        if self.max_missed_heartbeats < 2 {
            return refuse("`max_missed_heartbeats` must be at least 2");
        }
        if self.election_timeout < self.heartbeat_interval * ELECTION_HEARTBEATS_MIN {
            return refuse("`election_timeout` must be at least 3 times `heartbeat_interval`");
        }
        if self.forward_timeout < HEARTBEAT_MIN {
            return refuse("`forward_timeout` must be at least 1 ms");
        }
        if self.query_timeout < HEARTBEAT_MIN {
            return refuse("`query_timeout` must be at least 1 ms");
        }
        Ok(())
    }
}

impl Default for ConsensusConfig {
    fn default() -> Self {
        Self {
            heartbeat_interval: Duration::from_millis(100),
            heartbeat_jitter: Duration::from_millis(20),
            max_missed_heartbeats: 50,
            election_timeout: Duration::from_millis(600),
            election_timeout_jitter: Duration::from_millis(300),
            bootstrap_delay: Duration::from_secs(3),
            forward_timeout: Duration::from_secs(2),
            query_timeout: Duration::from_secs(2),
        }
    }
}

/// Builds a [`ConsensusConfig`].
#[doc(hidden)]
#[derive(Debug, Clone, Default)]
pub struct ConsensusConfigBuilder(ConsensusConfig);

macro_rules! setters {
    ($($setter:ident, $field:ident: $type:ty, $doc:literal;)+) => {$(
        #[doc = $doc]
        #[must_use]
        pub fn $setter(mut self, $field: $type) -> Self {
            self.0.$field = $field;
            self
        }
    )+};
}

impl ConsensusConfigBuilder {
    setters! {
        with_heartbeat_interval, heartbeat_interval: Duration, "How often a sign of life is given.";
        with_heartbeat_jitter, heartbeat_jitter: Duration, "How much earlier one may come.";
        with_max_missed_heartbeats, max_missed_heartbeats: u32, "How many may be missing.";
        with_election_timeout, election_timeout: Duration, "How long to wait for a leader.";
        with_election_timeout_jitter, election_timeout_jitter: Duration, "How much is added to it.";
        with_bootstrap_delay, bootstrap_delay: Duration, "How long to look for a history.";
        with_forward_timeout, forward_timeout: Duration, "When a command is sent again.";
        with_query_timeout, query_timeout: Duration, "How long a strong query waits.";
    }

    /// The settings.
    ///
    /// # Errors
    /// [`ConfigBuilderError::ValidationError`] when the settings cannot work together.
    pub fn build(self) -> Result<ConsensusConfig, ConsensusConfigBuilderError> {
        self.0.check()?;
        Ok(self.0)
    }
}

/// Shorter is not measured in the group's id.
const HEARTBEAT_MIN: Duration = Duration::from_millis(1);

/// Two heartbeats may be lost or late before anybody wants to lead.
const ELECTION_HEARTBEATS_MIN: u32 = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn defaults_work() {
        assert_eq!(
            ConsensusConfig::builder().build(),
            Ok(ConsensusConfig::default())
        );
        assert_eq!(Config::builder().build(), Ok(Config::default()));
        let defaults = ConsensusConfig::default();
        assert_eq!(defaults.clone().sane(), defaults);
    }

    #[test]
    fn what_cannot_work_is_refused_and_repaired() {
        let builder = ConsensusConfig::builder;
        for (name, builder) in [
            ("no interval", builder().with_heartbeat_interval(ms(0))),
            ("jitter", builder().with_heartbeat_jitter(ms(51))),
            ("no misses", builder().with_max_missed_heartbeats(1)),
            ("elections", builder().with_election_timeout(ms(299))),
            ("forward", builder().with_forward_timeout(ms(0))),
            ("query", builder().with_query_timeout(ms(0))),
        ] {
            let unchecked = builder.0.clone();
            let error = builder.build().expect_err(name);
            assert!(!error.is_retryable() && error.is_definite(), "{error}");
            assert_eq!(unchecked.sane().check(), Ok(()), "{name}");
        }
        assert!(
            Config::builder()
                .with_handshake_timeout(ms(0))
                .build()
                .is_err()
        );
    }

    #[test]
    fn no_jitter_is_fine() {
        let config = ConsensusConfig::builder()
            .with_heartbeat_jitter(ms(0))
            .with_election_timeout_jitter(ms(0));
        assert!(config.build().is_ok());
    }

    #[test]
    fn three_settings_are_identity() {
        let builder = ConsensusConfig::builder;
        let digest = |builder: ConsensusConfigBuilder| builder.build().unwrap().digest();
        let default = digest(builder());
        assert_eq!(default, digest(builder().with_election_timeout(ms(900))));
        assert_eq!(default, digest(builder().with_bootstrap_delay(ms(1))));
        assert_ne!(default, digest(builder().with_heartbeat_interval(ms(101))));
        assert_ne!(default, digest(builder().with_heartbeat_jitter(ms(21))));
        assert_ne!(default, digest(builder().with_max_missed_heartbeats(51)));
    }
}
