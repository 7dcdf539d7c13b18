//! What the log says, done: the commands of all members, in one order, each once.

use std::{cell::Cell, collections::VecDeque, sync::Arc};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{
    batch::{Content, Entry, Piece},
    client::{Failure, Run},
    digest::StateAt,
};
use crate::{
    groups::{
        ApplyContext, CHECKPOINT_CHUNK_BYTES_MAX, Checkpoint, Cursor, Index, RestoreError,
        Snapshots, StateMachine, Term,
        cell::{Held, Ledger, MachineCell},
        consensus::{Applier, Position},
        identity::Lineage,
        session::{Answer, EntryDigest, Judged, SessionTable, StateDigest},
    },
    primitives::{GroupId, NetworkId, decode, encode},
};

/// Who wants to know what was applied.
pub(in crate::groups) trait Audience: Send + Sync + 'static {
    /// The session of this node's own commands, and the first of them that is waited for.
    fn session(&self) -> (u128, u64);

    /// Some entries were applied.
    fn applied(&self, news: News);
}

/// What applying some entries has brought about.
#[derive(Debug, Default)]
pub(in crate::groups) struct News {
    /// The last command applied by now.
    pub(in crate::groups) position: Cursor,
    /// The digests after each entry.
    pub(in crate::groups) digests: Vec<StateAt>,
    /// Commands of this node's session.
    pub(in crate::groups) runs: Vec<Run>,
    /// The history has ended in favour of this one.
    pub(in crate::groups) sealed: Option<Lineage>,
    /// A piece of this node's session came before its turn, and was passed over: it has to be sent again.
    pub(in crate::groups) has_gap: bool,
    /// The state came as a snapshot.
    pub(in crate::groups) is_restored: bool,
}

/// Does what the log of one history says, on the machine of this node.
pub(in crate::groups) struct MachineApplier<M: StateMachine> {
    pub(in crate::groups) cell: Arc<MachineCell<M>>,
    pub(in crate::groups) snapshots: Option<Snapshots<M>>,
    pub(in crate::groups) audience: Arc<dyn Audience>,
    pub(in crate::groups) group_id: GroupId,
    pub(in crate::groups) network_id: NetworkId,
    news: News,
}

/// The applier cannot be used for a history: the machine holds another one, and cannot be emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::groups) struct NotBlank;

impl<M: StateMachine> MachineApplier<M> {
    /// An applier for `lineage`.
    ///
    /// A machine that holds the beginning of this very history keeps it, and skips what it has. One that holds commands of
    /// another history is refused.
    pub(in crate::groups) fn new(
        cell: Arc<MachineCell<M>>,
        snapshots: Option<Snapshots<M>>,
        audience: Arc<dyn Audience>,
        (group_id, network_id): (GroupId, NetworkId),
        lineage: Lineage,
    ) -> Result<Self, NotBlank> {
        cell.write(|held| {
            let ledger = &mut held.ledger;
            if ledger.lineage == Some(lineage) {
                return Ok(());
            }
            if !ledger.position.index().is_zero() {
                return Err(NotBlank);
            }
            *ledger = Ledger {
                lineage: Some(lineage),
                ..Ledger::default()
            };
            Ok(())
        })?;
        Ok(Self {
            cell,
            snapshots,
            audience,
            group_id,
            network_id,
            news: News::default(),
        })
    }

    fn apply_piece(
        held: &mut Held<M>,
        news: &mut News,
        digest: &mut EntryDigest,
        (piece, term, seed): (Piece<'_>, Term, u64),
        (group_id, network_id): (&GroupId, &NetworkId),
        own_session: u128,
    ) {
        let Held { machine, ledger } = held;
        let Ledger {
            position,
            sessions,
            utc_ms,
            ..
        } = ledger;
        let mut run: Option<Run> = None;
        let mut session = sessions.open(piece.session);
        for (seq, bytes) in (piece.first_seq..).zip(piece.commands()) {
            let answer = match session.judge(seq) {
                Judged::Apply => {
                    let at = Cursor::new(term, position.index().next());
                    let context = Context {
                        before: *position,
                        at,
                        group_id,
                        network_id,
                        utc_ms: *utc_ms,
                        random: Cell::new(seed ^ at.index().0.wrapping_mul(0xa24b_aed4_963e_e407)),
                    };
                    let Ok(response) = machine.apply_encoded(bytes, &context) else {
                        // The same on every member. It keeps its place in the session, and has none in the history.
                        tracing::error!(seq, "a command does not decode: skipped");
                        let answer = answer(*position, term, Bytes::new());
                        session.record(seq, answer.clone());
                        if piece.session == own_session {
                            news.runs.extend(run.take());
                            news.runs.push(Run {
                                failure: Some(Failure::Failed("it does not decode".to_owned())),
                                ..run_of((piece.session, seq), answer)
                            });
                        }
                        continue;
                    };
                    digest.response(at.index(), &response);
                    *position = at;
                    let answer = answer(at, term, response);
                    if piece.session == own_session {
                        session.record(seq, answer.clone());
                        answer
                    } else {
                        session.record(seq, answer);
                        continue;
                    }
                }
                Judged::Repeated(answer) => answer,
                Judged::Forgotten => continue,
                Judged::Gap { .. } | Judged::Expired => {
                    news.has_gap |= piece.session == own_session;
                    break;
                }
            };
            if piece.session == own_session {
                join_run(&mut news.runs, &mut run, (piece.session, seq), answer);
            }
        }
        drop(session);
        news.runs.extend(run);
    }
}

fn answer(at: Cursor, term: Term, response: Bytes) -> Answer {
    Answer {
        index: at.index(),
        term,
        response,
    }
}

/// Adds one applied command to those before it, if it follows them.
fn join_run(
    done: &mut Vec<Run>,
    run: &mut Option<Run>,
    (session, seq): (u128, u64),
    answer: Answer,
) {
    if let Some(run) = run
        && run.first_seq + run.count == seq
        && run.first + run.count == answer.index
        && run.term == answer.term
    {
        if !answer.response.is_empty() {
            let before = usize::try_from(run.count).unwrap_or(usize::MAX);
            run.responses.resize(before, Bytes::new());
            run.responses.push(answer.response);
        } else if !run.responses.is_empty() {
            run.responses.push(Bytes::new());
        }
        run.count += 1;
        return;
    }
    done.extend(run.replace(run_of((session, seq), answer)));
}

fn run_of((session, seq): (u128, u64), answer: Answer) -> Run {
    let responses = if answer.response.is_empty() {
        Vec::new()
    } else {
        vec![answer.response]
    };
    Run {
        session,
        first_seq: seq,
        count: 1,
        first: answer.index,
        term: answer.term,
        responses,
        failure: None,
    }
}

impl<M: StateMachine> Applier for MachineApplier<M> {
    fn apply(&mut self, at: Position, batch: &[u8]) {
        let (own_session, _) = self.audience.session();
        let (news, ids) = (&mut self.news, (&self.group_id, &self.network_id));
        self.cell.write(|held| {
            let ledger = &mut held.ledger;
            if ledger.log_index.is_some_and(|last| at.log_index <= last) {
                return;
            }
            ledger.log_index = Some(at.log_index);
            let mut digest = ledger.digest.entry(at.log_index, batch);
            match Entry::parse(batch) {
                Err(error) => tracing::error!(log_index = at.log_index, %error, "skipped"),
                Ok(entry) => {
                    ledger.utc_ms = ledger.utc_ms.max(entry.stamp.utc_ms);
                    ledger.sessions.advance(ledger.utc_ms);
                    match entry.content {
                        Content::Seal { to } => {
                            if ledger.position.index().is_zero() && ledger.sealed.is_none() {
                                ledger.sealed = Some(to);
                                news.sealed = Some(to);
                            }
                        }
                        Content::Commands(_) if ledger.sealed.is_some() => {}
                        Content::Commands(piece) => Self::apply_piece(
                            held,
                            news,
                            &mut digest,
                            (piece, Term(at.term), entry.stamp.seed),
                            ids,
                            own_session,
                        ),
                    }
                }
            }
            held.ledger.digest = digest.finish(held.ledger.position.index());
            news.digests.push(StateAt {
                log_index: at.log_index,
                index: held.ledger.position.index(),
                digest: held.ledger.digest.value(),
            });
        });
    }

    fn end_of_run(&mut self) {
        let mut news = std::mem::take(&mut self.news);
        news.position = self.cell.write(|held| {
            held.machine.end_of_run();
            held.ledger.position
        });
        self.audience.applied(news);
    }

    fn checkpoint(&self) -> Box<dyn Checkpoint> {
        self.cell.read(|held| {
            let machine = self
                .snapshots
                .map(|snapshots| (snapshots.checkpoint)(&held.machine));
            let head = Head {
                log_index: held.ledger.log_index,
                position: held.ledger.position,
                utc_ms: held.ledger.utc_ms,
                digest: held.ledger.digest,
                sealed: held.ledger.sealed,
                sessions: held.ledger.sessions.clone(),
            };
            Box::new(Whole {
                head: Some(head),
                pieces: VecDeque::new(),
                machine,
            }) as Box<dyn Checkpoint>
        })
    }

    fn restore(&mut self, chunks: &mut dyn Iterator<Item = Bytes>) -> Result<(), RestoreError> {
        let Some(snapshots) = self.snapshots else {
            return Err(RestoreError::new("this machine takes no snapshots"));
        };
        let head = read_head(chunks)?;
        let (session, from) = self.audience.session();
        let news = &mut self.news;
        self.cell.write(|held| {
            (snapshots.restore)(&mut held.machine, chunks)?;
            let lineage = held.ledger.lineage;
            held.ledger = Ledger {
                lineage,
                log_index: head.log_index,
                position: head.position,
                utc_ms: head.utc_ms,
                digest: head.digest,
                sessions: head.sessions,
                sealed: head.sealed,
            };
            let mut run = None;
            for (seq, answer) in held.ledger.sessions.answers_from(session, from) {
                join_run(&mut news.runs, &mut run, (session, seq), answer);
            }
            news.runs.extend(run);
            news.is_restored = true;
            news.sealed = held.ledger.sealed;
            if let Some(log_index) = head.log_index {
                news.digests.clear();
                news.digests.push(StateAt {
                    log_index,
                    index: head.position.index(),
                    digest: head.digest.value(),
                });
            }
            Ok(())
        })
    }

    fn snapshots(&self) -> bool {
        self.snapshots.is_some()
    }
}

/// What a command may know besides the state.
struct Context<'a> {
    before: Cursor,
    at: Cursor,
    group_id: &'a GroupId,
    network_id: &'a NetworkId,
    utc_ms: u64,
    random: Cell<u64>,
}

impl ApplyContext for Context<'_> {
    fn committed(&self) -> Cursor {
        self.before
    }

    fn log_position(&self) -> Cursor {
        self.at
    }

    fn current_term(&self) -> Term {
        self.at.term()
    }

    fn group_id(&self) -> &GroupId {
        self.group_id
    }

    fn network_id(&self) -> &NetworkId {
        self.network_id
    }

    fn index(&self) -> Index {
        self.at.index()
    }

    fn timestamp(&self) -> DateTime<Utc> {
        i64::try_from(self.utc_ms)
            .ok()
            .and_then(DateTime::from_timestamp_millis)
            .unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    fn random(&self) -> u64 {
        // SplitMix64.
        let state = self.random.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.random.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// The version of the head below.
const FORMAT: u8 = 1;

/// What a snapshot holds before the machine's own chunks.
#[derive(Serialize, Deserialize)]
struct Head {
    log_index: Option<u64>,
    position: Cursor,
    utc_ms: u64,
    digest: StateDigest,
    sealed: Option<Lineage>,
    sessions: SessionTable,
}

/// A snapshot: the head in chunks of its own, then the machine's.
///
/// The first chunk begins with a format version and the length of the encoded head.
struct Whole {
    /// Encoded when it is first read, beside the commands that follow.
    head: Option<Head>,
    pieces: VecDeque<Bytes>,
    machine: Option<Box<dyn Checkpoint>>,
}

impl Checkpoint for Whole {
    fn next_chunk(&mut self) -> Option<Bytes> {
        if let Some(head) = self.head.take() {
            let body = encode(&head).expect("invariant: a head is flat and of encodable parts");
            let mut bytes = BytesMut::with_capacity(HEAD_PREFIX_BYTES + body.len());
            bytes.put_u8(FORMAT);
            bytes.put_u64(body.len() as u64);
            bytes.put_slice(&body);
            let mut bytes = bytes.freeze();
            while !bytes.is_empty() {
                let length = bytes.len().min(CHECKPOINT_CHUNK_BYTES_MAX);
                self.pieces.push_back(bytes.split_to(length));
            }
        }
        if let Some(piece) = self.pieces.pop_front() {
            return Some(piece);
        }
        self.machine.as_mut()?.next_chunk()
    }
}

/// Format version and length.
const HEAD_PREFIX_BYTES: usize = 9;

/// Bytes of a head that are believed: a few thousand sessions with all their answers.
const HEAD_BYTES_MAX: u64 = 1 << 30;

fn read_head(chunks: &mut dyn Iterator<Item = Bytes>) -> Result<Head, RestoreError> {
    let short = || RestoreError::new("it ends inside its head");
    let mut first = chunks.next().ok_or_else(short)?;
    match first.try_get_u8() {
        Ok(FORMAT) => {}
        Ok(other) => return Err(RestoreError::new(format!("format {other} is not known"))),
        Err(_) => return Err(short()),
    }
    let length = first.try_get_u64().map_err(|_| short())?;
    if length > HEAD_BYTES_MAX {
        return Err(RestoreError::new(format!("its head claims {length} bytes")));
    }
    let length = usize::try_from(length).map_err(|_| short())?;
    let mut head = BytesMut::from(&first[..]);
    while head.len() < length {
        head.extend_from_slice(&chunks.next().ok_or_else(short)?);
    }
    decode(&head).map_err(|error| RestoreError::new(format!("its head: {error}")))
}
