//! Certificates and revocation lists (RFC 5280), as small as verifiers take them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::ecdsa::SigningKey;

use super::{
    der::{bits, boolean, integer, octets, oid, sequence, set, tagged, utc_time, utf8},
    public_key, sign,
};

/// Who issues certificates.
pub(super) struct Authority {
    name: Vec<u8>,
    key: SigningKey,
    certificate: Vec<u8>,
}

impl Authority {
    /// An authority that vouches for itself.
    pub(super) fn new(common_name: &str, key: SigningKey) -> Self {
        let name = name(common_name);
        let is_authority = sequence(&[boolean(true)]);
        // Signs certificates and revocation lists.
        let usage = bits(1, &[0b0000_0110]);
        let extensions = [
            extension(&[2, 5, 29, 19], true, &is_authority),
            extension(&[2, 5, 29, 15], true, &usage),
        ];
        let certificate = signed(&key, certificate(1, &name, &name, &key, &extensions));
        Self {
            name,
            key,
            certificate,
        }
    }

    pub(super) fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// A certificate for `key`, with Intel's extension about platforms if given.
    pub(super) fn issue(
        &self,
        serial: u8,
        common_name: &str,
        key: &SigningKey,
        sgx: Option<Vec<u8>>,
    ) -> Vec<u8> {
        let no_authority = sequence(&[]);
        let usage = bits(7, &[0b1000_0000]);
        let mut extensions = vec![
            extension(&[2, 5, 29, 19], true, &no_authority),
            extension(&[2, 5, 29, 15], true, &usage),
        ];
        extensions.extend(sgx.map(|sgx| extension(&[1, 2, 840, 113_741, 1, 13, 1], false, &sgx)));
        let subject = name(common_name);
        signed(
            &self.key,
            certificate(serial, &self.name, &subject, key, &extensions),
        )
    }

    /// A list that revokes nothing.
    pub(super) fn revocations(&self) -> Vec<u8> {
        let number = extension(&[2, 5, 29, 20], false, &integer(&[1]));
        let list = sequence(&[
            integer(&[1]),
            algorithm(),
            self.name.clone(),
            utc_time(NOT_BEFORE),
            utc_time(NOT_AFTER),
            tagged(0xa0, &sequence(&[number])),
        ]);
        signed(&self.key, list)
    }
}

/// The dates of the statements, as certificates write them.
const NOT_BEFORE: &str = "200101000000Z";
const NOT_AFTER: &str = "491231000000Z";

fn certificate(
    serial: u8,
    issuer: &[u8],
    subject: &[u8],
    key: &SigningKey,
    extensions: &[Vec<u8>],
) -> Vec<u8> {
    let point = [&[4][..], &public_key(key)].concat();
    let key = sequence(&[
        sequence(&[
            oid(&[1, 2, 840, 10045, 2, 1]),
            oid(&[1, 2, 840, 10045, 3, 1, 7]),
        ]),
        bits(0, &point),
    ]);
    sequence(&[
        tagged(0xa0, &integer(&[2])),
        integer(&[serial]),
        algorithm(),
        issuer.to_vec(),
        sequence(&[utc_time(NOT_BEFORE), utc_time(NOT_AFTER)]),
        subject.to_vec(),
        key,
        tagged(0xa3, &sequence(extensions)),
    ])
}

/// What is signed, how, and the signature.
fn signed(key: &SigningKey, content: Vec<u8>) -> Vec<u8> {
    let signature = sign(key, &content);
    let (r, s) = signature.split_at(32);
    let signature = sequence(&[integer(r), integer(s)]);
    sequence(&[content, algorithm(), bits(0, &signature)])
}

/// ECDSA with SHA-256.
fn algorithm() -> Vec<u8> {
    sequence(&[oid(&[1, 2, 840, 10045, 4, 3, 2])])
}

fn name(common_name: &str) -> Vec<u8> {
    let attribute = sequence(&[oid(&[2, 5, 4, 3]), utf8(common_name)]);
    sequence(&[set(&[attribute])])
}

fn extension(id: &[u64], is_critical: bool, value: &[u8]) -> Vec<u8> {
    let mut parts = vec![oid(id)];
    if is_critical {
        parts.push(boolean(true));
    }
    parts.push(octets(value));
    sequence(&parts)
}

/// A certificate as text.
pub(super) fn pem(certificate: &[u8]) -> String {
    let text = STANDARD.encode(certificate);
    let lines: Vec<&str> = text
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}
