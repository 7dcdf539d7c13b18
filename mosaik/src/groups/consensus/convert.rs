//! Between our structures and openraft's. What comes from a peer is checked here, since openraft
//! takes its word: it would panic, or worse, not notice.

use std::collections::{BTreeMap, BTreeSet};

use openraft::EntryPayload;
use openraft::raft::{AppendEntriesRequest, TransferLeaderRequest, VoteRequest};

use super::types::{
    self, Batch, Entry, LogId, Membership, Payload, SnapshotMeta, StoredMembership,
};
use super::wire::{Append, Ballot, Head, Item, Members, Point, Promise, Said, Transfer};
use crate::groups::identity::ReplicaId;

/// Why a message of a peer goes no further: no honest replica sends such a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("term or index beyond {POSITION_MAX}")]
    Beyond,
    #[error("terms that go back or ahead of the leader's")]
    Terms,
    #[error("{0} entries, more than {ENTRIES_MAX}")]
    Entries(usize),
    #[error("members that cannot decide anything, or more than {MEMBERS_MAX}")]
    Members,
}

/// Terms and indices stay below it: nobody counts that far, and no sum of two overflows.
const POSITION_MAX: u64 = 1 << 62;

/// Entries of one append: twice what a leader sends.
const ENTRIES_MAX: usize = 8192;

/// Replicas of one group.
const MEMBERS_MAX: usize = 4096;

/// Sets of voters: one, or two while one replaces the other. openraft may join more in between.
const VOTER_SETS_MAX: usize = 8;

pub(super) fn point(id: LogId) -> Point {
    Point {
        term: id.leader_id.term,
        index: id.index,
    }
}

pub(super) fn log_id(point: Point) -> Result<LogId, Malformed> {
    term(point.term)?;
    if point.index >= POSITION_MAX {
        return Err(Malformed::Beyond);
    }
    Ok(LogId {
        leader_id: point.term.into(),
        index: point.index,
    })
}

fn log_id_option(point: Option<Point>) -> Result<Option<LogId>, Malformed> {
    point.map(log_id).transpose()
}

fn term(term: u64) -> Result<u64, Malformed> {
    if term >= POSITION_MAX {
        return Err(Malformed::Beyond);
    }
    Ok(term)
}

pub(super) fn promise(vote: &types::Vote) -> Promise {
    Promise {
        term: vote.leader_id.term,
        to: vote.leader_id.voted_for,
        committed: vote.committed,
    }
}

pub(super) fn vote(promise: Promise) -> Result<types::Vote, Malformed> {
    let term = term(promise.term)?;
    Ok(match promise.committed {
        true => types::Vote::new_committed(term, promise.to),
        false => types::Vote::new(term, promise.to),
    })
}

/// The vote of a leader in this term.
pub(super) fn leader_vote(leader: ReplicaId, of_term: u64) -> Result<types::Vote, Malformed> {
    Ok(types::Vote::new_committed(term(of_term)?, leader))
}

pub(super) fn ballot(request: &VoteRequest<types::Types>) -> Ballot {
    Ballot {
        term: request.vote.leader_id.term,
        last: request.last_log_id.map(point),
        transfer: request.leadership_transfer,
    }
}

pub(super) fn vote_request(
    from: ReplicaId,
    ballot: &Ballot,
) -> Result<VoteRequest<types::Types>, Malformed> {
    Ok(VoteRequest {
        vote: types::Vote::new(term(ballot.term)?, from),
        last_log_id: log_id_option(ballot.last)?,
        leadership_transfer: ballot.transfer,
    })
}

pub(super) fn vote_response(
    vote_reply: super::wire::Vote,
) -> Result<openraft::raft::VoteResponse<types::Types>, Malformed> {
    Ok(openraft::raft::VoteResponse {
        vote: vote(vote_reply.promise)?,
        vote_granted: vote_reply.granted,
        last_log_id: log_id_option(vote_reply.last)?,
    })
}

pub(super) fn append(request: AppendEntriesRequest<types::Types>) -> Append {
    Append {
        term: request.vote.leader_id.term,
        previous: request.prev_log_id.map(point),
        entries: request.entries.into_iter().map(item).collect(),
        committed: request.leader_commit.map(point),
    }
}

pub(super) fn append_request(
    from: ReplicaId,
    append: Append,
) -> Result<AppendEntriesRequest<types::Types>, Malformed> {
    if append.entries.len() > ENTRIES_MAX {
        return Err(Malformed::Entries(append.entries.len()));
    }
    let vote = leader_vote(from, append.term)?;
    let previous = log_id_option(append.previous)?;
    let first = append
        .previous
        .map_or(0, |previous| previous.index.saturating_add(1));
    let mut newest = append.previous.map_or(0, |previous| previous.term);
    let mut entries = Vec::with_capacity(append.entries.len());
    for (index, Item(of_term, said)) in (first..).zip(append.entries) {
        if of_term < newest {
            return Err(Malformed::Terms);
        }
        newest = of_term;
        let term = of_term;
        entries.push(Entry {
            log_id: log_id(Point { term, index })?,
            payload: payload(said)?,
        });
    }
    let committed = append.committed.map_or(0, |committed| committed.term);
    if newest > append.term || committed > append.term {
        return Err(Malformed::Terms);
    }
    Ok(AppendEntriesRequest {
        vote,
        prev_log_id: previous,
        entries,
        leader_commit: log_id_option(append.committed)?,
    })
}

fn item(entry: Entry) -> Item {
    let said = match entry.payload {
        EntryPayload::Blank => Said::Nothing,
        EntryPayload::Normal(Batch(bytes)) => Said::Batch(bytes),
        EntryPayload::Membership(membership) => Said::Members(members(&membership)),
    };
    Item(entry.log_id.leader_id.term, said)
}

fn payload(said: Said) -> Result<Payload, Malformed> {
    Ok(match said {
        Said::Nothing => EntryPayload::Blank,
        Said::Batch(bytes) => EntryPayload::Normal(Batch(bytes)),
        Said::Members(members) => EntryPayload::Membership(membership(&members)?),
    })
}

fn members(membership: &Membership) -> Members {
    Members {
        voters: membership
            .get_joint_config()
            .iter()
            .map(|voters| voters.iter().copied().collect())
            .collect(),
        learners: membership.learner_ids().collect(),
    }
}

fn membership(members: &Members) -> Result<Membership, Malformed> {
    let named: usize = members.voters.iter().map(Vec::len).sum();
    if members.voters.is_empty()
        || members.voters.len() > VOTER_SETS_MAX
        || named + members.learners.len() > MEMBERS_MAX
    {
        return Err(Malformed::Members);
    }
    let voters: Vec<BTreeSet<ReplicaId>> = members
        .voters
        .iter()
        .map(|voters| voters.iter().copied().collect())
        .collect();
    let all: BTreeMap<ReplicaId, ()> = voters
        .iter()
        .flatten()
        .chain(&members.learners)
        .map(|member| (*member, ()))
        .collect();
    Membership::new(voters, all).map_err(|_| Malformed::Members)
}

pub(super) fn transfer(request: &TransferLeaderRequest<types::Types>) -> Transfer {
    Transfer {
        term: request.from_leader().leader_id.term,
        to: *request.to_node_id(),
        last: request.last_log_id().copied().map(point),
    }
}

pub(super) fn transfer_request(
    from: ReplicaId,
    transfer: &Transfer,
) -> Result<TransferLeaderRequest<types::Types>, Malformed> {
    let vote = leader_vote(from, transfer.term)?;
    let last = log_id_option(transfer.last)?;
    Ok(TransferLeaderRequest::new(vote, transfer.to, last))
}

/// `None` of a state to which nothing was ever applied.
pub(super) fn head(meta: &SnapshotMeta) -> Option<Head> {
    Some(Head {
        last: point(meta.last_log_id?),
        members: members(meta.last_membership.membership()),
        members_at: meta.last_membership.log_id().map(point),
    })
}

/// `leader_term` is that of the leader that sends the snapshot.
pub(super) fn snapshot_meta(head: &Head, leader_term: u64) -> Result<SnapshotMeta, Malformed> {
    let last = log_id(head.last)?;
    let members_at = log_id_option(head.members_at)?;
    if head.last.term > leader_term || members_at > Some(last) {
        return Err(Malformed::Terms);
    }
    Ok(SnapshotMeta {
        last_log_id: Some(last),
        last_membership: StoredMembership::new(members_at, membership(&head.members)?),
    })
}
