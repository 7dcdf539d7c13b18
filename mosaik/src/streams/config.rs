//! Settings of the streams of a network.

use {
    crate::primitives::{
        backoff::{Backoff, BackoffFactory, ExponentialBackoff},
        config_builder_error,
    },
    std::{fmt, sync::Arc, time::Duration},
};

/// Settings that all streams of a network share.
#[derive(Clone)]
pub struct Config {
    /// Makes the policy by which a consumer repeats attempts to reach a producer.
    pub backoff: BackoffFactory,
}

impl Config {
    /// A builder with the defaults.
    pub fn builder() -> ConfigBuilder {
        ConfigBuilder::default()
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("backoff", &"<factory>")
            .finish()
    }
}

/// Builds a [`Config`].
#[doc(hidden)]
#[derive(Clone, Default)]
pub struct ConfigBuilder {
    backoff: Option<BackoffFactory>,
}

impl ConfigBuilder {
    /// The policy by which consumers repeat attempts; each producer gets a fresh copy.
    #[must_use]
    pub fn with_backoff<B: Backoff + Clone + Send + Sync + 'static>(mut self, backoff: B) -> Self {
        self.backoff = Some(factory(backoff));
        self
    }

    /// The settings.
    ///
    /// # Errors
    /// None today: every setting has a default.
    pub fn build(self) -> Result<Config, ConfigBuilderError> {
        Ok(Config {
            backoff: self.backoff.unwrap_or_else(default_backoff),
        })
    }
}

impl fmt::Debug for ConfigBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigBuilder")
            .field("backoff", &self.backoff.is_some())
            .finish()
    }
}

config_builder_error!();

/// A factory that copies the policy and starts the copy anew.
pub(crate) fn factory<B: Backoff + Clone + Send + Sync + 'static>(backoff: B) -> BackoffFactory {
    Arc::new(move || {
        let mut fresh = backoff.clone();
        fresh.reset();
        Box::new(fresh)
    })
}

fn default_backoff() -> BackoffFactory {
    factory(ExponentialBackoff {
        max_elapsed_time: Some(GIVE_UP_AFTER),
        ..ExponentialBackoff::default()
    })
}

/// A consumer gives an unreachable producer up after this long, until the producer's entry changes.
const GIVE_UP_AFTER: Duration = Duration::from_secs(300);
