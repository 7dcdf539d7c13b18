//! Members that say what no honest replica says.

use super::harness::{Cluster, id, soon};
use crate::groups::consensus::wire::{
    Append, Ballot, Fetch, Item, Members, Point, Pull, RaftReply, RaftRequest, Reply, Request,
    Said, Transfer,
};

fn append(term: u64, previous: Option<(u64, u64)>, entries: Vec<Item>) -> Request {
    let previous = previous.map(|(term, index)| Point { term, index });
    Request::Append(Append {
        term,
        previous,
        entries,
        committed: None,
    })
}

fn members(voters: Vec<Vec<u64>>) -> Said {
    let voters = voters
        .iter()
        .map(|set| set.iter().map(|number| id(*number)).collect())
        .collect();
    Said::Members(Members {
        voters,
        learners: Vec::new(),
    })
}

fn fetch(term: u64, least: (u64, u64), sources: Vec<u64>) -> Request {
    let (of_term, index) = least;
    Request::Fetch(Fetch {
        term,
        transfer: 1,
        least: Point {
            term: of_term,
            index,
        },
        sources: sources.into_iter().map(id).collect(),
    })
}

#[tokio::test(start_paused = true)]
async fn nonsense_is_refused_and_harms_nothing() {
    let cluster = Cluster::founded(3).await;
    cluster.write("a").await;
    let nonsense = [
        append(u64::MAX, None, Vec::new()),
        append(1, Some((2, 3)), Vec::new()),
        append(2, Some((1, u64::MAX - 1)), vec![Item(2, Said::Nothing)]),
        append(2, Some((2, 3)), vec![Item(1, Said::Nothing)]),
        append(2, Some((2, 3)), vec![Item(3, Said::Nothing)]),
        append(9, Some((2, 3)), vec![Item(9, members(vec![]))]),
        append(9, Some((2, 3)), vec![Item(9, members(vec![vec![]]))]),
        append(9, Some((2, 3)), vec![Item(9, Said::Nothing); 10_000]),
        Request::Vote(Ballot {
            term: u64::MAX,
            last: None,
            transfer: true,
        }),
        Request::PreVote(Ballot {
            term: 1 << 62,
            last: None,
            transfer: true,
        }),
        Request::Transfer(Transfer {
            term: u64::MAX,
            to: id(1),
            last: None,
        }),
        fetch(u64::MAX, (1, 3), vec![3]),
        fetch(9, (10, 3), vec![3]),
        fetch(9, (9, u64::MAX), vec![3]),
        fetch(9, (9, 3), vec![]),
        fetch(9, (9, 3), (1..100).collect()),
        Request::Pull(Pull {
            transfer: 1,
            least: Point {
                term: u64::MAX,
                index: 0,
            },
            offset: 0,
        }),
    ];
    for request in nonsense {
        let shown = format!("{request:?}");
        let shown = &shown[..shown.len().min(200)];
        let serving = cluster
            .replica(id(1))
            .serve(id(2), RaftRequest::new(request));
        let reply = soon("a reply", serving).await;
        assert!(
            matches!(reply, RaftReply(Reply::Refused(_))),
            "{shown}: {reply:?}"
        );
    }
    let itself = cluster
        .replica(id(1))
        .serve(id(1), RaftRequest::new(append(9, None, Vec::new())));
    assert!(matches!(itself.await, RaftReply(Reply::Refused(_))));
    cluster.write("b").await;
    cluster.all_hold(&["a", "b"]).await;
    cluster.close().await;
}
