//! The layout is a claim; this file checks it.
//!
//! `cargo test -p mosaik --test tidy` reads the sources of the workspace as text and fails on a new edge between
//! layers, on an outside technology named away from its home, and on what STYLE bans. Each rule is a
//! function from source text to findings, and each has a test that feeds it bad text.

#[path = "tidy/source.rs"]
mod source;

#[path = "tidy/the_checker_itself.rs"]
mod the_checker_itself;

use source::{Finding, Source, Token, workspace_sources};

/// A layer, and the layers it may name. In order from the bottom: an edge to a layer further down the table that is
/// not listed is a decision to take in `docs/decisions/`, then here.
const LAYERS: &[(&str, &[&str])] = &[
    ("primitives", &[]),
    ("runtime", &["primitives"]),
    ("tickets", &["primitives"]),
    ("tee", &["primitives", "tickets"]),
    ("transport", &["primitives", "runtime"]),
    (
        "discovery",
        &["primitives", "runtime", "tickets", "transport"],
    ),
    (
        "streams",
        &["primitives", "runtime", "tickets", "transport", "discovery"],
    ),
    (
        "groups",
        &["primitives", "runtime", "tickets", "transport", "discovery"],
    ),
    (
        "collections",
        &["primitives", "runtime", "tickets", "groups"],
    ),
    ("network", EVERYTHING_BELOW_NETWORK),
];

const EVERYTHING_BELOW_NETWORK: &[&str] = &[
    "primitives",
    "runtime",
    "tickets",
    "tee",
    "transport",
    "discovery",
    "streams",
    "groups",
    "collections",
];

/// What stands above the layers: each may name any of them, and none of them may name it.
const ABOVE_THE_LAYERS: &[&str] = &[
    "lib",
    "main",
    "cli",
    "declare",
    "private",
    "__private",
    "fuzz",
    "testing",
];

/// Edges upwards, for a public name and nothing else: the traits that `stream!` implements are `streams::…` to a user, and
/// every validator that comes with the crate is `tickets::…`; a collection is opened with `Map::writer(&network, …)`.
const UPWARDS: &[(&str, &str)] = &[
    ("streams", "declare"),
    ("collections", "network"),
    ("tickets", "tee"),
    ("tee", "network"),
];

/// Modules inside a layer that other layers may name; everything else goes through the layer's `mod.rs`.
const OPEN_MODULES: &[&str] = &[
    "primitives::backoff",
    "primitives::datum",
    "primitives::encoding",
    "primitives::limits",
    "primitives::schema",
    "runtime::time",
];

/// An outside crate, and the only paths under `mosaik/src` that may name it.
const HOMES: &[(&str, &[&str])] = &[
    (
        "iroh",
        &[
            "transport/",
            "primitives/peer.rs",
            "discovery/bootstrap/mdns.rs",
            "discovery/bootstrap/dht.rs",
            "discovery/bootstrap/dht/",
            "lib.rs",
            // The command uses the public interface only, and with it `mosaik::iroh`.
            "cli/",
        ],
    ),
    ("swarm_discovery", &["discovery/bootstrap/mdns.rs"]),
    (
        "iroh_mainline_address_lookup",
        &["discovery/bootstrap/dht.rs"],
    ),
    (
        "n0_mainline",
        &["discovery/bootstrap/dht.rs", "discovery/bootstrap/dht/"],
    ),
    ("simple_dns", &["discovery/bootstrap/dht/"]),
    ("dcap_qvl", &["tee/tdx/verify.rs"]),
    ("openraft", &["groups/consensus/"]),
    ("fjall", &["groups/storage/"]),
    (
        "rmp_serde",
        // In tests only: another implementation to compare with.
        &["primitives/codec.rs", "primitives/codec/tests.rs"],
    ),
    ("clap", &["main.rs", "cli/"]),
    ("rand", &["runtime/", "primitives/digest.rs"]),
];

/// Paths that take time or chance from the process instead of from `runtime`, as `(path, what to use)`.
const RAW_TIME_AND_CHANCE: &[(&[&str], &str)] = &[
    (&["Instant", "now"], "runtime::Clock::now"),
    (&["SystemTime", "now"], "runtime::Clock::utc"),
    (&["Utc", "now"], "runtime::Clock::utc"),
    (&["Local", "now"], "runtime::Clock::utc"),
    (&["tokio", "time"], "runtime::time"),
    (&["tokio", "spawn"], "runtime::Tasks::spawn"),
    (&["task", "spawn"], "runtime::Tasks::spawn"),
    (&["thread", "sleep"], "runtime::time::sleep"),
    (&["OsRng"], "runtime::Rng"),
    (&["thread_rng"], "runtime::Rng"),
    (&["getrandom"], "runtime::Rng"),
];

/// Where `RAW_TIME_AND_CHANCE` may be named.
const DOORS_OF_TIME_AND_CHANCE: &[&str] = &[
    "runtime/",
    // A value made of chance alone: `Digest::random`.
    "primitives/digest.rs",
    // What openraft calls the thread's generator is here the sequence of a replica's seed.
    "groups/consensus/runtime.rs",
    // Public conveniences that have no argument for the time, by one function.
    "primitives/peer.rs",
    // The interface of the `backoff` crate, whose policies read the time themselves.
    "primitives/backoff.rs",
    // Programs are above every layer.
    "main.rs",
    "cli/",
];

/// Beyond this, a file has a second thing inside.
const LINES_MAX: usize = 700;

#[test]
fn the_workspace_is_tidy() {
    let sources = workspace_sources();
    assert!(
        sources
            .iter()
            .any(|source| source.layer() == Some("primitives")),
        "read no layer at all: the checker looks in the wrong place"
    );
    let findings: Vec<Finding> = sources.iter().flat_map(check).collect();
    let report: Vec<String> = findings.iter().map(Finding::to_string).collect();
    assert!(
        report.is_empty(),
        "{} findings:\n{}",
        report.len(),
        report.join("\n")
    );
}

#[test]
fn every_module_of_the_crate_has_a_place() {
    let unplaced: Vec<String> = workspace_sources()
        .iter()
        .filter(|source| source.in_library())
        .filter_map(|source| source.module_path().first().cloned())
        .filter(|module| !has_a_place(module))
        .collect();
    assert!(
        unplaced.is_empty(),
        "no place in the layer table for {unplaced:?}"
    );
}

#[test]
fn the_layer_table_has_no_cycle() {
    for (position, (layer, below)) in LAYERS.iter().enumerate() {
        for named in *below {
            let found = LAYERS.iter().position(|(other, _)| other == named);
            assert!(
                found.is_some_and(|found| found < position),
                "{layer} may import {named}, which does not stand below it"
            );
        }
    }
}

/// All rules over one file.
fn check(source: &Source) -> Vec<Finding> {
    let mut findings = Vec::new();
    if source.in_library() {
        findings.extend(check_layers(source));
        findings.extend(check_homes(source));
        findings.extend(check_time_and_chance(source));
    }
    if !source.is_test_file() {
        findings.extend(check_queues(source));
        findings.extend(check_length(source));
    }
    findings.extend(check_lint_exceptions(source));
    findings.extend(check_finished(source));
    findings.extend(check_ignored_tests(source));
    findings
}

/// No edge outside the table; no path into the inside of another layer.
fn check_layers(source: &Source) -> Vec<Finding> {
    let Some(layer) = source.layer() else {
        return Vec::new();
    };
    let allowed = LAYERS
        .iter()
        .find(|(name, _)| *name == layer)
        .map_or(&[][..], |(_, below)| below);
    let mut findings = Vec::new();
    for path in source.crate_paths() {
        let Some(named) = path.segments.first().filter(|named| has_a_place(named)) else {
            continue;
        };
        if named == layer || UPWARDS.contains(&(layer, named.as_str())) {
            continue;
        }
        if !allowed.contains(&named.as_str()) {
            findings.push(source.finding(path.line, format!("{layer} must not import {named}")));
        } else if let [_, module, _, ..] = path.segments.as_slice() {
            let is_module = module.starts_with(|first: char| first.is_ascii_lowercase());
            let open = OPEN_MODULES.contains(&format!("{named}::{module}").as_str());
            if is_module && !open {
                let text = format!(
                    "crate::{named}::{module}:: is inside another layer; name crate::{named}::…"
                );
                findings.push(source.finding(path.line, text));
            }
        }
    }
    findings
}

/// Each outside technology has one home.
fn check_homes(source: &Source) -> Vec<Finding> {
    let tokens = source.tokens_outside_tests();
    let mut findings = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let Some((name, homes)) = HOMES.iter().find(|(name, _)| *name == token.text) else {
            continue;
        };
        let after = tokens.get(index + 1).map(|token| token.text.as_str());
        let before = index
            .checked_sub(1)
            .map(|index| tokens[index].text.as_str());
        let is_path_root = before != Some("::") && before != Some(".");
        let imported = matches!(before, Some("use" | "crate")) && after == Some(";");
        if (is_path_root && after == Some("::") || imported)
            && !homes.iter().any(|home| source.is_at(home))
        {
            let text = format!("{name} is named outside its home ({})", homes.join(", "));
            findings.push(source.finding(token.line, text));
        }
    }
    findings
}

/// Time and chance come in by one door, so that tests can own them.
fn check_time_and_chance(source: &Source) -> Vec<Finding> {
    if DOORS_OF_TIME_AND_CHANCE
        .iter()
        .any(|door| source.is_at(door))
    {
        return Vec::new();
    }
    let tokens = source.tokens_outside_tests();
    let mut findings = Vec::new();
    for (path, instead) in RAW_TIME_AND_CHANCE {
        for line in find_path(&tokens, path) {
            findings.push(source.finding(line, format!("{}: use {instead}", path.join("::"))));
        }
    }
    findings
}

/// Every queue has a bound.
fn check_queues(source: &Source) -> Vec<Finding> {
    let tokens = source.tokens();
    ["unbounded_channel", "unbounded"]
        .iter()
        .flat_map(|name| find_call(&tokens, name))
        .map(|line| source.finding(line, "a channel without a bound"))
        .collect()
}

/// Lint exceptions are expectations with a reason: the compiler says when they are no longer needed.
fn check_lint_exceptions(source: &Source) -> Vec<Finding> {
    let tokens = source.tokens();
    let mut findings = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let opens = |offset: usize, text: &str| {
            tokens
                .get(index + offset)
                .is_some_and(|token| token.text == text)
        };
        if token.text == "#"
            && (opens(1, "[") && opens(2, "allow") || opens(2, "[") && opens(3, "allow"))
        {
            findings.push(source.finding(token.line, "allow: write expect(…, reason = \"…\")"));
        }
    }
    findings
}

/// Nothing unfinished is merged.
fn check_finished(source: &Source) -> Vec<Finding> {
    let tokens = source.tokens();
    ["todo", "unimplemented"]
        .iter()
        .flat_map(|name| {
            tokens
                .windows(2)
                .filter(move |w| w[0].text == *name && w[1].text == "!")
        })
        .map(|window| source.finding(window[0].line, format!("{}! is unfinished", window[0].text)))
        .collect()
}

/// An ignored test says why, and so which command runs it.
fn check_ignored_tests(source: &Source) -> Vec<Finding> {
    source
        .tokens()
        .windows(4)
        .filter(|w| {
            w[0].text == "#" && w[1].text == "[" && w[2].text == "ignore" && w[3].text == "]"
        })
        .map(|window| source.finding(window[0].line, "an ignored test without a reason"))
        .collect()
}

fn check_length(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    if lines > LINES_MAX {
        return vec![source.finding(lines, format!("{lines} lines, more than {LINES_MAX}"))];
    }
    Vec::new()
}

fn has_a_place(name: &str) -> bool {
    LAYERS.iter().any(|(layer, _)| *layer == name) || ABOVE_THE_LAYERS.contains(&name)
}

/// Lines on which `path` is named, at its end or further on.
fn find_path(tokens: &[Token], path: &[&str]) -> Vec<usize> {
    let wanted: Vec<&str> = path
        .iter()
        .flat_map(|segment| ["::", segment])
        .skip(1)
        .collect();
    tokens
        .windows(wanted.len())
        .filter(|window| {
            window
                .iter()
                .zip(&wanted)
                .all(|(token, wanted)| token.text == *wanted)
        })
        .map(|window| window[0].line)
        .collect()
}

/// Lines on which the function `name` is called, with or without type arguments.
fn find_call(tokens: &[Token], name: &str) -> Vec<usize> {
    tokens
        .windows(2)
        .filter(|w| w[0].text == name && (w[1].text == "(" || w[1].text == "::"))
        .map(|window| window[0].line)
        .collect()
}
