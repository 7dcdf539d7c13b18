//! `mosaik ticket`: makes tickets that are JSON Web Tokens, looks into them, and says which rule refuses one.
//!
//! Works without a network: a ticket is bytes, and a rule is what a node was given.

mod key;
mod values;

use std::{
    io::{self, Read as _, Write as _},
    time::Duration,
};

use clap::{Subcommand, ValueEnum};
use mosaik::{
    PeerId,
    tickets::{Expiration, Jwt, JwtCheck, JwtContents, JwtTicketBuilder, Ticket},
};
use serde_json::{Value, json};

use super::Failure;
use values::{Claim, parse_claim, parse_duration, parse_peer_id};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    verb: Verb,

    /// How to print the result
    #[arg(short, long, global = true, value_enum, default_value_t = Output::Table)]
    output: Output,

    /// The same as -o json
    #[arg(long, global = true, conflicts_with = "output")]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Table,
    Json,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a ticket for a peer, and print it
    Mint(Box<Mint>),
    /// Print what a ticket says, without believing it
    Inspect(Inspect),
    /// Ask every rule what it says of a ticket; exit code 1 if one says no
    Verify(Box<Verify>),
}

#[derive(Debug, clap::Args)]
struct Mint {
    /// Key to sign with: ALG:HEX, or @FILE that holds it; ALG is HS256, HS384, HS512, ES256, ES384, ES512, ES256K or EdDSA
    #[arg(long, env = "MOSAIK_TICKET_KEY", hide_env_values = true)]
    key: String,

    /// Peer that is to carry the ticket (64 hex digits)
    #[arg(long, value_parser = parse_peer_id)]
    peer: PeerId,

    /// How long the ticket is valid from now, as in 1h or 30m
    #[arg(long, value_parser = parse_duration, default_value = "1h", conflicts_with = "never_expires")]
    expires_in: Duration,

    /// The ticket has no end
    #[arg(long)]
    never_expires: bool,

    /// Issuer (iss)
    #[arg(long)]
    issuer: Option<String>,

    /// Subject (sub) [default: the peer's id]
    #[arg(long)]
    subject: Option<String>,

    /// Audience (aud); repeatable
    #[arg(long)]
    audience: Vec<String>,

    /// Id of the ticket (jti)
    #[arg(long)]
    id: Option<String>,

    /// Any other claim, NAME=VALUE; the value is JSON, or else text; repeatable
    #[arg(long = "claim", value_parser = parse_claim)]
    claims: Vec<Claim>,
}

#[derive(Debug, clap::Args)]
struct Inspect {
    /// The ticket, @FILE that holds it, or - for standard input
    ticket: String,
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// The ticket, @FILE that holds it, or - for standard input
    ticket: String,

    /// Key to verify with: ALG:HEX, or @FILE that holds it (the secret for HS…, else the public key); repeatable
    #[arg(long, required = true)]
    key: Vec<String>,

    /// Peer that carries the ticket (64 hex digits)
    #[arg(long, value_parser = parse_peer_id)]
    peer: PeerId,

    /// Issuer that is allowed; repeatable
    #[arg(long)]
    issuer: Vec<String>,

    /// Audience that is allowed; repeatable
    #[arg(long)]
    audience: Vec<String>,

    /// Subject that is required [default: the peer's id]
    #[arg(long)]
    subject: Option<String>,

    /// Allow a required subject's ticket in any hands
    #[arg(long, requires = "subject")]
    allow_unbound: bool,

    /// Claim that is required, NAME=VALUE; repeatable
    #[arg(long = "claim", value_parser = parse_claim)]
    claims: Vec<Claim>,

    /// Allow tickets without an end
    #[arg(long)]
    allow_non_expiring: bool,

    /// How long from now a ticket may be valid
    #[arg(long, value_parser = parse_duration)]
    max_lifetime: Option<Duration>,

    /// How long ago a ticket may have been issued
    #[arg(long, value_parser = parse_duration)]
    max_age: Option<Duration>,

    /// How far the issuer's clock may be off
    #[arg(long, value_parser = parse_duration)]
    leeway: Option<Duration>,
}

pub(super) fn run(args: Args) -> Result<(), Failure> {
    let output = match args.json {
        true => Output::Json,
        false => args.output,
    };
    match args.verb {
        Verb::Mint(mint) => mint.run(output),
        Verb::Inspect(inspect) => inspect.run(output),
        Verb::Verify(verify) => verify.run(output),
    }
}

impl Mint {
    fn run(self, output: Output) -> Result<(), Failure> {
        let peer = self.peer;
        let expiration = match self.never_expires {
            true => Expiration::Never,
            false => chrono::Duration::from_std(self.expires_in)
                .map_or(Expiration::Never, Expiration::after),
        };
        let ticket = self
            .builder()?
            .try_build(&peer, expiration)
            .map_err(|error| Failure::usage(error.to_string()))?;
        let token = String::from_utf8_lossy(ticket.data());
        match output {
            Output::Table => line(&token),
            Output::Json => print(&json!({
                "token": token,
                "id": ticket.id().to_string(),
                "class": ticket.class.to_string(),
                "peer": peer.to_string(),
                "expires": time(expiration),
            })),
        }
    }

    fn builder(self) -> Result<JwtTicketBuilder, Failure> {
        let mut builder = JwtTicketBuilder::new(key::signing(&self.key)?);
        if let Some(issuer) = self.issuer {
            builder = builder.issuer(issuer);
        }
        if let Some(subject) = self.subject {
            builder = builder.subject(subject);
        }
        if let Some(id) = self.id {
            builder = builder.token_id(id);
        }
        builder = match self.audience.len() {
            0 => builder,
            1 => builder.claim("aud", self.audience.concat()),
            _ => builder.claim("aud", self.audience),
        };
        for Claim { name, value } in self.claims {
            builder = builder.claim(name, value);
        }
        Ok(builder)
    }
}

impl Inspect {
    fn run(self, output: Output) -> Result<(), Failure> {
        let token = read(&self.ticket)?;
        let contents =
            Jwt::inspect(&token).map_err(|why| Failure::usage(format!("no ticket: {why}")))?;
        let id = Ticket::new(Jwt::CLASS, token.into()).id().to_string();
        let JwtContents {
            header,
            claims,
            expiration,
            ..
        } = contents;
        if output == Output::Json {
            return print(&json!({
                "id": id,
                "header": header,
                "claims": claims,
                "expires": time(expiration),
                "expired": expiration.is_expired(),
                "verified": false,
            }));
        }
        line(&format!("{:<12} {id}", "id"))?;
        for (name, value) in &header {
            line(&format!("{:<12} {value}", format!("header {name}")))?;
        }
        for (name, value) in &claims {
            line(&format!("{name:<12} {value}"))?;
        }
        line(&format!("{:<12} {}", "expires", in_words(expiration)))?;
        line("nothing of this is verified: `mosaik ticket verify` does that")
    }
}

impl Verify {
    fn run(self, output: Output) -> Result<(), Failure> {
        let token = read(&self.ticket)?;
        let peer = self.peer;
        let review = self.rule()?.review(&token, &peer);
        match output {
            Output::Json => print(&json!({
                "valid": review.verdict.is_ok(),
                "expires": review.verdict.as_ref().ok().map(|end| time(*end)),
                "reason": review.verdict.as_ref().err().map(ToString::to_string),
                "checks": review.checks.iter().map(check_as_json).collect::<Vec<_>>(),
            }))?,
            Output::Table => {
                for check in &review.checks {
                    let (mark, text) = match &check.outcome {
                        Ok(found) => ("ok", found.clone()),
                        Err(why) => ("NO", why.to_string()),
                    };
                    line(&format!("{mark}  {:<14} {text}", check.rule))?;
                }
            }
        }
        match review.verdict {
            Ok(expiration) => match output {
                Output::Table => line(&format!("valid, {}", in_words(expiration))),
                Output::Json => Ok(()),
            },
            Err(why) => Err(Failure::check(format!("the ticket is refused: {why}"))),
        }
    }

    fn rule(self) -> Result<Jwt, Failure> {
        let (first, others) = self
            .key
            .split_first()
            .expect("invariant: clap requires a key");
        let mut rule = Jwt::with_key(key::verifying(first)?);
        for other in others {
            rule = rule.add_key(key::verifying(other)?);
        }
        for issuer in self.issuer {
            rule = rule.allow_issuer(issuer);
        }
        for audience in self.audience {
            rule = rule.allow_audience(audience);
        }
        if let Some(subject) = self.subject {
            rule = rule.require_subject(subject);
        }
        if self.allow_unbound {
            rule = rule.allow_unbound();
        }
        for Claim { name, value } in self.claims {
            rule = rule.require_claim(name, value);
        }
        if self.allow_non_expiring {
            rule = rule.allow_non_expiring();
        }
        if let Some(lifetime) = self.max_lifetime {
            rule = rule.max_lifetime(lifetime);
        }
        if let Some(age) = self.max_age {
            rule = rule.max_age(age);
        }
        Ok(rule.leeway(self.leeway.unwrap_or(Jwt::LEEWAY_DEFAULT)))
    }
}

fn check_as_json(check: &JwtCheck) -> Value {
    match &check.outcome {
        Ok(found) => json!({"rule": check.rule, "ok": true, "found": found}),
        Err(why) => json!({
            "rule": check.rule,
            "ok": false,
            "reason": why.to_string(),
            "acceptable_from": why.judge_again_at().map(|time| time.to_rfc3339()),
        }),
    }
}

/// The text of a ticket, without the line break that editors and `echo` put behind it.
fn read(source: &str) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    match source.strip_prefix('@') {
        _ if source == "-" => {
            io::stdin()
                .take(TICKET_BYTES_MAX)
                .read_to_end(&mut bytes)
                .map_err(|error| Failure::usage(format!("cannot read standard input: {error}")))?;
        }
        Some(path) => {
            std::fs::File::open(path)
                .and_then(|file| file.take(TICKET_BYTES_MAX).read_to_end(&mut bytes))
                .map_err(|error| Failure::usage(format!("cannot read {path}: {error}")))?;
        }
        None => bytes.extend_from_slice(source.as_bytes()),
    }
    bytes.truncate(bytes.trim_ascii_end().len());
    if bytes.is_empty() {
        return Err(Failure::usage("there is no ticket, but nothing"));
    }
    Ok(bytes)
}

fn time(expiration: Expiration) -> Option<String> {
    match expiration {
        Expiration::At(end) => Some(end.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        Expiration::Never => None,
    }
}

fn in_words(expiration: Expiration) -> String {
    let Some(end) = time(expiration) else {
        return "never expires".to_owned();
    };
    match expiration.remaining() {
        Some(left) => {
            let left = humantime::format_duration(Duration::from_secs(left.as_secs()));
            format!("until {end}, {left} from now")
        }
        None => format!("expired at {end}"),
    }
}

fn print(value: &Value) -> Result<(), Failure> {
    line(&value.to_string())
}

fn line(text: &str) -> Result<(), Failure> {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// More than any ticket has, so that a wrong file is told as one and not read to its end.
const TICKET_BYTES_MAX: u64 = 1 << 20;
