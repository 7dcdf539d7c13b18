//! The tasks of one bond: one that sends, one that receives, answers and watches for silence.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};

use super::{
    member::Member,
    outbox::Lane,
    tied::Tied,
    wire::{Frame, FrameReader, WireError},
};
use crate::{
    groups::ConsensusConfig,
    runtime::{Clock, Rng, time},
    transport::{CloseCode, LinkError, LinkReceiver, LinkSender},
};

/// How often a bond gives a sign of life, and how much silence it bears.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    interval: Duration,
    jitter: Duration,
    silence_max: Duration,
}

impl Pace {
    pub(super) fn of(config: &ConsensusConfig) -> Self {
        Self {
            interval: config.heartbeat_interval,
            jitter: config.heartbeat_jitter,
            silence_max: (config.heartbeat_interval + config.heartbeat_jitter)
                * config.max_missed_heartbeats,
        }
    }

    fn next(&self, rng: &mut Rng) -> Duration {
        let earlier = self.jitter.mul_f64(rng.unit_f64());
        self.interval.saturating_sub(earlier)
    }
}

/// Sends what others leave to it, until the bond has ended and nothing waits, or the link breaks.
pub(super) async fn send(tied: Arc<Tied>, sender: LinkSender) {
    let mut open = tied.way.open(sender);
    let sent = tokio::select! {
        sent = open.write_rest() => sent,
        () = gone(&tied) => Ok(()),
    };
    let Some(sender) = open.end() else {
        return;
    };
    if let Err(code) = sent {
        tied.close(code);
        sender.reset(code);
        return;
    }
    match tied.closing().await {
        CloseCode::GRACEFUL_SHUTDOWN => {
            // The departure is on its way; without an acknowledgement the peer finds out by the silence.
            let _ = time::timeout(FAREWELL, sender.finish()).await;
        }
        code => sender.reset(code),
    }
}

/// Until the bond has ended and its last frames had their time to leave.
async fn gone(tied: &Tied) {
    tied.ended().await;
    time::sleep(FAREWELL).await;
}

/// Receives, answers and watches for silence, until the bond ends: with which code.
pub(super) async fn receive(
    tied: Arc<Tied>,
    mut receiver: LinkReceiver,
    member: Arc<dyn Member>,
    pace: Pace,
    clock: Clock,
    mut rng: Rng,
) -> CloseCode {
    let mut reader = FrameReader::default();
    let mut serving: FuturesUnordered<BoxFuture<'static, (u64, Bytes)>> = FuturesUnordered::new();
    let mut closing = Box::pin(async {
        let tied = tied.clone();
        tied.closing().await
    });
    let mut next_ping = clock.now();
    loop {
        tokio::select! {
            code = &mut closing => {
                receiver.stop(code);
                return code;
            }
            Some((id, body)) = serving.next(), if !serving.is_empty() => reply(&tied, id, body),
            received = receiver.recv() => {
                let frame = match received {
                    Ok(Some(frame)) => reader.take(frame),
                    Ok(None) => return CloseCode::UNEXPECTED_CLOSE,
                    Err(error) => return ended_by(&error),
                };
                tied.hear(clock.now());
                match frame {
                    Ok(None) => {}
                    Ok(Some(Frame::Departure)) => return CloseCode::GRACEFUL_SHUTDOWN,
                    Ok(Some(Frame::Ping(pulse))) => member.hear_pulse(&tied, &pulse),
                    Ok(Some(Frame::Note { kind, body })) => member.hear(&tied, kind, body),
                    Ok(Some(Frame::Reply { id, body })) => tied.answer(id, body),
                    Ok(Some(Frame::Request { id, kind, head, body })) => {
                        if serving.len() >= SERVED_AT_ONCE_MAX {
                            receiver.stop(CloseCode::OVERLOADED);
                            return CloseCode::OVERLOADED;
                        }
                        let answer = member.request(&tied, kind, head, body);
                        let answer = answer.map(move |body| (id, body));
                        // At once, and in order: a later request must not overtake this one, whatever the
                        // runtime thinks of how much this task has done.
                        let mut answer = tokio::task::unconstrained(answer).boxed();
                        match futures::poll!(&mut answer) {
                            std::task::Poll::Ready((id, body)) => reply(&tied, id, body),
                            std::task::Poll::Pending => serving.push(answer),
                        }
                    }
                    Err(WireError::Format(_) | WireError::Malformed(_)) => {
                        receiver.stop(CloseCode::PROTOCOL_VIOLATION);
                        return CloseCode::PROTOCOL_VIOLATION;
                    }
                }
            }
            () = time::sleep_until(next_ping) => {
                let now = clock.now();
                if tied.silence(now) > pace.silence_max {
                    receiver.stop(CloseCode::MEMBER_TIMEOUT);
                    return CloseCode::MEMBER_TIMEOUT;
                }
                tied.bulk.release(now);
                // A full outbox is a sign of life by itself.
                let _ = tied.way.queue(Lane::Control, Frame::Ping(member.pulse()));
                next_ping = now + pace.next(&mut rng);
            }
        }
    }
}

fn reply(tied: &Tied, id: u64, body: Bytes) {
    if tied
        .way
        .send(Lane::Control, Frame::Reply { id, body })
        .is_err()
    {
        tracing::debug!(peer = %tied.peer.fmt_short(), "answer dropped: too much is waiting");
    }
}

fn ended_by(error: &LinkError) -> CloseCode {
    match error {
        LinkError::FrameTooLarge { .. } => CloseCode::FRAME_TOO_LARGE,
        other => other.code().unwrap_or(CloseCode::UNEXPECTED_CLOSE),
    }
}

/// Requests of one peer that may be under way here: what its calls may be, twice over.
const SERVED_AT_ONCE_MAX: usize = 2048;

/// How long the last frames have to leave.
const FAREWELL: Duration = Duration::from_millis(200);
