//! That these tests find what they are for: members with a mistake built in are told from others.

use mosaik::testing::Flaw;

use super::{
    in_virtual_time, islands, run,
    world::{Finding, Pace},
};

/// Runs within which a mistake has to be found.
const SEEDS: u64 = 6;

#[test]
fn histories_that_meet_stay_what_they_were() {
    for seed in 0..SEEDS / 3 {
        let found = in_virtual_time(islands::run(seed, None));
        found.unwrap_or_else(|finding| panic!("seed {seed}: {finding}"));
    }
}

/// Where openraft checks itself, in builds for tests, it often finds the mixture of two histories first, and its core ends:
/// the member says so and never is well again. Where it does not, clients see answers that no order explains.
#[test]
fn a_missing_fence_is_found() {
    for seed in 0..SEEDS / 2 {
        let run = islands::run(seed, Some(Flaw::NoFence));
        let finding = in_virtual_time(run)
            .expect_err("two histories were mixed")
            .to_string();
        let what: String = finding
            .lines()
            .next()
            .unwrap_or_default()
            .chars()
            .take(200)
            .collect();
        println!("seed {seed}: {what}");
    }
}

#[test]
fn a_commit_without_a_quorum_is_found() {
    let mut others = Vec::new();
    for seed in 0..SEEDS {
        match run(seed, Pace::Brisk, Some(Flaw::SilenceIsAssent)) {
            Err(Finding::NotLinearizable(finding)) => {
                let what = finding.lines().next().unwrap_or_default();
                return println!("seed {seed}: {what}");
            }
            Err(Finding::Unwell(finding)) => others.push(finding),
            Ok(totals) => others.push(format!("{totals:?}")),
        }
    }
    panic!("no answer gave the mistake away: {others:#?}");
}
