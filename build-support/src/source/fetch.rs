//! Fetching over HTTP.

use std::io::Read;
use std::time::Duration;

/// Something that opens a URL for reading.
pub trait Fetch {
    /// The body of what `url` names.
    ///
    /// # Errors
    /// When it cannot be had; [`FetchError::retryable`] says whether to try again.
    fn open(&self, url: &str) -> Result<Box<dyn Read + '_>, FetchError>;
}

/// Why a URL gave nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct FetchError {
    /// The server's or the connection's answer.
    pub reason: String,
    /// Whether the same request may succeed a moment later.
    pub retryable: bool,
}

/// The network, by HTTP and HTTPS; proxies as the environment names them.
#[derive(Debug)]
pub struct Http {
    agent: ureq::Agent,
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(60);
/// A gigabyte at a megabyte a second.
const BODY_TIMEOUT: Duration = Duration::from_secs(20 * 60);

impl Default for Http {
    fn default() -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_recv_response(Some(RESPONSE_TIMEOUT))
            .timeout_recv_body(Some(BODY_TIMEOUT))
            .user_agent(concat!("mosaik-build-support/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.new_agent(),
        }
    }
}

impl Fetch for Http {
    fn open(&self, url: &str) -> Result<Box<dyn Read + '_>, FetchError> {
        match self.agent.get(url).call() {
            Ok(response) => Ok(Box::new(response.into_body().into_reader())),
            Err(ureq::Error::StatusCode(status)) => Err(FetchError {
                reason: format!("the server answers {status}"),
                retryable: status >= 500,
            }),
            Err(error) => Err(FetchError {
                reason: error.to_string(),
                retryable: true,
            }),
        }
    }
}
