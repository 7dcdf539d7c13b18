//! What the example programs share: reading their command line, and stopping when told to.

use std::{future::Future, io};

use clap::{
    Parser,
    error::{Error, ErrorKind},
};
use mosaik::{Digest, NetworkId, PeerId, SecretKey};

/// Reads the command line and the environment.
///
/// Help goes to stdout with exit code 0, a mistake to stderr in one line with exit code 2.
pub fn parse_args<P: Parser>() -> P {
    P::try_parse().unwrap_or_else(|error| match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => error.exit(),
        _ => fail(&one_line(&error)),
    })
}

/// Ends the program with exit code 2 and one line that says what is wrong with its input.
pub fn fail(reason: &str) -> ! {
    eprintln!("error: {reason}");
    std::process::exit(2)
}

/// 64 hex digits are a secret key; any other text is a seed of one.
pub fn parse_secret(text: &str) -> Result<SecretKey, String> {
    match text.trim() {
        "" => Err("a secret is 64 hex digits or any other text, not nothing".to_owned()),
        text => Ok(SecretKey::from(Digest::from(text))),
    }
}

/// 64 hex digits are a network id; any other text is the name of a network.
pub fn parse_network_id(text: &str) -> Result<NetworkId, String> {
    let is_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match text.len() {
        0 => {
            Err("a network is named by 64 hex digits or any other text, not by nothing".to_owned())
        }
        64 => Ok(NetworkId::from(text)),
        // One lost digit would otherwise name another network, and nobody would be found there.
        count @ 48..=80 if is_hex => Err(format!(
            "it has {count} hex digits; an id has 64, and a name has other letters too"
        )),
        _ => Ok(NetworkId::from(text)),
    }
}

/// A peer id as nodes print it.
pub fn parse_peer_id(text: &str) -> Result<PeerId, String> {
    text.parse()
        .map_err(|_| "a peer id has 64 hex digits, as a node prints it".to_owned())
}

/// Resolves when the program is asked to end, by Ctrl-C or by the system.
pub fn stop_requested() -> io::Result<impl Future<Output = ()> + Send> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        // An error says that there is no way to be asked.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

/// The paragraphs of clap's message, one after another.
fn one_line(error: &Error) -> String {
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
