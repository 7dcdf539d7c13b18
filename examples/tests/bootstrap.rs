//! What the bootstrap program says of flags and variables that make no sense.
//!
//! It is not started here: it would look for peers on the local network.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

/// Cargo builds the examples of a package before its tests, beside them.
fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a test knows where it is");
    let target = test.ancestors().nth(2).expect("tests are in target/*/deps");
    target
        .join("examples")
        .join(format!("bootstrap{}", std::env::consts::EXE_SUFFIX))
}

fn run(args: &[&str], variables: &[(&str, &str)]) -> (Option<i32>, String, String) {
    let mut command = Command::new(program());
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("MOSAIK_") {
            command.env_remove(name);
        }
    }
    let output = command
        .args(args)
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("the example is built");
    let text = |bytes| String::from_utf8(bytes).expect("output is text");
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn a_mistake_is_one_line_that_names_it() {
    let peer = mosaik::SecretKey::from_bytes(&[1; 32]).public().to_string();
    let peers = format!("{peer},xyz");
    /// Arguments, variables, and what the line must name.
    type Case<'a> = (&'a [&'a str], &'a [(&'a str, &'a str)], &'a str);
    let cases: &[Case<'_>] = &[
        (&["--loud"], &[], "'--loud'"),
        (&["-p", "xyz"], &[], "'xyz' for '--peers <PEERS>'"),
        (
            &[],
            &[("MOSAIK_BOOTSTRAP_PEERS", &peers)],
            "'xyz' for '--peers <PEERS>'",
        ),
        (&[], &[("MOSAIK_BOOTSTRAP_LOGGING", "x")], "'x' for '-v"),
        (&[], &[("MOSAIK_BOOTSTRAP_SECRET", "")], "--secret"),
        (&["-n", ""], &[], "--network-id"),
        (&["-n", &peer[1..]], &[], "63 hex digits"),
        (&["-q", "-v"], &[], "cannot be used with"),
    ];
    for (args, variables, names) in cases {
        let (code, stdout, stderr) = run(args, variables);
        assert_eq!(code, Some(2), "{args:?} {variables:?}: {stderr}");
        assert_eq!(
            stderr.lines().count(),
            1,
            "{args:?} {variables:?}: {stderr}"
        );
        assert!(
            stderr.starts_with("error: ") && stderr.contains(names),
            "{stderr}"
        );
        assert!(stdout.is_empty(), "{stdout}");
    }
}

#[test]
fn every_flag_has_a_variable() {
    let (code, help, _) = run(&["--help"], &[("MOSAIK_BOOTSTRAP_SECRET", "shibboleth")]);
    assert_eq!(code, Some(0));
    for name in [
        "SECRET",
        "NETWORK_ID",
        "PEERS",
        "TAGS",
        "NO_RELAY",
        "LOGGING",
        "QUIET",
    ] {
        assert!(
            help.contains(&format!("MOSAIK_BOOTSTRAP_{name}")),
            "{name}: {help}"
        );
    }
    assert!(
        !help.contains("shibboleth"),
        "the secret is not shown: {help}"
    );
}
