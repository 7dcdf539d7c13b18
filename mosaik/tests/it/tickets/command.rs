//! `mosaik ticket`, run as a user runs it.

use std::{io::Write as _, process::Stdio};

use mosaik::tickets::{EdDsaSigningKey, Es256kSigningKey};
use serde_json::Value;

use super::*;
use crate::{
    cli::{assert_refused, mosaik},
    scratch::Scratch,
};

const SECRET: &str = "HS256:0707070707070707070707070707070707070707070707070707070707070707";

fn peer() -> String {
    SecretKey::from_bytes(&[1; 32]).public().to_string()
}

/// What a command prints, and its exit code.
fn run(args: &[&str]) -> (String, String, i32) {
    let output = mosaik(args).output().unwrap();
    (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap(),
    )
}

fn json(args: &[&str]) -> (Value, i32) {
    let (stdout, stderr, code) = run(&[args, &["-o", "json"]].concat());
    let value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{stdout}{stderr}"));
    (value, code)
}

fn mint(more: &[&str]) -> String {
    let peer = peer();
    let args = ["ticket", "mint", "--key", SECRET, "--peer", &peer];
    let (stdout, stderr, code) = run(&[&args, more].concat());
    assert_eq!(code, 0, "{stderr}");
    stdout.trim_end().to_owned()
}

#[test]
fn what_is_minted_can_be_inspected_and_verified() {
    let peer = peer();
    let token = mint(&[
        "--issuer",
        "me",
        "--audience",
        "here",
        "--audience",
        "there",
        "--claim",
        "role=trader",
        "--claim",
        "level=3",
        "--expires-in",
        "30m",
        "--id",
        "7",
    ]);
    let (inspected, code) = json(&["ticket", "inspect", &token]);
    assert_eq!(code, 0);
    let (twin, _, _) = run(&["ticket", "inspect", &token, "--json"]);
    assert_eq!(twin, format!("{inspected}\n"));
    assert_eq!(inspected["header"]["alg"], "HS256");
    assert_eq!(
        inspected["claims"]["aud"],
        serde_json::json!(["here", "there"])
    );
    assert_eq!(inspected["claims"]["level"], 3);
    assert_eq!(inspected["claims"]["sub"], peer.as_str());
    assert_eq!(inspected["expired"], false);
    assert_eq!(inspected["verified"], false);
    let (table, _, _) = run(&["ticket", "inspect", &token]);
    assert!(
        table.contains("iss          \"me\"") && table.contains("from now"),
        "{table}"
    );

    let ask = |more: &[&str]| {
        let args = ["ticket", "verify", &token, "--key", SECRET, "--peer", &peer];
        json(&[&args, more].concat())
    };
    let (verdict, code) = ask(&[
        "--issuer",
        "me",
        "--audience",
        "there",
        "--claim",
        "role=trader",
    ]);
    assert_eq!(
        (verdict["valid"].as_bool(), code),
        (Some(true), 0),
        "{verdict}"
    );
    assert_eq!(verdict["expires"], inspected["expires"]);

    // Every rule that says no is named, each in words.
    let (verdict, code) = ask(&[
        "--issuer",
        "you",
        "--audience",
        "far",
        "--claim",
        "role=admin",
        "--max-lifetime",
        "1m",
    ]);
    assert_eq!((verdict["valid"].as_bool(), code), (Some(false), 1));
    let refused: Vec<&str> = verdict["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["ok"] == false)
        .map(|check| check["rule"].as_str().unwrap())
        .collect();
    assert_eq!(
        refused,
        ["issuer", "lifetime", "audience", "claim \"role\""]
    );
    let reason = verdict["reason"].as_str().unwrap();
    assert!(
        reason.contains("its issuer is \"me\", not \"you\""),
        "{reason}"
    );
    assert!(
        reason.contains("`role` is \"trader\", not \"admin\""),
        "{reason}"
    );
}

/// Each rule of a validator that can say no, alone: its name, and why, in words.
#[test]
fn every_rule_that_says_no_is_named_in_words() {
    let (bearer, other) = (peer(), SecretKey::from_bytes(&[2; 32]).public().to_string());
    let second = format!("HS256:{}", "08".repeat(32));
    // Claims for the ticket; rules for the validator; who carries it; the rule, and its words.
    type Case<'a> = (&'a [&'a str], &'a [&'a str], &'a str, &'a str, &'a str);
    let cases: &[Case<'_>] = &[
        (
            &["--issuer", "you"],
            &["--issuer", "me"],
            &bearer,
            "issuer",
            "its issuer is \"you\", not \"me\"",
        ),
        (
            &[],
            &["--issuer", "me"],
            &bearer,
            "issuer",
            "it names no issuer, and \"me\" is required",
        ),
        (&[], &[], &other, "subject", "its bearer is another peer"),
        (
            &["--subject", "ann"],
            &["--subject", "bob"],
            &bearer,
            "subject",
            "it is about \"ann\", not \"bob\"",
        ),
        (
            &["--subject", "ann"],
            &["--subject", "ann"],
            &other,
            "bearer",
            "it is bound to another peer's key",
        ),
        (
            &["--claim", "nbf=33333333333"],
            &[],
            &bearer,
            "not before",
            "it is not valid before 3026-04-",
        ),
        (
            &["--expires-in", "0s"],
            &[],
            &bearer,
            "expiry",
            "it expired at ",
        ),
        (
            &["--never-expires"],
            &[],
            &bearer,
            "expiry",
            "it never expires, which is not allowed",
        ),
        (
            &["--expires-in", "2h"],
            &["--max-lifetime", "1h"],
            &bearer,
            "lifetime",
            "from now is the most that is allowed",
        ),
        (
            &["--claim", "iat=1000000000"],
            &["--max-age", "1h"],
            &bearer,
            "age",
            "it was issued at 2001-09-09",
        ),
        (
            &["--audience", "there"],
            &["--audience", "here"],
            &bearer,
            "audience",
            "it is meant for \"there\", not for \"here\"",
        ),
        (
            &[],
            &["--audience", "here"],
            &bearer,
            "audience",
            "it names no audience, and \"here\" is required",
        ),
        (
            &["--claim", "role=guest"],
            &["--claim", "role=trader"],
            &bearer,
            "claim \"role\"",
            "`role` is \"guest\", not \"trader\"",
        ),
        (
            &[],
            &["--claim", "role=trader"],
            &bearer,
            "claim \"role\"",
            "it has no claim `role`",
        ),
    ];
    for &(claims, rules, bearer, rule, words) in cases {
        let token = mint(claims);
        let args = [
            "ticket", "verify", &token, "--key", SECRET, "--peer", bearer,
        ];
        let (verdict, code) = json(&[&args, rules].concat());
        let case = format!("{claims:?} {rules:?}: {verdict}");
        assert_eq!(
            (verdict["valid"].as_bool(), code),
            (Some(false), 1),
            "{case}"
        );
        let checks = verdict["checks"].as_array().unwrap();
        let says_no = checks.iter().filter(|check| check["ok"] == false);
        let names: Vec<&str> = says_no
            .map(|check| check["rule"].as_str().unwrap())
            .collect();
        assert_eq!(names, [rule], "{case}");
        let reason = verdict["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{case}");
    }
    // The signature, and what is no token at all.
    let token = mint(&[]);
    let cases = [
        (
            token.clone(),
            second.as_str(),
            "signature",
            "no key that is known here has signed it",
        ),
        ("a.b.c".to_owned(), SECRET, "form", "not base64url"),
    ];
    for (token, key, rule, words) in cases {
        let args = ["ticket", "verify", &token, "--key", key, "--peer", &bearer];
        let (verdict, code) = json(&args);
        assert_eq!(code, 1, "{verdict}");
        let first = verdict["checks"].as_array().unwrap().iter();
        let first = first.clone().find(|check| check["ok"] == false).unwrap();
        assert_eq!(first["rule"], rule, "{verdict}");
        let reason = verdict["reason"].as_str().unwrap();
        assert!(reason.contains(words), "{verdict}");
    }
}

#[test]
fn a_refusal_in_a_table() {
    let token = mint(&["--issuer", "me"]);
    let other = SecretKey::from_bytes(&[2; 32]).public().to_string();
    let args = [
        "ticket", "verify", &token, "--key", SECRET, "--peer", &other,
    ];
    let (stdout, stderr, code) = run(&args);
    assert_eq!(code, 1);
    assert!(stdout.contains("ok  signature      \"HS256\""), "{stdout}");
    assert!(
        stdout.contains("NO  subject        it is about"),
        "{stdout}"
    );
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(
        stderr.starts_with("error: the ticket is refused: it is about"),
        "{stderr}"
    );

    let expired = mint(&["--expires-in", "0s"]);
    let peer = peer();
    let (_, stderr, code) = run(&[
        "ticket", "verify", &expired, "--key", SECRET, "--peer", &peer,
    ]);
    assert_eq!(code, 1);
    assert!(stderr.contains("it expired at"), "{stderr}");
    let endless = mint(&["--never-expires"]);
    let verify = [
        "ticket", "verify", &endless, "--key", SECRET, "--peer", &peer,
    ];
    assert_eq!(run(&verify).2, 1);
    assert_eq!(run(&[&verify[..], &["--allow-non-expiring"]].concat()).2, 0);
}

#[test]
fn keys_and_tickets_come_from_files_the_environment_and_standard_input() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.path()).unwrap();
    let file = |name: &str, text: &str| {
        let path = scratch.path().join(name);
        std::fs::write(&path, text).unwrap();
        format!("@{}", path.display())
    };
    let secret = Es256kSigningKey::from_bytes([9; 32]);
    let private = file("private", &format!("ES256K:{}\n", "09".repeat(32)));
    let public = format!("ES256K:{}", secret.verifying_key());
    let peer = peer();
    let minted = mosaik(&["ticket", "mint", "--peer", &peer])
        .env("MOSAIK_TICKET_KEY", &private)
        .output()
        .unwrap();
    assert!(minted.status.success(), "{minted:?}");
    let token = file("ticket", std::str::from_utf8(&minted.stdout).unwrap());
    let verify = [
        "ticket", "verify", &token, "--key", &public, "--peer", &peer,
    ];
    assert_eq!(run(&verify).2, 0);

    let verify = ["ticket", "verify", "-", "--key", &public, "--peer", &peer];
    let mut child = mosaik(&verify)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(&minted.stdout)
        .unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));

    // Another key beside it does no harm.
    let other = format!("EdDSA:{}", EdDsaSigningKey::random().verifying_key());
    let both = [
        "ticket", "verify", &token, "--key", &other, "--key", &public, "--peer", &peer,
    ];
    assert_eq!(run(&both).2, 0);
    let (_, stderr, code) = run(&["ticket", "verify", &token, "--key", &other, "--peer", &peer]);
    assert_eq!(code, 1);
    assert!(
        stderr.contains("it is signed by \"ES256K\", and the key is for \"EdDSA\""),
        "{stderr}"
    );
}

#[test]
fn mistakes_are_one_line_and_tell_no_secret() {
    let peer = peer();
    let token = mint(&[]);
    let mint = |key| vec!["ticket", "mint", "--peer", &peer, "--key", key];
    let odd = "HS256:070";
    let cases: [(Vec<&str>, &[&str]); 12] = [
        (vec!["ticket"], &["--help"]),
        (vec!["ticket", "forge"], &["'forge'"]),
        (vec!["ticket", "mint", "--key", SECRET], &["--peer"]),
        (
            vec!["ticket", "mint", "--key", SECRET, "--peer", "x"],
            &["'x'", "64 hex digits"],
        ),
        (mint("sesame"), &["--key", "ALG:HEX"]),
        (mint("RS256:00"), &["--key", "RS256", "EdDSA"]),
        (mint(odd), &["--key", "hex digits"]),
        (mint("ES256:00"), &["--key", "32 bytes, not 1"]),
        (mint("@/no/such/file"), &["--key", "/no/such/file"]),
        (
            [mint(SECRET), vec!["--claim", "role"]].concat(),
            &["--claim", "NAME=VALUE"],
        ),
        (
            [mint(SECRET), vec!["--expires-in", "soon"]].concat(),
            &["'soon'", "30m"],
        ),
        (
            [mint(SECRET), vec!["--claim", "exp=soon"]].concat(),
            &["`exp`", "number of seconds"],
        ),
    ];
    for (args, names) in cases {
        let told = assert_refused(&args, names);
        assert!(!told.contains("sesame") && !told.contains("0707"), "{told}");
    }
    let cases: [(&str, &str); 5] = [
        ("", "nothing"),
        ("abc", "1 parts"),
        ("a.b.c", "not base64url"),
        ("@/no/such/file", "/no/such/file"),
        ("eyJhbGciOiJub25lIn0.e30.", "not signed"),
    ];
    for (text, name) in cases {
        assert_refused(&["ticket", "inspect", text], &[name]);
    }
    assert_refused(&["ticket", "verify", &token, "--peer", &peer], &["--key"]);
    assert_refused(
        &[
            "ticket",
            "verify",
            &token,
            "--peer",
            &peer,
            "--key",
            SECRET,
            "--allow-unbound",
        ],
        &["--subject"],
    );
}
