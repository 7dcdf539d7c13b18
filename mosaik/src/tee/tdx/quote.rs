//! A quote: what the hardware signs about a trust domain, taken apart.
//!
//! Parsing proves nothing: every field is what the bearer says until [`Verifier`](super::Verifier) has looked at it.
//! Formats: Intel's TDX DCAP Quoting Library API, "TD quote structures", version 4 and 5.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::{
    cursor::{Cursor, OutOfBytes},
    hex::Hex,
};

/// Bytes of a quote: what Linux takes from a quoting service, with all its padding.
pub const QUOTE_BYTES_MAX: usize = 32 * 1024;

/// The number of the trust domain's kind in a quote's header.
const TEE_TYPE_TDX: u32 = 0x81;

/// The only kind of attestation key in use: ECDSA on P-256.
const KEY_TYPE_P256: u16 = 2;

/// A quote of a trust domain, version 4 or 5, as its bearer presents it.
#[derive(Clone, PartialEq, Eq)]
pub struct Quote {
    /// What kind of quote it is, and who made it.
    pub header: QuoteHeader,
    /// What is said about the trust domain.
    pub body: QuoteBody,
    /// The signature of header and body by the attestation key: `r` and `s`.
    pub signature: [u8; 64],
    /// The attestation key, a point on P-256: `x` and `y`.
    pub attestation_key: [u8; 64],
    /// What vouches for the attestation key.
    pub certification_data: CertificationData,
    bytes: Vec<u8>,
}

/// The header of a quote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuoteHeader {
    /// The version of the format: 4 or 5.
    pub version: u16,
    /// The kind of the attestation key: 2, ECDSA on P-256.
    pub attestation_key_type: u16,
    /// The kind of environment: 0x81, a trust domain.
    pub tee_type: u32,
    /// Reserved; in older formats a security version.
    pub reserved1: [u8; 2],
    /// Reserved; in older formats a security version.
    pub reserved2: [u8; 2],
    /// Whose quoting enclave made it.
    pub qe_vendor_id: [u8; 16],
    /// Data of the quoting enclave's own.
    pub user_data: [u8; 20],
}

/// What a quote says about a trust domain.
#[derive(Clone, PartialEq, Eq)]
pub struct QuoteBody {
    /// The version of TDX that the body is written for.
    pub tdx_version: TdxVersion,
    /// The security versions of the platform when the domain was launched.
    pub tee_tcb_svn: [u8; 16],
    /// The measurement of the TDX module.
    pub mrseam: [u8; 48],
    /// Who signed the TDX module; zero for Intel's own.
    pub mrsignerseam: [u8; 48],
    /// Attributes of the TDX module.
    pub seamattributes: [u8; 8],
    /// Attributes of the trust domain, little-endian; bit 0 is DEBUG.
    pub tdattributes: [u8; 8],
    /// The processor features that the domain may use.
    pub xfam: [u8; 8],
    /// The measurement of the initial memory: the firmware.
    pub mrtd: [u8; 48],
    /// An id of the configuration, set by the host.
    pub mrconfigid: [u8; 48],
    /// An id of the owner, set by the host.
    pub mrowner: [u8; 48],
    /// An id of the owner's configuration, set by the host.
    pub mrownerconfig: [u8; 48],
    /// Firmware configuration and the host's tables.
    pub rtmr0: [u8; 48],
    /// The kernel, as the firmware loads it.
    pub rtmr1: [u8; 48],
    /// The command line and the initial file system, as the kernel finds them.
    pub rtmr2: [u8; 48],
    /// For the program's own use; zero at boot.
    pub rtmr3: [u8; 48],
    /// What the domain asked to have signed.
    pub reportdata: [u8; 64],
    /// The security versions of the platform when the quote was made; TDX 1.5 and later.
    pub tee_tcb_svn_2: Option<[u8; 16]>,
    /// The measurement of service domains; TDX 1.5 and later.
    pub mrservicetd: Option<[u8; 48]>,
}

/// The layout of a quote's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TdxVersion {
    /// TDX 1.0.
    V1_0,
    /// TDX 1.5.
    V1_5,
    /// TDX 1.5 with the extensions for partitioned and migrated domains.
    V1_5Ex,
}

/// What vouches for an attestation key.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificationData {
    /// A report of the quoting enclave over the key, and what vouches for that report.
    QeReport(Box<QeReport>),
    /// Something that no verifier here accepts, as it stands: its kind, and its bytes.
    Other {
        /// The number of the kind.
        kind: u16,
        /// As many bytes as the quote says.
        data: Vec<u8>,
    },
}

/// A quoting enclave's report over an attestation key.
#[derive(Clone, PartialEq, Eq)]
pub struct QeReport {
    /// The report of the enclave.
    pub report: [u8; 384],
    /// Its signature by the platform's certified key: `r` and `s`.
    pub signature: [u8; 64],
    /// What is hashed with the key into the report.
    pub authentication_data: Vec<u8>,
    /// The kind of `certificates`: 5 is a chain in PEM.
    pub certificates_kind: u16,
    /// The certificates of the platform.
    pub certificates: Vec<u8>,
}

impl Quote {
    /// Takes a quote apart. Zeros after its end are ignored: some platforms pad.
    ///
    /// # Errors
    /// It is not a quote of a trust domain in version 4 or 5, or has over 32 KiB.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, QuoteParseError> {
        if bytes.len() > QUOTE_BYTES_MAX {
            return Err(QuoteParseError::TooLarge { bytes: bytes.len() });
        }
        let mut cursor = Cursor::new(bytes);
        let header = QuoteHeader::parse(&mut cursor)?;
        let version = match header.version {
            4 => TdxVersion::V1_0,
            _ => {
                let (kind, size) = (cursor.u16()?, cursor.u32()?);
                let version = match kind {
                    2 => TdxVersion::V1_0,
                    3 => TdxVersion::V1_5,
                    4 => TdxVersion::V1_5Ex,
                    kind => return Err(QuoteParseError::Body { kind }),
                };
                if size as usize != version.body_bytes() {
                    return Err(QuoteParseError::Body { kind });
                }
                version
            }
        };
        let body = QuoteBody::parse(
            version,
            &mut Cursor::new(cursor.take(version.body_bytes())?),
        )?;
        let length = cursor.u32()? as usize;
        let mut signed = Cursor::new(cursor.take(length)?);
        let end = cursor.position();
        if cursor.rest().iter().any(|byte| *byte != 0) {
            return Err(QuoteParseError::TrailingBytes { after: end });
        }
        let signature = signed.array()?;
        let attestation_key = signed.array()?;
        let certification_data = CertificationData::parse(&mut signed)?;
        signed.end(end)?;
        Ok(Self {
            header,
            body,
            signature,
            attestation_key,
            certification_data,
            bytes: bytes[..end].to_vec(),
        })
    }

    /// The quote as it was made, without padding.
    pub const fn as_bytes(&self) -> &[u8] {
        self.bytes.as_slice()
    }

    /// What the domain asked to have signed.
    pub const fn report_input_data(&self) -> [u8; 64] {
        self.body.reportdata
    }

    /// The measurement of the initial memory: the firmware.
    pub const fn mrtd(&self) -> [u8; 48] {
        self.body.mrtd
    }

    /// Firmware configuration and the host's tables.
    pub const fn rtmr0(&self) -> [u8; 48] {
        self.body.rtmr0
    }

    /// The kernel, as the firmware loads it.
    pub const fn rtmr1(&self) -> [u8; 48] {
        self.body.rtmr1
    }

    /// The command line and the initial file system, as the kernel finds them.
    pub const fn rtmr2(&self) -> [u8; 48] {
        self.body.rtmr2
    }

    /// For the program's own use; zero at boot.
    pub const fn rtmr3(&self) -> [u8; 48] {
        self.body.rtmr3
    }

    /// Whether the host may look into the domain's memory: then nothing in it is secret or safe.
    pub const fn is_debug(&self) -> bool {
        self.body.tdattributes[0] & 1 != 0
    }

    /// The certificates of the platform, in PEM, the platform's own first.
    ///
    /// # Errors
    /// [`QuoteParseError::NoCertificates`] when the quote carries none, or in another form.
    pub fn pck_cert_chain(&self) -> Result<Vec<u8>, QuoteParseError> {
        match &self.certification_data {
            CertificationData::QeReport(report) if report.certificates_kind == PEM_CHAIN => {
                Ok(report.certificates.clone())
            }
            _ => Err(QuoteParseError::NoCertificates),
        }
    }

    /// The quoting enclave's report over the attestation key, if the quote carries it.
    pub fn qe_report_certification_data(&self) -> Option<&QeReport> {
        match &self.certification_data {
            CertificationData::QeReport(report) => Some(report),
            CertificationData::Other { .. } => None,
        }
    }

    /// Whether the enclave's report is over this attestation key. Says nothing about who made the report.
    pub fn key_is_in_report(&self) -> bool {
        self.qe_report_certification_data().is_some_and(|report| {
            let hash = Sha256::new()
                .chain_update(self.attestation_key)
                .chain_update(&report.authentication_data)
                .finalize();
            // The last 64 bytes of an enclave's report are its data.
            report.report[320..352] == hash[..]
        })
    }
}

impl fmt::Debug for Quote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Quote")
            .field("version", &self.header.version)
            .field("body", &self.body)
            .field("len", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

impl QuoteHeader {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, QuoteParseError> {
        let header = Self {
            version: cursor.u16()?,
            attestation_key_type: cursor.u16()?,
            tee_type: cursor.u32()?,
            reserved1: cursor.array()?,
            reserved2: cursor.array()?,
            qe_vendor_id: cursor.array()?,
            user_data: cursor.array()?,
        };
        match header {
            Self { version, .. } if !(4..=5).contains(&version) => {
                Err(QuoteParseError::Version { version })
            }
            Self { tee_type, .. } if tee_type != TEE_TYPE_TDX => {
                Err(QuoteParseError::NotTdx { tee_type })
            }
            Self {
                attestation_key_type: kind,
                ..
            } if kind != KEY_TYPE_P256 => Err(QuoteParseError::KeyType { kind }),
            header => Ok(header),
        }
    }
}

impl QuoteBody {
    fn parse(tdx_version: TdxVersion, cursor: &mut Cursor<'_>) -> Result<Self, QuoteParseError> {
        let mut body = Self {
            tdx_version,
            tee_tcb_svn: cursor.array()?,
            mrseam: cursor.array()?,
            mrsignerseam: cursor.array()?,
            seamattributes: cursor.array()?,
            tdattributes: cursor.array()?,
            xfam: cursor.array()?,
            mrtd: cursor.array()?,
            mrconfigid: cursor.array()?,
            mrowner: cursor.array()?,
            mrownerconfig: cursor.array()?,
            rtmr0: cursor.array()?,
            rtmr1: cursor.array()?,
            rtmr2: cursor.array()?,
            rtmr3: cursor.array()?,
            reportdata: cursor.array()?,
            tee_tcb_svn_2: None,
            mrservicetd: None,
        };
        if tdx_version > TdxVersion::V1_0 {
            body.tee_tcb_svn_2 = Some(cursor.array()?);
            body.mrservicetd = Some(cursor.array()?);
        }
        Ok(body)
    }
}

impl fmt::Debug for QuoteBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QuoteBody")
            .field("tdx_version", &self.tdx_version)
            .field("tdattributes", &Hex(&self.tdattributes))
            .field("mrtd", &Hex(&self.mrtd))
            .field("rtmr0", &Hex(&self.rtmr0))
            .field("rtmr1", &Hex(&self.rtmr1))
            .field("rtmr2", &Hex(&self.rtmr2))
            .field("rtmr3", &Hex(&self.rtmr3))
            .field("reportdata", &Hex(&self.reportdata))
            .finish_non_exhaustive()
    }
}

impl TdxVersion {
    const fn body_bytes(self) -> usize {
        match self {
            Self::V1_0 => 584,
            Self::V1_5 => 648,
            Self::V1_5Ex => 885,
        }
    }
}

impl CertificationData {
    fn parse(cursor: &mut Cursor<'_>) -> Result<Self, QuoteParseError> {
        let kind = cursor.u16()?;
        let length = cursor.u32()? as usize;
        let data = cursor.take(length)?;
        if kind != QE_REPORT {
            return Ok(Self::Other {
                kind,
                data: data.to_vec(),
            });
        }
        let mut cursor = Cursor::new(data);
        let (report, signature) = (cursor.array()?, cursor.array()?);
        let length = cursor.u16()?;
        let authentication_data = cursor.take(length.into())?.to_vec();
        let certificates_kind = cursor.u16()?;
        let length = cursor.u32()? as usize;
        let certificates = cursor.take(length)?.to_vec();
        cursor.end(cursor.position())?;
        Ok(Self::QeReport(Box::new(QeReport {
            report,
            signature,
            authentication_data,
            certificates_kind,
            certificates,
        })))
    }
}

impl fmt::Debug for CertificationData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QeReport(report) => f.debug_tuple("QeReport").field(report).finish(),
            Self::Other { kind, data } => write!(f, "Other({kind}, {} B)", data.len()),
        }
    }
}

impl fmt::Debug for QeReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QeReport")
            .field("certificates_kind", &self.certificates_kind)
            .field("certificates_bytes", &self.certificates.len())
            .finish_non_exhaustive()
    }
}

/// Certification data that is a report of the quoting enclave.
const QE_REPORT: u16 = 6;

/// Certification data that is a chain of certificates in PEM.
const PEM_CHAIN: u16 = 5;

/// Bytes that are not a quote of a trust domain.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuoteParseError {
    /// It is longer than any quote.
    #[error("{bytes} bytes are more than a quote has ({QUOTE_BYTES_MAX})")]
    TooLarge {
        /// How long it is.
        bytes: usize,
    },
    /// It ends in the middle.
    #[error("the quote ends after {0} bytes, in the middle of a field")]
    Truncated(usize),
    /// It is written in another format.
    #[error("quotes of version {version} are not supported, only 4 and 5")]
    Version {
        /// The version that it says.
        version: u16,
    },
    /// It is about something else than a trust domain.
    #[error("it is a quote of environment {tee_type:#x}, not of a trust domain (0x81)")]
    NotTdx {
        /// The number of the environment.
        tee_type: u32,
    },
    /// Its key is of a kind that is not in use.
    #[error("attestation keys of kind {kind} are not supported, only ECDSA on P-256 (2)")]
    KeyType {
        /// The number of the kind.
        kind: u16,
    },
    /// Its body is of an unknown kind, or not as long as its kind.
    #[error("the body is not of a kind that is known, with the length of its kind (kind {kind})")]
    Body {
        /// The number of the kind.
        kind: u16,
    },
    /// Something other than padding comes after its end, or anything after the end of a part.
    #[error("bytes that belong to nothing follow at {after}")]
    TrailingBytes {
        /// Where the quote, or the part, ends.
        after: usize,
    },
    /// It carries no certificates, or not as a chain in PEM.
    #[error("the quote carries no chain of certificates")]
    NoCertificates,
}

impl QuoteParseError {
    /// Whether the same bytes may be a quote later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether it is certain that nothing was done: always.
    pub const fn is_definite(&self) -> bool {
        true
    }
}

impl Cursor<'_> {
    /// Nothing is left: what nobody reads, nobody has verified.
    fn end(&self, after: usize) -> Result<(), QuoteParseError> {
        match self.rest() {
            [] => Ok(()),
            _ => Err(QuoteParseError::TrailingBytes { after }),
        }
    }
}

impl From<OutOfBytes> for QuoteParseError {
    fn from(end: OutOfBytes) -> Self {
        Self::Truncated(end.length)
    }
}
