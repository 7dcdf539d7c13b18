//! All orders of events, with losses, repetitions, crashes and cuts: exhaustively, for three and four nodes.
//!
//! Messages are a set that only grows, so each may come late, again, or never. Timers run out at any moment; the one
//! thing assumed of time is that a pledge outlasts the attempt that it was given to ([`RELEASE_AFTER`] against
//! [`ATTEMPT_TIMEOUT`]). Of the consensus below it is assumed that it is correct: a history commits when a majority of
//! its founders has taken part in it.
//!
//! [`RELEASE_AFTER`]: super::RELEASE_AFTER
//! [`ATTEMPT_TIMEOUT`]: super::ATTEMPT_TIMEOUT

mod explore;
mod nodes;
mod world;

use core::time::Duration;

use super::Settings;
use crate::groups::identity::Rule;
use crate::primitives::Digest;
use explore::{Report, explore, wander};
use world::Scenario;

/// A mistake for the checker to find.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Flaw {
    /// A pledge is given to whoever asks, and takes effect, however many were given before.
    PledgesTwice,
    /// A lineage is founded when a majority has granted it.
    FoundsWithMajority,
}

fn settings(rule: Rule) -> Settings {
    Settings {
        group: Digest::from("model"),
        rule,
        founds: true,
        at_once: false,
        bootstrap_delay: Duration::from_secs(3),
    }
}

fn scenario(nodes: usize, rule: Rule) -> Scenario {
    Scenario {
        settings: settings(rule),
        nodes,
        is_bonded: false,
        crashes: 0,
        cuts: 0,
        writes: 0,
        minted_max: 2,
        timers_wait: false,
        pledges_outlast: true,
        flaw: None,
        states_max: usize::MAX,
    }
}

fn named(count: u8) -> Rule {
    Rule::Founders((0..count).map(Digest::from_u8).collect())
}

fn show(name: &str, scenario: &Scenario, run: impl FnOnce(&Scenario) -> Report) -> Report {
    let clock = crate::runtime::Clock::system();
    let start = clock.now();
    let report = run(scenario);
    println!(
        "{name}, {}: {} states, {} steps, {} quiet, {:.1} s{}",
        scenario.settings.rule,
        report.states,
        report.steps,
        report.quiet,
        start.elapsed().as_secs_f64(),
        if report.is_complete { ", all" } else { "" },
    );
    report
}

/// Nothing is wrong in any world, as far as `states_max` allows to look.
fn check(name: &str, scenario: &Scenario) {
    let report = show(name, scenario, explore);
    if let Some(failure) = &report.failure {
        panic!("{name}: {failure}");
    }
    assert!(
        report.quiet > 0 || !report.is_complete,
        "{name}: nothing was ever settled"
    );
}

/// Nothing is wrong in any world, and all were seen.
fn check_all(name: &str, scenario: &Scenario) {
    check(
        name,
        &Scenario {
            states_max: usize::MAX,
            ..scenario.clone()
        },
    );
}

/// Nothing is wrong on random ways.
fn check_ways(name: &str, scenario: &Scenario, walks: usize) {
    for seed in 0..4 {
        let report = show(name, scenario, |scenario| {
            wander(scenario, seed, walks / 4, 120)
        });
        if let Some(failure) = &report.failure {
            panic!("{name}, seed {seed}: {failure}");
        }
    }
}

/// The checker is no good if it does not find what is wrong.
fn finds(name: &str, scenario: &Scenario, walks: usize, expected: &str) {
    for seed in 0..8 {
        let report = show(name, scenario, |scenario| {
            wander(scenario, seed, walks / 8, 120)
        });
        if let Some(failure) = report.failure {
            assert!(failure.contains(expected), "{name}: {failure}");
            return;
        }
    }
    panic!("{name}: not found");
}

#[test]
fn two_nodes_always_form_one_history() {
    for rule in [Rule::Auto, Rule::Expect(2), named(2)] {
        let calm = Scenario {
            timers_wait: true,
            ..scenario(2, rule.clone())
        };
        check_all("two calm nodes", &calm);
        let rough = Scenario {
            minted_max: 1,
            crashes: 1,
            cuts: 1,
            states_max: 10_000,
            ..scenario(2, rule)
        };
        check("two nodes, a crash, a cut", &rough);
    }
}

#[test]
fn three_calm_nodes_form_one_history() {
    for rule in [Rule::Auto, Rule::Expect(3), named(3)] {
        let calm = Scenario {
            timers_wait: true,
            minted_max: 1,
            is_bonded: true,
            states_max: 20_000,
            ..scenario(3, rule)
        };
        check("three calm nodes", &calm);
    }
}

#[test]
fn an_empty_history_yields_and_one_of_two_full_ones_stops() {
    let calm = Scenario {
        timers_wait: true,
        writes: 2,
        ..scenario(2, Rule::Auto)
    };
    check_all("two calm nodes, two writes", &calm);
}

#[test]
fn calm_nodes_form_one_history_on_random_ways() {
    for (nodes, rule) in [
        (3, Rule::Auto),
        (4, Rule::Auto),
        (4, Rule::Expect(3)),
        (3, named(2)),
    ] {
        let calm = Scenario {
            timers_wait: true,
            ..scenario(nodes, rule)
        };
        check_ways("calm nodes", &calm, 200);
        let empty = Scenario { writes: 1, ..calm };
        check_ways("calm nodes, a write", &empty, 200);
    }
}

/// n + n/2 replicas: 4 for three founders, one of them after a crash, or all at once.
fn at_the_bound(nodes: usize, crashes: u8) -> Scenario {
    Scenario {
        crashes,
        cuts: 2,
        minted_max: 3,
        ..scenario(nodes, Rule::Expect(3))
    }
}

#[test]
fn no_two_strict_histories_commit_on_random_ways() {
    check_ways("three nodes, a crash, two cuts", &at_the_bound(3, 1), 400);
    check_ways("four nodes, two cuts", &at_the_bound(4, 0), 400);
}

#[test]
fn the_checker_finds_mistakes() {
    let two = Scenario {
        cuts: 1,
        minted_max: 3,
        ..scenario(3, Rule::Expect(2))
    };
    let flawed = Scenario {
        flaw: Some(Flaw::PledgesTwice),
        ..two
    };
    finds("pledges twice", &flawed, 4_000, "two histories");
    let flawed = Scenario {
        flaw: Some(Flaw::FoundsWithMajority),
        ..at_the_bound(4, 0)
    };
    finds(
        "founds with a majority",
        &flawed,
        40_000,
        "two histories can both commit",
    );
}

#[test]
#[ignore = "minutes, in a release build: .ci/long/founding-model"]
fn at_length() {
    let states_max = 4_000_000;
    for rule in [Rule::Auto, Rule::Expect(3), named(3)] {
        let calm = Scenario {
            timers_wait: true,
            minted_max: 1,
            states_max,
            ..scenario(3, rule.clone())
        };
        check("three calm nodes, bonds come up in any order", &calm);
        let rough = Scenario {
            crashes: 1,
            cuts: 1,
            minted_max: 1,
            states_max,
            ..scenario(3, rule)
        };
        check("three nodes, a crash, a cut", &rough);
    }
    for rule in [Rule::Auto, Rule::Expect(2)] {
        let rough = Scenario {
            crashes: 1,
            cuts: 1,
            states_max,
            ..scenario(2, rule)
        };
        check("two nodes, a crash, a cut", &rough);
    }
    let calm = Scenario {
        timers_wait: true,
        minted_max: 1,
        is_bonded: true,
        states_max,
        ..scenario(4, Rule::Auto)
    };
    check("four calm nodes", &calm);
    let rough = Scenario {
        cuts: 1,
        minted_max: 1,
        states_max,
        ..scenario(4, Rule::Expect(3))
    };
    check("four nodes, a cut", &rough);
    check_ways(
        "three nodes, a crash, two cuts",
        &at_the_bound(3, 1),
        100_000,
    );
    check_ways("four nodes, two cuts", &at_the_bound(4, 0), 100_000);
    // What is assumed is needed: one replica more than the bound, or pledges that do not outlast the attempt.
    finds(
        "three nodes, two crashes",
        &at_the_bound(3, 2),
        4_000_000,
        "two histories can both commit",
    );
    let hasty = Scenario {
        pledges_outlast: false,
        ..at_the_bound(4, 0)
    };
    finds(
        "four nodes with short pledges",
        &hasty,
        4_000_000,
        "two histories can both commit",
    );
}
