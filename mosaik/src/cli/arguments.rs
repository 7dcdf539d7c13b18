//! Values on the command line, and what is said of those that make no sense.

use clap::Error;
use mosaik::{Digest, NetworkId, PeerId, SecretKey, iroh::EndpointAddr};

/// 64 hex digits are a secret key; any other text is a seed of one.
pub(super) fn parse_secret(text: &str) -> Result<SecretKey, String> {
    if text.is_empty() {
        return Err("a secret is 64 hex digits or any other text, not nothing".to_owned());
    }
    Ok(SecretKey::from(Digest::from(text)))
}

/// 64 hex digits are a network id; any other text is the name of a network.
pub(super) fn parse_network_id(text: &str) -> Result<NetworkId, String> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.len() {
        0 => Err("a network is named by 64 hex digits or any other text, not nothing".to_owned()),
        // A name may look like this, but a digit lost in copying is far more likely, and would
        // silently be another network where nobody is.
        count @ (48..=63 | 65..=80) if is_hex => Err(format!(
            "it has {count} hex digits; an id has 64, a name some other letters too"
        )),
        _ => Ok(NetworkId::from(text)),
    }
}

/// A peer id as nodes print it, and after an `@` where the peer is, if that is known.
pub(super) fn parse_peer(text: &str) -> Result<EndpointAddr, String> {
    let (id, address) = match text.split_once('@') {
        Some((id, address)) => (id, Some(address)),
        None => (text, None),
    };
    let id: PeerId = id
        .parse()
        .map_err(|_| "a peer id has 64 hex digits, as a node prints it".to_owned())?;
    match address.map(str::parse) {
        None => Ok(EndpointAddr::new(id)),
        Some(Ok(address)) => Ok(EndpointAddr::new(id).with_ip_addr(address)),
        Some(Err(_)) => Err("after the @ comes an address, as in 10.0.0.1:4433".to_owned()),
    }
}

/// The paragraphs of clap's message, one after another.
pub(super) fn one_line(error: &Error) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);
    let mut line = String::new();
    for part in text.lines().map(str::trim).filter(|part| !part.is_empty()) {
        match line.chars().last() {
            None => {}
            Some(':') => line.push(' '),
            Some(_) => line.push_str("; "),
        }
        line.push_str(part.trim_end_matches('.'));
    }
    line
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Args {
        #[arg(long, value_parser = parse_peer)]
        peer: EndpointAddr,
        #[arg(long, value_parser = parse_network_id)]
        network: Option<NetworkId>,
    }

    fn mistake(args: &[&str]) -> String {
        let args = std::iter::once("program").chain(args.iter().copied());
        one_line(&Args::try_parse_from(args).unwrap_err())
    }

    #[test]
    fn mistakes_are_one_line() {
        let digits = "a".repeat(63);
        let id = SecretKey::from_bytes(&[1; 32]).public();
        let peer_nowhere = format!("{id}@nowhere");
        let cases = [
            (
                vec!["--peer", "xyz"],
                "'xyz' for '--peer <PEER>': a peer id has 64 hex digits",
            ),
            (vec![], "not provided: --peer <PEER>; Usage: program"),
            (
                vec!["--per", "1"],
                "'--per' found; tip: a similar argument exists: '--peer'",
            ),
            (
                vec!["--peer", &peer_nowhere],
                "after the @ comes an address",
            ),
            (
                vec!["--network", &digits],
                "it has 63 hex digits; an id has 64",
            ),
            (vec!["--network", ""], "not nothing"),
        ];
        for (args, expected) in cases {
            let line = mistake(&args);
            assert!(line.contains(expected), "{args:?}: {line}");
            assert!(!line.contains('\n'), "{args:?}: {line}");
        }
    }

    #[test]
    fn names_and_ids() {
        let peer = SecretKey::from_bytes(&[1; 32]).public();
        let addr = EndpointAddr::new(peer);
        assert_eq!(parse_peer(&peer.to_string()), Ok(addr.clone()));
        let addr = addr.with_ip_addr("[::1]:7".parse().unwrap());
        assert_eq!(parse_peer(&format!("{peer}@[::1]:7")), Ok(addr));
        let id = "0123456789abcdef".repeat(4);
        assert_eq!(parse_network_id(&id).unwrap().to_string(), id);
        assert_eq!(
            parse_network_id("my-network"),
            Ok(NetworkId::from("my-network"))
        );
        assert_eq!(
            parse_secret(&id).unwrap().to_bytes(),
            *NetworkId::from(id.as_str()).as_bytes()
        );
    }
}
