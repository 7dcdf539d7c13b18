//! What Intel signs about platforms, and where it comes from.

use std::{
    collections::HashMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use serde::{Deserialize, Serialize};

use super::{
    hex::{Hex, from_hex},
    quote::Quote,
};

/// Bytes of a file of collateral: several times what there is.
pub const COLLATERAL_BYTES_MAX: usize = 128 * 1024;

/// The statements of Intel that a quote is verified against: security versions, revocations, the quoting enclave.
///
/// Signed, so it may come from anybody. It is about one kind of platform, and valid for about a month; whoever makes
/// a ticket puts it in (see [`CollateralProvider`]), and whoever verifies needs no connection.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collateral {
    pub(super) pck_crl_issuer_chain: String,
    pub(super) root_ca_crl: bytes::Bytes,
    pub(super) pck_crl: bytes::Bytes,
    pub(super) tcb_info_issuer_chain: String,
    pub(super) tcb_info: String,
    pub(super) tcb_info_signature: bytes::Bytes,
    pub(super) qe_identity_issuer_chain: String,
    pub(super) qe_identity: String,
    pub(super) qe_identity_signature: bytes::Bytes,
}

/// Collateral as services give it away: binary fields in hex.
#[derive(Serialize, Deserialize)]
struct Json {
    pck_crl_issuer_chain: String,
    root_ca_crl: String,
    pck_crl: String,
    tcb_info_issuer_chain: String,
    tcb_info: String,
    tcb_info_signature: String,
    qe_identity_issuer_chain: String,
    qe_identity: String,
    qe_identity_signature: String,
}

impl Collateral {
    /// Reads what collateral services and tools write: JSON with the fields of `sgx_ql_qve_collateral_t`, binary ones in
    /// hex. The platform's own certificates, which some put in too, are taken from the quote.
    ///
    /// # Errors
    /// It is over 128 KiB, not JSON, lacks a field, or a binary field is not hex.
    pub fn from_json(json: &[u8]) -> Result<Self, CollateralError> {
        if json.len() > COLLATERAL_BYTES_MAX {
            return Err(CollateralError::TooLarge { bytes: json.len() });
        }
        let json: Json = serde_json::from_slice(json)
            .map_err(|error| CollateralError::Format(error.to_string()))?;
        let binary = |field: &'static str, hex: &str| {
            let bytes = from_hex(hex);
            bytes
                .map(bytes::Bytes::from)
                .ok_or_else(|| CollateralError::Format(format!("{field} is not hex")))
        };
        Ok(Self {
            root_ca_crl: binary("root_ca_crl", &json.root_ca_crl)?,
            pck_crl: binary("pck_crl", &json.pck_crl)?,
            tcb_info_signature: binary("tcb_info_signature", &json.tcb_info_signature)?,
            qe_identity_signature: binary("qe_identity_signature", &json.qe_identity_signature)?,
            pck_crl_issuer_chain: json.pck_crl_issuer_chain,
            tcb_info_issuer_chain: json.tcb_info_issuer_chain,
            tcb_info: json.tcb_info,
            qe_identity_issuer_chain: json.qe_identity_issuer_chain,
            qe_identity: json.qe_identity,
        })
    }

    /// The JSON that [`from_json`](Self::from_json) reads.
    pub fn to_json(&self) -> String {
        let json = Json {
            pck_crl_issuer_chain: self.pck_crl_issuer_chain.clone(),
            root_ca_crl: Hex(&self.root_ca_crl).to_string(),
            pck_crl: Hex(&self.pck_crl).to_string(),
            tcb_info_issuer_chain: self.tcb_info_issuer_chain.clone(),
            tcb_info: self.tcb_info.clone(),
            tcb_info_signature: Hex(&self.tcb_info_signature).to_string(),
            qe_identity_issuer_chain: self.qe_identity_issuer_chain.clone(),
            qe_identity: self.qe_identity.clone(),
            qe_identity_signature: Hex(&self.qe_identity_signature).to_string(),
        };
        serde_json::to_string(&json).expect("invariant: texts can be written as JSON")
    }

    /// The kind of platform that it is about: family, model, stepping and more, as Intel numbers them.
    pub fn fmspc(&self) -> Option<[u8; 6]> {
        #[derive(Deserialize)]
        struct TcbInfo {
            fmspc: String,
        }
        let tcb_info: TcbInfo = serde_json::from_str(&self.tcb_info).ok()?;
        from_hex(&tcb_info.fmspc)?.try_into().ok()
    }
}

impl fmt::Debug for Collateral {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fmspc = self.fmspc().unwrap_or_default();
        write!(f, "Collateral(fmspc {}, ..)", Hex(&fmspc))
    }
}

/// Where collateral for a quote comes from.
///
/// Called on a thread that may wait, never on one that runs tasks. mosaik fetches nothing by itself; implement this for a
/// caching service, or keep a [`CollateralDirectory`] filled.
pub trait CollateralProvider: Send + Sync + 'static {
    /// Collateral for the platform that made the quote; old is better than none, for it is judged by its dates.
    ///
    /// # Errors
    /// There is none, or it cannot be had now.
    fn collateral(&self, quote: &Quote) -> Result<Collateral, CollateralError>;
}

/// The same collateral for every quote: right where all platforms are of one kind.
impl CollateralProvider for Collateral {
    fn collateral(&self, _: &Quote) -> Result<Collateral, CollateralError> {
        Ok(self.clone())
    }
}

/// A directory with a file `<fmspc>.json` for each kind of platform, as in `b0c06f000000.json`.
///
/// A file is read again when it changes, so whatever refreshes it needs to tell nobody.
#[derive(Debug)]
pub struct CollateralDirectory {
    path: PathBuf,
    /// What was read, by name, with the time of its last change. Bounded by the kinds of platforms asked for.
    read: Mutex<HashMap<String, (Option<std::time::SystemTime>, Collateral)>>,
}

/// Kinds of platforms whose collateral is kept in memory: there are some tens.
const KINDS_MAX: usize = 64;

impl CollateralDirectory {
    /// The directory at `path`, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            read: Mutex::default(),
        }
    }

    /// Puts collateral in the directory, in place of what was there for that kind of platform.
    ///
    /// # Errors
    /// It says no kind of platform, or cannot be written.
    pub fn store(&self, collateral: &Collateral) -> Result<(), CollateralError> {
        let fmspc = collateral
            .fmspc()
            .ok_or_else(|| CollateralError::Format("tcb_info names no fmspc".to_owned()))?;
        let target = self.file_of(&fmspc);
        let unfinished = target.with_extension("json.new");
        let write = || {
            fs::create_dir_all(&self.path)?;
            fs::write(&unfinished, collateral.to_json())?;
            fs::rename(&unfinished, &target)
        };
        write().map_err(|error| CollateralError::io(&target, &error))
    }

    fn file_of(&self, fmspc: &[u8; 6]) -> PathBuf {
        self.path.join(format!("{}.json", Hex(fmspc)))
    }
}

impl CollateralProvider for CollateralDirectory {
    fn collateral(&self, quote: &Quote) -> Result<Collateral, CollateralError> {
        let fmspc = super::verify::fmspc_of(quote).ok_or(CollateralError::UnknownPlatform)?;
        let path = self.file_of(&fmspc);
        let meta = fs::metadata(&path).map_err(|error| CollateralError::io(&path, &error))?;
        let changed = meta.modified().ok();
        let name = Hex(&fmspc).to_string();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((when, collateral)) = read.get(&name)
            && *when == changed
        {
            return Ok(collateral.clone());
        }
        let bytes = usize::try_from(meta.len()).unwrap_or(usize::MAX);
        if bytes > COLLATERAL_BYTES_MAX {
            return Err(CollateralError::TooLarge { bytes });
        }
        let json = fs::read(&path).map_err(|error| CollateralError::io(&path, &error))?;
        let collateral = Collateral::from_json(&json)?;
        if read.len() >= KINDS_MAX {
            read.clear();
        }
        read.insert(name, (changed, collateral.clone()));
        Ok(collateral)
    }
}

/// Where all of this process looks for collateral, last.
static PROVIDERS: RwLock<Vec<Arc<dyn CollateralProvider>>> = RwLock::new(Vec::new());

/// Looks here for collateral too, in this whole process: for rules, for the tickets of its nodes, for
/// [`Quote::verify`].
///
/// Can be repeated; the first that has some counts, after those of a rule or a node itself.
pub fn use_collateral(provider: impl CollateralProvider) {
    let mut providers = PROVIDERS.write().unwrap_or_else(PoisonError::into_inner);
    if providers.len() < PROVIDERS_MAX {
        providers.push(Arc::new(provider));
    } else {
        tracing::error!("not one more provider of TDX collateral: {PROVIDERS_MAX} are enough");
    }
}

/// Each is asked in vain for every ticket that carries none: a program names one or two.
const PROVIDERS_MAX: usize = 16;

/// The providers of this process.
pub(crate) fn process_providers() -> Vec<Arc<dyn CollateralProvider>> {
    PROVIDERS
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
}

/// Why there is no collateral.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CollateralError {
    /// It is longer than collateral is.
    #[error("{bytes} bytes are more than collateral has ({COLLATERAL_BYTES_MAX})")]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// It is not written as collateral is.
    #[error("not collateral: {0}")]
    Format(String),
    /// The quote does not say on which kind of platform it was made.
    #[error("the quote does not name the kind of its platform")]
    UnknownPlatform,
    /// It could not be had.
    #[error("{0}")]
    Unavailable(String),
}

impl CollateralError {
    fn io(path: &Path, error: &io::Error) -> Self {
        Self::Unavailable(format!("{}: {error}", path.display()))
    }

    /// Whether trying again can help.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether it is certain that nothing was done: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}
