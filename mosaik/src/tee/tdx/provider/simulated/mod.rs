//! A platform made of software: quotes that everybody can make, under a root that no rule trusts unless told to.
//!
//! It has the same parts as the real thing (root, platform certificate, quoting enclave, statements about security
//! versions, revocation lists), and its quotes go through the same verification. The keys follow from texts in this file:
//! they prove nothing, on purpose.

mod certificates;
mod der;

use std::{borrow::Cow, sync::LazyLock};

use p256::ecdsa::{Signature, SigningKey, signature::Signer as _};
use sha2::{Digest as _, Sha256};

use certificates::{Authority, pem};

use super::{QuoteError, QuoteProvider};
use crate::tee::tdx::{Collateral, CollateralError, Measurements, Quote, Verifier};

/// Makes quotes that say whatever registers it was given.
///
/// Only a rule with [`Tdx::danger_trust_simulated`](crate::tdx::Tdx::danger_trust_simulated) lets in a peer by such a quote.
///
/// ```
/// use mosaik::tdx::{Measurement, Measurements, QuoteProvider, SimulatedPlatform};
///
/// let register = |byte| Measurement::new([byte; 48]);
/// let registers = Measurements::new(register(1), [register(2), register(3), register(4), register(0)]);
/// let platform = SimulatedPlatform::new(registers.clone());
/// assert_eq!(platform.measurements(), Ok(registers));
/// ```
#[derive(Debug, Clone)]
pub struct SimulatedPlatform {
    measurements: Measurements,
    attributes: [u8; 8],
}

impl SimulatedPlatform {
    /// A platform whose registers are these.
    pub const fn new(measurements: Measurements) -> Self {
        Self {
            measurements,
            attributes: SEPT_VE_DISABLE,
        }
    }

    /// The same as a domain that is open for debugging, which every rule refuses.
    #[must_use]
    pub const fn debug(mut self) -> Self {
        self.attributes[0] |= 1;
        self
    }

    fn body(&self, report_data: &[u8; 64]) -> Vec<u8> {
        let mut body = Vec::with_capacity(584);
        // Security versions, and the module with its signer and attributes: all zero, as the statements below expect.
        body.extend_from_slice(&[0; 16 + 48 + 48 + 8]);
        body.extend_from_slice(&self.attributes);
        body.extend_from_slice(&[0; 8]);
        body.extend_from_slice(self.measurements.mrtd().as_bytes());
        body.extend_from_slice(&[0; 3 * 48]);
        for index in 0..4 {
            body.extend_from_slice(self.measurements.rtmr(index).as_bytes());
        }
        body.extend_from_slice(report_data);
        body
    }
}

/// The attribute that every domain has to have: faults in its page tables are not delivered to it.
const SEPT_VE_DISABLE: [u8; 8] = [0, 0, 0, 0x10, 0, 0, 0, 0];

impl QuoteProvider for SimulatedPlatform {
    fn quote(&self, report_data: &[u8; 64]) -> Result<Vec<u8>, QuoteError> {
        let key = &PLATFORM.attestation_key;
        let mut quote = header();
        quote.extend(self.body(report_data));
        let signature = sign(key, &quote);

        let public = public_key(key);
        let report = qe_report(&public);
        let mut vouched = Vec::new();
        vouched.extend_from_slice(&report);
        vouched.extend_from_slice(&sign(&PLATFORM.pck_key, &report));
        push_sized(&mut vouched, 2, &AUTHENTICATION_DATA);
        vouched.extend_from_slice(&5_u16.to_le_bytes());
        push_sized(&mut vouched, 4, PLATFORM.pck_chain.as_bytes());

        let mut signed = Vec::new();
        signed.extend_from_slice(&signature);
        signed.extend_from_slice(&public);
        signed.extend_from_slice(&6_u16.to_le_bytes());
        push_sized(&mut signed, 4, &vouched);
        push_sized(&mut quote, 4, &signed);
        Ok(quote)
    }

    fn measurements(&self) -> Result<Measurements, QuoteError> {
        Ok(self.measurements.clone())
    }

    fn is_available(&self) -> bool {
        true
    }

    fn collateral(&self, _: &Quote) -> Result<Collateral, CollateralError> {
        Ok(PLATFORM.collateral.clone())
    }
}

/// Trusts the simulated root, and not Intel's.
pub(in crate::tee::tdx) fn simulated_verifier() -> Verifier {
    Verifier::with_root(Cow::Borrowed(&PLATFORM.root))
}

/// The parts that all simulated platforms share, made once.
static PLATFORM: LazyLock<Shared> = LazyLock::new(Shared::new);

struct Shared {
    root: Vec<u8>,
    pck_key: SigningKey,
    pck_chain: String,
    attestation_key: SigningKey,
    collateral: Collateral,
}

impl Shared {
    fn new() -> Self {
        let root = Authority::new("mosaik simulated root, proves nothing", key("root"));
        let pck_key = key("platform");
        let pck = root.issue(
            2,
            "mosaik simulated platform",
            &pck_key,
            Some(sgx_extension()),
        );
        let statements_key = key("statements");
        let signer = root.issue(3, "mosaik simulated statements", &statements_key, None);
        let revocations = root.revocations();
        let root_pem = pem(root.certificate());
        let chain = format!("{}{root_pem}", pem(&signer));
        let signed = |text: &str| sign(&statements_key, text.as_bytes()).to_vec().into();
        let (tcb_info, qe_identity) = (tcb_info(), qe_identity());
        let collateral = Collateral {
            pck_crl_issuer_chain: root_pem.clone(),
            root_ca_crl: revocations.clone().into(),
            pck_crl: revocations.into(),
            tcb_info_issuer_chain: chain.clone(),
            tcb_info_signature: signed(&tcb_info),
            tcb_info,
            qe_identity_issuer_chain: chain,
            qe_identity_signature: signed(&qe_identity),
            qe_identity,
        };
        Self {
            root: root.certificate().to_vec(),
            pck_chain: format!("{}{root_pem}", pem(&pck)),
            pck_key,
            attestation_key: key("attestation"),
            collateral,
        }
    }
}

fn key(name: &str) -> SigningKey {
    let scalar = Sha256::digest(format!("mosaik simulated TDX platform: {name}"));
    SigningKey::from_slice(&scalar).expect("invariant: a hash is a key, but for one in 2^32 texts")
}

fn sign(key: &SigningKey, message: &[u8]) -> [u8; 64] {
    let signature: Signature = key.sign(message);
    signature.to_bytes().into()
}

/// The two coordinates of a key's point.
fn public_key(key: &SigningKey) -> [u8; 64] {
    let point = key.verifying_key().to_sec1_point(false);
    let mut coordinates = [0; 64];
    coordinates.copy_from_slice(&point.as_bytes()[1..]);
    coordinates
}

fn header() -> Vec<u8> {
    let mut header = Vec::with_capacity(48);
    header.extend_from_slice(&4_u16.to_le_bytes());
    header.extend_from_slice(&2_u16.to_le_bytes());
    header.extend_from_slice(&0x81_u32.to_le_bytes());
    header.extend_from_slice(&[0; 4]);
    header.extend_from_slice(&INTEL);
    header.extend_from_slice(&[0; 20]);
    header
}

/// The vendor of quoting enclaves that verifiers look for.
const INTEL: [u8; 16] = [
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
];

/// What is hashed with the attestation key into the enclave's report.
const AUTHENTICATION_DATA: [u8; 32] = [0; 32];

/// The report of a quoting enclave over an attestation key: only what verifiers look at is not zero.
fn qe_report(attestation_key: &[u8; 64]) -> [u8; 384] {
    let hash = Sha256::new()
        .chain_update(attestation_key)
        .chain_update(AUTHENTICATION_DATA)
        .finalize();
    let mut report = [0; 384];
    report[128..160].copy_from_slice(&ENCLAVE_SIGNER);
    report[256..258].copy_from_slice(&2_u16.to_le_bytes());
    report[258..260].copy_from_slice(&1_u16.to_le_bytes());
    report[320..352].copy_from_slice(&hash);
    report
}

const ENCLAVE_SIGNER: [u8; 32] = [0x5a; 32];

/// The family of the platform, which no real one has.
const FMSPC: [u8; 6] = [0xff; 6];

/// The platform's certificate says these of it, in Intel's extension.
fn sgx_extension() -> Vec<u8> {
    use der::{enumerated, integer, octets, oid, sequence};
    const BASE: [u64; 6] = [1, 2, 840, 113_741, 1, 13];
    let entry =
        |suffix: &[u64], value: Vec<u8>| sequence(&[oid(&[&BASE[..], suffix].concat()), value]);
    let tcb = sequence(&[
        entry(&[1, 2, 17], integer(&[0])),
        entry(&[1, 2, 18], octets(&[0; 16])),
    ]);
    sequence(&[
        entry(&[1, 1], octets(&[0; 16])),
        entry(&[1, 2], tcb),
        entry(&[1, 3], octets(&[0; 2])),
        entry(&[1, 4], octets(&FMSPC)),
        entry(&[1, 5], enumerated(0)),
    ])
}

/// What a statement about this platform says: every security version is good enough.
fn tcb_info() -> String {
    let components = vec![r#"{"svn":0}"#; 16].join(",");
    let zeros = "0".repeat(96);
    format!(
        r#"{{"id":"TDX","version":3,"issueDate":"{ISSUED}","nextUpdate":"{NEXT}","fmspc":"FFFFFFFFFFFF","pceId":"0000","tcbType":0,"tcbEvaluationDataNumber":1,"tdxModule":{{"mrsigner":"{zeros}","attributes":"0000000000000000","attributesMask":"FFFFFFFFFFFFFFFF"}},"tcbLevels":[{{"tcb":{{"sgxtcbcomponents":[{components}],"pcesvn":0,"tdxtcbcomponents":[{components}]}},"tcbDate":"{ISSUED}","tcbStatus":"UpToDate"}}]}}"#
    )
}

/// What a statement about the quoting enclave says.
fn qe_identity() -> String {
    let signer = "5A".repeat(32);
    format!(
        r#"{{"id":"TD_QE","version":2,"issueDate":"{ISSUED}","nextUpdate":"{NEXT}","tcbEvaluationDataNumber":1,"miscselect":"00000000","miscselectMask":"FFFFFFFF","attributes":"00000000000000000000000000000000","attributesMask":"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF","mrsigner":"{signer}","isvprodid":2,"tcbLevels":[{{"tcb":{{"isvsvn":1}},"tcbDate":"{ISSUED}","tcbStatus":"UpToDate"}}]}}"#
    )
}

/// Before everything that uses it; and the last year that certificates write with two digits.
const ISSUED: &str = "2020-01-01T00:00:00Z";
const NEXT: &str = "2049-12-31T00:00:00Z";

/// Bytes with their number before them, in `width` bytes.
fn push_sized(output: &mut Vec<u8>, width: usize, bytes: &[u8]) {
    output.extend_from_slice(&(bytes.len() as u64).to_le_bytes()[..width]);
    output.extend_from_slice(bytes);
}
