//! One channel from a producer, until its link ends.

use {
    super::{
        intake::Intake,
        roster::Outcome,
        shared::{Memory, Shared},
    },
    crate::{
        primitives::{Datum, Digest, PeerEntry, PeerId, Schema, decode, encode},
        runtime::{Shutdown, time},
        streams::{
            admission::Refusal,
            board::BoardEntry,
            codes,
            outbox::Item,
            producer::{Application, ChannelEnd, Core, Stop},
            status::{ChannelInfo, State},
            wire::{Answer, Frame, OpenRequest, Reply, WIRE_VERSION, WireCriteria},
        },
        transport::{
            CloseCode, Link, LinkError, LinkReceiver, LinkSender, OpenError, Protocol, Transport,
        },
    },
    std::{future::poll_fn, sync::Arc, time::Duration},
    tokio::sync::watch,
};

/// How a receiver ended, and why, in words.
#[derive(Debug)]
pub(crate) struct Ending {
    pub(crate) outcome: Outcome,
    pub(crate) reason: String,
}

impl Ending {
    fn new(outcome: Outcome, reason: impl ToString) -> Self {
        Self {
            outcome,
            reason: reason.to_string(),
        }
    }

    /// The producer is not there any more.
    pub(crate) fn gone() -> Self {
        Self::new(Outcome::Gone, "the producer has ended")
    }

    fn stopped() -> Self {
        Self::new(Outcome::Stopped, "stopped by this node")
    }
}

/// A receiver's circumstances.
pub(crate) struct Receiver<'a, D> {
    pub(crate) shared: &'a Shared<D>,
    pub(crate) producer: &'a PeerEntry,
    pub(crate) generation: u64,
    pub(crate) memory: &'a mut Memory,
    pub(crate) stop: Shutdown,
    /// Told once the producer has accepted.
    pub(crate) on_connected: &'a (dyn Fn() + Send + Sync),
}

impl<D: Datum> Receiver<'_, D> {
    /// Over the network.
    pub(crate) async fn receive_from(self, transport: &Transport) -> Ending {
        let entry = self.board_entry();
        let stop = self.stop.clone();
        let request = match encode(&self.request()) {
            Ok(request) => request,
            Err(error) => return Ending::new(Outcome::Incompatible, error),
        };
        let address = self.producer.address().clone();
        let link = tokio::select! {
            () = stop.cancelled() => return Ending::stopped(),
            link = transport.open(address, Protocol::STREAMS, request) => link,
        };
        let link = match link {
            Ok(link) => link,
            Err(error) => return not_opened(&error),
        };
        match decode::<Reply>(link.reply()) {
            Ok(Reply::Accepted { incarnation, start }) => {
                self.receive(link, &entry, incarnation, start).await
            }
            Ok(Reply::OtherSchema(theirs)) => self.compare_schemas(link, &theirs).await,
            Err(error) => {
                link.close(CloseCode::PROTOCOL_VIOLATION);
                Ending::new(
                    Outcome::Lost {
                        was_connected: false,
                    },
                    format!("unintelligible reply: {error}"),
                )
            }
        }
    }

    async fn receive(self, link: Link, entry: &BoardEntry, incarnation: u64, start: u64) -> Ending {
        let mut intake = Intake::new(self.shared, self.memory, *self.producer.id());
        intake.open(incarnation, start);
        entry.set(State::Connected);
        (self.on_connected)();
        let (mut sender, mut receiver) = link.split();
        let stop = self.stop.clone();
        let end = tokio::select! {
            () = stop.cancelled() => End::Stop,
            end = flow(&mut intake, &mut sender, &mut receiver) => end,
        };
        intake.deliver();
        match end {
            End::Stop => {
                sender.reset(CloseCode::CANCELLED);
                receiver.stop(CloseCode::CANCELLED);
                Ending::stopped()
            }
            End::Closed { code, reason } => ending(CloseCode::new(code), &reason),
            End::Finished => Ending::new(
                Outcome::Lost {
                    was_connected: true,
                },
                "the stream ended",
            ),
            End::Failed(error) => match error.code() {
                Some(code) => ending(code, &error.to_string()),
                None => Ending::new(
                    Outcome::Lost {
                        was_connected: true,
                    },
                    error,
                ),
            },
            End::Violation(what) => {
                sender.reset(CloseCode::PROTOCOL_VIOLATION);
                receiver.stop(CloseCode::PROTOCOL_VIOLATION);
                Ending::new(
                    Outcome::Lost {
                        was_connected: false,
                    },
                    what,
                )
            }
        }
    }

    /// The two ends have different types: each tells the other what its own looks like.
    async fn compare_schemas(self, link: Link, theirs: &Schema) -> Ending {
        let text = difference(&self.shared.schema, theirs);
        if let Ok(ours) = encode(&self.shared.schema) {
            let mut frame = Vec::new();
            Answer::Schema(&ours).write(&mut frame);
            let (mut sender, _receiver) = link.split();
            let tell = async {
                sender.send(&frame).await?;
                sender.finish().await
            };
            // The other end may not want to hear it.
            time::timeout(SCHEMA_TIMEOUT, tell).await.ok();
        }
        Ending::new(Outcome::Incompatible, text)
    }

    /// From a producer on this node.
    pub(crate) async fn receive_locally(self, core: &Arc<Core>) -> Ending {
        let entry = self.board_entry();
        let mut request = self.request();
        let application = Application {
            peer: self.shared.local,
            entry: Some(self.producer),
            consumer: self.shared.number,
            schema: self.shared.fingerprint,
            filter: request.criteria.filter.take(),
            credit: request.credit,
            resume: request.resume,
            keeps_sent: false,
        };
        let admitted = match core.admit(application) {
            Ok(admitted) => admitted,
            Err(refusal) => {
                core.refuse(self.shared.local, &refusal);
                let outcome = codes::outcome(codes::of(&refusal)).unwrap_or(Outcome::Refused);
                let reason = match refusal {
                    Refusal::SchemaMismatch => difference(&self.shared.schema, &core.schema),
                    other => other.to_string(),
                };
                return Ending::new(outcome, reason);
            }
        };
        let producer_entry = core.board_entry(&admitted, self.producer.clone());
        producer_entry.set(State::Connected);
        let mut intake = Intake::new(self.shared, self.memory, *self.producer.id());
        intake.open(core.incarnation, admitted.start);
        entry.set(State::Connected);
        (self.on_connected)();
        let window = intake.window();
        let channel = admitted.link.channel;
        let mut stopped = admitted.stop;
        let mut items = Vec::new();
        let ending = loop {
            items.clear();
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break Ending::stopped(),
                stop = stopped.wait_for(Option::is_some) => {
                    let refused = stop.is_ok_and(|stop| stop.as_ref().is_some_and(Stop::is_refusal));
                    let outcome = if refused { Outcome::Refused } else { Outcome::Gone };
                    break Ending::new(outcome, "the producer closed the channel");
                }
                () = window.released() => {
                    if let Some((limit, received)) = intake.renew() {
                        core.acknowledge(channel, limit, received);
                    }
                }
                taken = poll_fn(|cx| core.poll_take(cx, channel, &mut items)) => match taken {
                    Ok(taken) => {
                        admitted.stats.add(taken.datums, taken.bytes);
                        for item in &items {
                            take_locally(&mut intake, item);
                        }
                        intake.deliver();
                    }
                    Err(ChannelEnd::TooSlow) => {
                        break Ending::new(Outcome::Lost { was_connected: true }, "too slow");
                    }
                    Err(_) => break Ending::new(Outcome::Gone, "the producer has ended"),
                },
            }
            tokio::task::coop::consume_budget().await;
        };
        core.link_ended(&admitted.link, true);
        ending
    }

    fn request(&self) -> OpenRequest {
        let config = &self.shared.config;
        let grant = crate::streams::credit::Grant::open(
            config.window,
            self.memory.received,
            self.memory.window.taken(),
        );
        OpenRequest {
            version: WIRE_VERSION,
            stream_id: config.stream_id,
            consumer: self.shared.number,
            schema: self.shared.fingerprint,
            criteria: WireCriteria::new(&config.criteria, config.filter.clone()),
            resume: self.memory.tracker.place(),
            credit: grant.granted(),
        }
    }

    fn board_entry(&self) -> BoardEntry {
        let (state, watched) = watch::channel(State::Connecting);
        let peer: PeerId = *self.producer.id();
        let info = ChannelInfo {
            stream_id: self.shared.config.stream_id,
            criteria: self.shared.config.criteria.clone(),
            producer_id: peer,
            consumer_id: self.shared.local,
            peer: Arc::new(self.producer.clone()),
            state: watched,
            stats: self.memory.stats.clone(),
        };
        // Each attempt has a place of its own, so that a late end does not remove its successor.
        let id = Digest::from_bytes(*peer.as_bytes()).derive(self.generation.to_be_bytes());
        self.shared.board.add(id, info, state)
    }
}

/// Why frames stopped coming.
enum End {
    Stop,
    Closed { code: u32, reason: String },
    Finished,
    Failed(LinkError),
    Violation(String),
}

/// Takes what comes, at once, whatever the application does; grants credit as it takes.
async fn flow<D: Datum>(
    intake: &mut Intake<'_, D>,
    sender: &mut LinkSender,
    receiver: &mut LinkReceiver,
) -> End {
    let window = intake.window();
    let mut frame = Vec::new();
    loop {
        let has_answer = sender.queued_bytes() > 0;
        tokio::select! {
            biased;
            () = window.released() => {
                if let Some((limit, received)) = intake.renew() {
                    Answer::Credit { limit, received }.write(&mut frame);
                    if let Err(error) = sender.queue(&frame) {
                        return End::Failed(error.into());
                    }
                }
            }
            flushed = sender.flush(), if has_answer => {
                if let Err(error) = flushed {
                    return End::Failed(error);
                }
            }
            batch = receiver.recv_batch() => {
                let batch = match batch {
                    Ok(Some(batch)) => batch,
                    Ok(None) => return End::Finished,
                    Err(error) => return End::Failed(error),
                };
                for frame in &batch {
                    if let Some(end) = take_frame(intake, frame) {
                        return end;
                    }
                }
                intake.deliver();
            }
        }
    }
}

fn take_frame<D: Datum>(intake: &mut Intake<'_, D>, frame: &[u8]) -> Option<End> {
    match Frame::parse(frame) {
        Ok(Frame::Data(datums)) => {
            let (first, end) = (datums.first(), datums.end());
            let taken = intake.datums(first, end, datums.count(), datums.iter());
            taken
                .err()
                .map(|_| End::Violation("the producer sent more than it was granted".to_owned()))
        }
        Ok(Frame::Gap {
            first,
            end,
            lost,
            reason,
        }) => {
            intake.gap(first, end, lost, reason);
            None
        }
        Ok(Frame::Close { code, reason }) => Some(End::Closed {
            code,
            reason: reason.to_owned(),
        }),
        Err(error) => Some(End::Violation(format!("malformed frame: {error}"))),
    }
}

fn take_locally<D: Datum>(intake: &mut Intake<'_, D>, item: &Item) {
    match item {
        Item::Data(slice) => {
            // Credit is kept by construction: the producer's half is in the same process.
            intake
                .datums(
                    slice.first(),
                    slice.end(),
                    slice.datums(),
                    slice.datums_at(),
                )
                .ok();
        }
        Item::Gap {
            first,
            end,
            lost,
            reason,
        } => intake.gap(*first, *end, *lost, *reason),
    }
}

fn not_opened(error: &OpenError) -> Ending {
    match error {
        OpenError::Rejected { code, reason, .. } => {
            let outcome = codes::outcome(*code).unwrap_or(Outcome::Lost {
                was_connected: false,
            });
            let reason = if reason.is_empty() {
                code.to_string()
            } else {
                format!("{code}: {reason}")
            };
            Ending::new(outcome, reason)
        }
        OpenError::DifferentNetwork { .. } => Ending::new(Outcome::Incompatible, error),
        other => Ending::new(
            Outcome::Lost {
                was_connected: false,
            },
            other,
        ),
    }
}

fn ending(code: CloseCode, reason: &str) -> Ending {
    let outcome = codes::outcome(code).unwrap_or(Outcome::Lost {
        was_connected: true,
    });
    Ending::new(outcome, format!("{code}: {reason}"))
}

/// What differs between the two ends, in words.
pub(crate) fn difference(ours: &Schema, theirs: &Schema) -> String {
    match Schema::first_difference(ours, theirs) {
        Some(difference) => format!("the datum has another schema: {difference}"),
        None => "the datum has another schema".to_owned(),
    }
}

/// How long telling the other end about our schema may take.
const SCHEMA_TIMEOUT: Duration = Duration::from_secs(2);
