//! Values of the command's own on its command line.

use std::time::Duration;

use mosaik::PeerId;
use serde_json::Value;

/// A claim and its value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Claim {
    pub(super) name: String,
    pub(super) value: Value,
}

/// `NAME=VALUE`, where the value is JSON if it can be, and else text.
pub(super) fn parse_claim(text: &str) -> Result<Claim, String> {
    let (name, value) = text
        .split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("a claim is written NAME=VALUE")?;
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Ok(Claim {
        name: name.to_owned(),
        value,
    })
}

pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|error| format!("{error}; a duration is written as in 90s, 30m or 1h"))
}

pub(super) fn parse_peer_id(text: &str) -> Result<PeerId, String> {
    text.parse()
        .map_err(|_| "a peer id has 64 hex digits, as a node prints it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn claims_are_json_or_text() {
        let cases = [
            ("role=trader", "role", json!("trader")),
            ("level=3", "level", json!(3)),
            ("text=\"3\"", "text", json!("3")),
            ("list=[1,2]", "list", json!([1, 2])),
            ("empty=", "empty", json!("")),
            ("a=b=c", "a", json!("b=c")),
        ];
        for (text, name, value) in cases {
            let name = name.to_owned();
            assert_eq!(parse_claim(text), Ok(Claim { name, value }), "{text}");
        }
        assert!(parse_claim("role").is_err());
        assert!(parse_claim("=x").is_err());
    }
}
