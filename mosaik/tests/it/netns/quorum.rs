//! A group whose network is cut in two, and then in three.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;

use super::lan::Lan;
use crate::node::{Ask, Mark, Node, NodeConfig, alone, hold};

/// How long a member that cannot reach a majority may take to say so.
const NO_QUORUM_MS: f64 = 2_000.0;

/// How long the five may take to agree once the cables are back.
const AGREEMENT: Duration = Duration::from_secs(20);

#[test]
fn only_the_majority_goes_on_and_nothing_acknowledged_is_lost() {
    let _alone = alone();
    let Some(lan) = Lan::new([2, 3]) else { return };
    let config = NodeConfig {
        group_of: Some(5),
        ..NodeConfig::lan("netns.quorum")
    };
    let mut nodes: Vec<Node> = (0..5)
        .map(|host| Node::start(lan.host(host), &config))
        .collect();
    let begin = Instant::now();
    for node in &nodes {
        node.wait_for(
            "to be online with five voters",
            Duration::from_secs(20),
            |view| view.member.is_online && view.member.voters == 5,
        );
    }
    eprintln!(
        "five hosts were one group {:?} after the last start",
        begin.elapsed()
    );

    let mut marks = 0;
    let before = mark_everywhere(&mut nodes, &[0, 1, 2, 3, 4], &mut marks);
    for (node, mark) in before {
        outcome(&nodes[node], mark, |outcome| *outcome == Mark::Acknowledged);
    }

    lan.part();
    // Long enough for leases to end and for the three to elect.
    hold(Duration::from_secs(3));
    let minority = mark_everywhere(&mut nodes, &[0, 1], &mut marks);
    let majority = mark_everywhere(&mut nodes, &[2, 3, 4], &mut marks);
    for (node, mark) in minority {
        let after_ms = outcome(&nodes[node], mark, |outcome| *outcome == Mark::NoQuorum);
        assert!(
            after_ms < NO_QUORUM_MS,
            "node {node} needed {after_ms} ms to say so"
        );
    }
    for (node, mark) in majority {
        outcome(&nodes[node], mark, |outcome| *outcome == Mark::Acknowledged);
    }

    // Of the three, one is cut off alone: nobody has a majority.
    lan.cut(4);
    hold(Duration::from_secs(3));
    let nobody = mark_everywhere(&mut nodes, &[0, 1, 2, 3, 4], &mut marks);
    for (node, mark) in nobody {
        let after_ms = outcome(&nodes[node], mark, |outcome| *outcome == Mark::NoQuorum);
        assert!(
            after_ms < NO_QUORUM_MS,
            "node {node} needed {after_ms} ms to say so"
        );
    }

    lan.join(4);
    lan.heal();
    let begin = Instant::now();
    let acknowledged: BTreeSet<u64> = nodes
        .iter()
        .flat_map(|node| node.view().marked)
        .filter(|(_, (outcome, _))| *outcome == Mark::Acknowledged)
        .map(|(mark, _)| mark)
        .collect();
    loop {
        let members: Vec<_> = nodes.iter().map(|node| node.view().member).collect();
        let equal = members
            .windows(2)
            .all(|pair| (pair[0].applied, &pair[0].digest) == (pair[1].applied, &pair[1].digest));
        if equal && members.iter().all(|member| member.is_online) {
            let missing: Vec<_> = acknowledged.difference(&members[0].marks).collect();
            assert!(missing.is_empty(), "acknowledged and lost: {missing:?}");
            break;
        }
        assert!(begin.elapsed() < AGREEMENT, "no agreement: {members:#?}");
        hold(Duration::from_millis(20));
    }
    eprintln!(
        "five equal digests {:?} after the cables were back; {} commands acknowledged, none missing",
        begin.elapsed(),
        acknowledged.len()
    );
    let after = mark_everywhere(&mut nodes, &[0, 1, 2, 3, 4], &mut marks);
    for (node, mark) in after {
        outcome(&nodes[node], mark, |outcome| *outcome == Mark::Acknowledged);
    }
}

/// Asks some nodes for a mark each; which node was asked for which.
fn mark_everywhere(nodes: &mut [Node], which: &[usize], marks: &mut u64) -> Vec<(usize, u64)> {
    let ask = |&node: &usize| {
        *marks += 1;
        nodes[node].ask(&Ask::Mark(*marks));
        (node, *marks)
    };
    which.iter().map(ask).collect()
}

/// Waits until it is known what became of a mark; after how many milliseconds that was.
fn outcome(node: &Node, mark: u64, is_right: impl Fn(&Mark) -> bool) -> f64 {
    let view = node.wait_for("to answer", Duration::from_secs(15), |view| {
        view.marked.contains_key(&mark)
    });
    let (outcome, after_ms) = &view.marked[&mark];
    assert!(
        is_right(outcome),
        "mark {mark}: {outcome:?} after {after_ms} ms"
    );
    *after_ms
}
