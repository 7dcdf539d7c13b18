//! What a member can say about itself, and what has happened to it.

use core::{fmt, time::Duration};

use super::{Cursor, Formation, Index, Term};
use crate::primitives::{Digest, PeerId};

/// A member of a group as it sees itself now.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// Who founds the group's history, by this member's settings.
    pub formation: Formation,
    /// The history that this member takes part in; `None` before it has found or founded one.
    pub lineage: Option<LineageId>,
    /// What this member does.
    pub role: Role,
    /// The leader, if there is one.
    pub leader: Option<PeerId>,
    /// The term of the leader.
    pub term: Term,
    /// The last command applied here.
    pub committed: Index,
    /// The end of the log here.
    pub log: Cursor,
    /// Who decides, this member perhaps included.
    pub voters: Vec<Member>,
    /// Who follows without deciding.
    pub learners: Vec<Member>,
    /// How many voters may fail before nothing can be decided; negative when nothing can. `None` before founding.
    pub quorum_margin: Option<i64>,
    /// How many peers there are bonds with.
    pub bonds_count: usize,
    /// Peers that want to be members and that this one refuses, for want of a ticket. They are not told why.
    pub refused: Vec<RefusedMember>,
    /// Whether commands and strong queries can be expected to work.
    pub is_online: bool,
    /// One sentence on why they cannot; `None` when they can.
    pub why_offline: Option<String>,
}

/// One line for people: what the member does, how far it is, and what it waits for.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let role = match self.role {
            Role::Forming => "forming",
            Role::Learner => "learner",
            Role::Follower => "follower",
            Role::Candidate => "candidate",
            Role::Leader => "leader",
            Role::Stopped => "stopped",
        };
        write!(
            f,
            "{role} in term {}, {} commands applied",
            self.term, self.committed
        )?;
        if !self.voters.is_empty() {
            let (voters, learners) = (self.voters.len(), self.learners.len());
            write!(f, ", {voters} voters, {learners} learners")?;
        }
        match &self.why_offline {
            None => f.write_str(", online"),
            Some(why) => write!(f, ", offline: {why}"),
        }
    }
}

/// One history of a group: from its founding on, it has one order of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineageId {
    /// Minted at founding.
    pub id: Digest,
    /// Raised when the history was taken up again from a survivor.
    pub epoch: u32,
}

/// What a member does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Role {
    /// Has no history yet: looks for one, or founds one.
    Forming,
    /// Follows, and does not decide.
    Learner,
    /// Follows and decides.
    Follower,
    /// Wants to lead.
    Candidate,
    /// Leads.
    Leader,
    /// Has stopped for good, and keeps what it has.
    Stopped,
}

/// A member as its leader, or this member, sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Member {
    /// The peer.
    pub peer: PeerId,
    /// How many log entries it lacks; known to the leader only.
    pub lag: Option<u64>,
    /// How long ago it last answered; known to the leader only.
    pub last_contact: Option<Duration>,
    /// Whether there is a bond with it. A member is always bonded with itself.
    pub is_bonded: bool,
}

/// A peer that may not be a member, as far as this member is concerned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedMember {
    /// The peer.
    pub peer: PeerId,
    /// Why: which validator says no, and in its words.
    pub reason: String,
    /// For how long it has been refused for this reason.
    pub since: Duration,
}

/// Something that happened to a member.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum GroupEvent {
    /// A history was founded, with this member among the founders.
    Founded {
        /// The history.
        lineage: LineageId,
        /// How many founded it.
        founders_count: usize,
    },
    /// This member takes part in a history that others founded.
    Joined {
        /// The history.
        lineage: LineageId,
    },
    /// There is a leader, or another one, or none.
    LeaderChanged {
        /// Who it is.
        leader: Option<PeerId>,
    },
    /// A peer is connected as a member.
    Bonded {
        /// The peer.
        peer: PeerId,
    },
    /// A peer may not be connected, or may no longer be, for want of a ticket; or the reason has changed.
    Refused {
        /// The peer.
        peer: PeerId,
        /// Why: which validator says no, and in its words.
        reason: String,
    },
    /// A peer is not connected any more.
    Unbonded {
        /// The peer.
        peer: PeerId,
    },
    /// The voters changed.
    VotersChanged {
        /// Who they are now.
        voters: Vec<PeerId>,
    },
    /// This member's history was empty and gave way to another.
    Yielded {
        /// The history that was left.
        from: LineageId,
    },
    /// This member has stopped for good.
    Stopped {
        /// Why.
        reason: String,
    },
}
