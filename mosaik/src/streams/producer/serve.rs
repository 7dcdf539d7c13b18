//! One channel to a consumer, until its link ends.

use {
    super::{
        core::{ChannelEnd, Core},
        members::{Admitted, Application, Link as MemberLink, Stop},
    },
    crate::{
        primitives::{Digest, PeerEntry, PeerId, Schema, Short, decode, encode},
        runtime::time,
        streams::{
            admission::Refusal,
            board::BoardEntry,
            codes,
            consumer::difference,
            criteria::Criteria,
            meter::StreamsMeter,
            registry::Surroundings,
            status::{ChannelInfo, State, Stats},
            wire::{Answer, OpenRequest, Outgoing, Reply, WIRE_VERSION, write_close, write_frames},
        },
        transport::{
            CloseCode, ConnectionEnd, Incoming, Link, LinkError, LinkReceiver, LinkSender,
        },
    },
    std::{future::poll_fn, sync::Arc, time::Duration},
    tokio::sync::watch,
    tracing::Instrument,
};

/// Answers a consumer's request, and serves it until one side ends it.
pub(crate) async fn serve(
    surroundings: Arc<Surroundings>,
    meter: Arc<StreamsMeter>,
    incoming: Incoming,
) {
    let peer = incoming.peer;
    let request = match decode::<OpenRequest>(&incoming.request) {
        Ok(request) if request.version == WIRE_VERSION => request,
        Ok(request) => {
            let reason = format!(
                "version {} of the request, {WIRE_VERSION} here",
                request.version
            );
            return incoming
                .reject(CloseCode::UNSUPPORTED_VERSION, &reason)
                .await;
        }
        Err(error) => {
            meter.rejected();
            let reason = format!("unintelligible request: {error}");
            return incoming
                .reject(CloseCode::PROTOCOL_VIOLATION, &reason)
                .await;
        }
    };
    let span = tracing::debug_span!(
        "stream",
        stream = %Short(&request.stream_id),
        consumer = %Short(peer.as_bytes()),
    );
    answer(&surroundings, &meter, incoming, request)
        .instrument(span)
        .await;
}

async fn answer(
    surroundings: &Surroundings,
    meter: &StreamsMeter,
    incoming: Incoming,
    request: OpenRequest,
) {
    let peer = incoming.peer;
    let entry = surroundings.directory.peer(&peer);
    let Some(core) = surroundings.registry.find(&request.stream_id) else {
        let refusal = if entry.is_none() {
            Refusal::UnknownPeer
        } else {
            Refusal::StreamNotFound
        };
        meter.rejected();
        return incoming.reject(codes::of(&refusal), &refusal.told()).await;
    };
    let admitted = core.admit(Application {
        peer,
        entry: entry.as_ref(),
        consumer: request.consumer,
        schema: request.schema,
        filter: request.criteria.filter,
        credit: request.credit,
        resume: request.resume,
        keeps_sent: true,
    });
    let admitted = match admitted {
        Ok(admitted) => admitted,
        Err(refusal) => {
            tracing::debug!(%refusal, "consumer refused");
            meter.rejected();
            core.refuse(peer, &refusal);
            return match refusal {
                Refusal::SchemaMismatch => compare_schemas(&core, incoming).await,
                refusal => {
                    incoming.reject(codes::of(&refusal), &refusal.told()).await;
                }
            };
        }
    };
    let Some(entry) = entry else {
        return;
    };
    meter.accepted();
    let ward = Ward {
        core: &core,
        link: admitted.link,
        said_goodbye: false,
    };
    let reply = Reply::Accepted {
        incarnation: core.incarnation,
        start: admitted.start,
    };
    let Ok(reply) = encode(&reply) else {
        return;
    };
    // On the board before the consumer hears of it: who sees the channel at the consumer finds it here too.
    let board = core.board_entry(&admitted, entry);
    board.set(State::Connected);
    match incoming.accept(reply).await {
        Ok(link) => run(&core, admitted, link, &board, ward).await,
        Err(error) => tracing::debug!(%error, "consumer went before it was served"),
    }
}

/// Tells the core that the link has ended, whatever ends it.
struct Ward<'a> {
    core: &'a Core,
    link: MemberLink,
    said_goodbye: bool,
}

impl Drop for Ward<'_> {
    fn drop(&mut self) {
        self.core.link_ended(&self.link, self.said_goodbye);
    }
}

async fn run(core: &Core, admitted: Admitted, link: Link, board: &BoardEntry, mut ward: Ward<'_>) {
    let Admitted {
        link: member,
        mut stop,
        ..
    } = admitted;
    let (mut sender, mut receiver) = link.split();
    let end = tokio::select! {
        biased;
        stopped = stop.wait_for(Option::is_some) => End::Stopped(stopped.ok().and_then(|stop| stop.clone())),
        end = read(core, member, &mut receiver) => end,
        end = write(core, member, board.stats(), &mut sender) => end,
        () = lingered(core) => End::Drained,
    };
    ward.said_goodbye = !matches!(&end, End::Broken(error) if !said_goodbye(error));
    drop(ward);
    match end {
        End::Broken(error) => tracing::debug!(%error, "link to a consumer ended"),
        End::Finished => {}
        End::Violation => {
            sender.reset(CloseCode::PROTOCOL_VIOLATION);
            receiver.stop(CloseCode::PROTOCOL_VIOLATION);
        }
        // At once: what is on its way is not for it any more.
        End::Stopped(Some(Stop::Refused(refusal))) => {
            sender.reset(codes::of(&refusal));
            receiver.stop(codes::of(&refusal));
        }
        End::Stopped(_) => {
            sender.reset(CloseCode::CANCELLED);
            receiver.stop(CloseCode::CANCELLED);
        }
        End::TooSlow => close(sender, CloseCode::TOO_SLOW, "the consumer's queue is full").await,
        End::Drained => {
            close(
                sender,
                CloseCode::GRACEFUL_SHUTDOWN,
                "the producer has ended",
            )
            .await
        }
    }
}

/// Why a channel is over.
enum End {
    /// The link failed or was closed.
    Broken(LinkError),
    /// The consumer finished.
    Finished,
    /// The consumer sent nonsense.
    Violation,
    /// This side no longer wants it.
    Stopped(Option<Stop>),
    TooSlow,
    /// The producer has ended, and everything was sent.
    Drained,
}

/// Reads at once whatever comes: credits.
async fn read(core: &Core, member: MemberLink, receiver: &mut LinkReceiver) -> End {
    loop {
        match receiver.recv().await {
            Ok(Some(frame)) => match Answer::parse(&frame) {
                Ok(Answer::Credit { limit, received }) => {
                    core.acknowledge(member.channel, limit, received)
                }
                Ok(Answer::Schema(_)) | Err(_) => return End::Violation,
            },
            Ok(None) => return End::Finished,
            Err(error) => return End::Broken(error),
        }
    }
}

/// Writes whatever the channel has, in one write for each wake-up.
async fn write(core: &Core, member: MemberLink, stats: &Stats, sender: &mut LinkSender) -> End {
    let (mut items, mut buffer) = (Vec::new(), Vec::new());
    loop {
        items.clear();
        match poll_fn(|cx| core.poll_take(cx, member.channel, &mut items)).await {
            Ok(taken) => {
                // Counted before it leaves: who has received a datum finds it in the figures.
                stats.add(taken.datums, taken.bytes);
                let queued = write_frames(&items, &mut buffer, |frame| match frame {
                    Outgoing::Copied(frame) => sender.queue(frame),
                    Outgoing::Shared(frame) => sender.queue_shared(frame),
                });
                if let Err(error) = queued {
                    return End::Broken(error.into());
                }
                if let Err(error) = sender.flush().await {
                    return End::Broken(error);
                }
            }
            Err(ChannelEnd::Drained) => return End::Drained,
            Err(ChannelEnd::TooSlow) => return End::TooSlow,
            Err(ChannelEnd::Removed) => return End::Stopped(None),
        }
        tokio::task::coop::consume_budget().await;
    }
}

/// Resolves some time after the producer has ended: a consumer that takes nothing does not hold it for ever.
async fn lingered(core: &Core) {
    core.board.online().condition(|state| state.ended).await;
    time::sleep(LINGER).await;
}

async fn close(mut sender: LinkSender, code: CloseCode, reason: &str) {
    let mut frame = Vec::new();
    write_close(code.value(), reason, &mut frame);
    if sender.queue(&frame).is_err() {
        return;
    }
    match time::timeout(CLOSE_TIMEOUT, sender.finish()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a consumer did not hear the end"),
        Err(_) => tracing::debug!("a consumer did not hear the end in time"),
    }
}

/// Whether the consumer's side ended the link on purpose, so that it does not come back for what it has missed.
fn said_goodbye(error: &LinkError) -> bool {
    match error {
        LinkError::Reset(_) | LinkError::Stopped(_) => true,
        LinkError::ConnectionEnded(end @ ConnectionEnd::ByPeer(_)) => !end.is_housekeeping(),
        _ => false,
    }
}

/// The two ends have different types: each tells the other what its own looks like.
async fn compare_schemas(core: &Core, incoming: Incoming) {
    let peer = incoming.peer;
    let Ok(reply) = encode(&Reply::OtherSchema(Box::new(core.schema.clone()))) else {
        return incoming.reject(CloseCode::SCHEMA_MISMATCH, "").await;
    };
    let Ok(link) = incoming.accept(reply).await else {
        return;
    };
    let (_sender, mut receiver) = link.split();
    let Ok(Ok(Some(frame))) = time::timeout(SCHEMA_TIMEOUT, receiver.recv()).await else {
        return;
    };
    if let Ok(Answer::Schema(theirs)) = Answer::parse(&frame)
        && let Ok(theirs) = decode::<Schema>(theirs)
    {
        let text = difference(&core.schema, &theirs);
        tracing::warn!(%peer, text, "consumer with another schema refused");
        core.refusals.note(peer, &text, core.clock.now());
    }
}

impl Core {
    /// Puts a channel on the board.
    pub(crate) fn board_entry(&self, admitted: &Admitted, peer: PeerEntry) -> BoardEntry {
        let (state, watched) = watch::channel(State::Connecting);
        let consumer: PeerId = *peer.id();
        let info = ChannelInfo {
            stream_id: self.config.stream_id,
            criteria: Criteria {},
            producer_id: self.local,
            consumer_id: consumer,
            peer: Arc::new(peer),
            state: watched,
            stats: admitted.stats.clone(),
        };
        let id =
            Digest::from_bytes(*consumer.as_bytes()).derive(admitted.link.number.to_be_bytes());
        self.board.add(id, info, state)
    }
}

/// How long a channel goes on after its producer has ended, to send what was accepted.
const LINGER: Duration = Duration::from_secs(10);

/// How long telling a consumer about the end may take.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long the other end may take to tell its schema.
const SCHEMA_TIMEOUT: Duration = Duration::from_secs(2);
