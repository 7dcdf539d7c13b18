//! A token as text: three parts, of which nothing is believed yet.

use serde_json::{Map, Value};

use super::{
    strict::{decode_base64, encode_base64, parse_object},
    text::quoted,
};

/// Bytes of a token. A token of an identity provider with many claims takes 2 KiB; an entry has 256 KiB for all it says.
pub(super) const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// A signed token in the compact form of RFC 7515, taken apart.
#[derive(Debug)]
pub(super) struct Token<'a> {
    /// What the signature is about: header and claims as they were sent.
    pub(super) signed: &'a str,
    /// The algorithm that the header names. Chooses among the keys at hand; no key does what its header wants.
    pub(super) algorithm: String,
    pub(super) header: Map<String, Value>,
    pub(super) claims: Map<String, Value>,
    pub(super) signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart; why it is none, in words.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, String> {
        // Before anything else, so that nobody makes this node read much.
        if bytes.len() > TOKEN_BYTES_MAX {
            return Err(format!(
                "it has {} bytes, a token has at most {TOKEN_BYTES_MAX}",
                bytes.len()
            ));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            let count = text.split('.').count();
            return Err(format!("it has {count} parts, a signed token has 3"));
        };
        let signed = &text[..header.len() + 1 + claims.len()];
        let header = object(header, "header is")?;
        let claims = object(claims, "claims are")?;
        let signature =
            decode_base64(signature).ok_or("its signature is not base64url without padding")?;
        let algorithm = check_header(&header)?;
        Ok(Self {
            signed,
            algorithm,
            header,
            claims,
            signature,
        })
    }
}

fn object(part: &str, what: &str) -> Result<Map<String, Value>, String> {
    let bytes =
        decode_base64(part).ok_or_else(|| format!("its {what} not base64url without padding"))?;
    parse_object(&bytes)
        .ok_or_else(|| format!("its {what} not a JSON object that names each member once"))
}

/// The algorithm, if the header asks for nothing that is not done here.
fn check_header(header: &Map<String, Value>) -> Result<String, String> {
    // RFC 7515, 4.1.11: who does not understand all that is critical must refuse. Nothing is understood here.
    if let Some(critical) = header.get("crit") {
        return Err(match critical.as_array().and_then(|names| names.first()) {
            Some(Value::String(name)) => {
                format!(
                    "its header makes {} critical, which is not known here",
                    quoted(name)
                )
            }
            _ => "its header has a `crit` that lists no names".to_owned(),
        });
    }
    // RFC 7797: the signature would be about other bytes than these.
    if header
        .get("b64")
        .is_some_and(|b64| *b64 != Value::Bool(true))
    {
        return Err("its claims are not encoded in base64url".to_owned());
    }
    if header.contains_key("enc") || header.contains_key("zip") {
        return Err("it is encrypted or compressed".to_owned());
    }
    if header.get("typ").is_some_and(|kind| !kind.is_string()) {
        return Err("its header's `typ` is not a string".to_owned());
    }
    match header.get("alg") {
        Some(Value::String(name)) if name.eq_ignore_ascii_case("none") => {
            Err("it is not signed (its algorithm is `none`)".to_owned())
        }
        Some(Value::String(name)) => Ok(name.clone()),
        Some(_) => Err("its header's `alg` is not a string".to_owned()),
        None => Err("its header names no algorithm".to_owned()),
    }
}

/// Header and claims as they are signed.
pub(super) fn signing_input(algorithm: &str, claims: &[u8]) -> String {
    // Algorithms are named by constants of programs; quotes and the like are escaped all the same.
    let header = format!("{{\"alg\":{},\"typ\":\"JWT\"}}", Value::from(algorithm));
    format!(
        "{}.{}",
        encode_base64(header.as_bytes()),
        encode_base64(claims)
    )
}

/// The token in its compact form.
pub(super) fn assemble(signed: String, signature: &[u8]) -> String {
    let mut token = signed;
    token.push('.');
    token.push_str(&encode_base64(signature));
    token
}
