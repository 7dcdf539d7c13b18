//! The states of single nodes, each computed once: worlds hold their numbers.

use std::collections::HashMap;
use std::rc::Rc;

use super::super::state::Timer;
use super::super::{Action, Event, Facts, Founding, Message};
use super::world::Scenario;
use crate::groups::identity::{Founders, Lineage, ReplicaId};
use crate::groups::lineage::Standing;
use crate::primitives::Digest;
use core::time::Duration;

/// What can happen to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Stimulus {
    /// The facts of the node in this state.
    Facts(u32),
    BondDown(u8),
    Message(u16),
    Touched(u16),
    HasCommands,
    Voters(u16),
    Sealed,
    Timer(Timer),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Envelope {
    pub(super) from: ReplicaId,
    pub(super) to: ReplicaId,
    pub(super) message: Message,
}

/// A lineage that was founded: in different worlds perhaps with different founders.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Founded {
    pub(super) lineage: Lineage,
    pub(super) founders: Founders,
}

/// What a node did about a stimulus.
#[derive(Debug, Clone)]
pub(super) struct Outcome {
    pub(super) node: u32,
    pub(super) sends: Vec<u16>,
    pub(super) founds: Vec<u16>,
    pub(super) yields: bool,
}

/// A node in one state, with what worlds ask of it.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) founding: Founding,
    pub(super) facts: Facts,
}

impl Node {
    pub(super) fn lineage_as_member(&self) -> Option<Lineage> {
        match &self.facts.standing {
            Standing::Member(history) => Some(history.origin.lineage),
            _ => None,
        }
    }

    pub(super) fn knows(&self, facts: &Facts) -> bool {
        self.founding.peers.get(&facts.replica.key()) == Some(facts)
    }
}

#[derive(Default)]
pub(super) struct Nodes {
    numbers: HashMap<Founding, u32>,
    pub(super) nodes: Vec<Rc<Node>>,
    envelope_numbers: HashMap<Envelope, u16>,
    pub(super) envelopes: Vec<Envelope>,
    founded_numbers: HashMap<Founded, u16>,
    pub(super) founded: Vec<Founded>,
    replica_numbers: HashMap<ReplicaId, u8>,
    outcomes: HashMap<(u32, Stimulus), Rc<Outcome>>,
}

impl Nodes {
    pub(super) fn blank(&mut self, scenario: &Scenario, slot: u8, incarnation: u64) -> u32 {
        let me = ReplicaId::new(Digest::from_u8(slot).into(), incarnation);
        let mut founding = Founding::new(scenario.settings.clone(), me, Duration::ZERO);
        founding.flaw = scenario.flaw;
        founding.handle(Duration::ZERO, 0, Event::Tick);
        self.number(founding)
    }

    fn number(&mut self, founding: Founding) -> u32 {
        if let Some(number) = self.numbers.get(&founding) {
            return *number;
        }
        let number = u32::try_from(self.nodes.len()).unwrap();
        self.numbers.insert(founding.clone(), number);
        let facts = founding.facts();
        self.nodes.push(Rc::new(Node { founding, facts }));
        number
    }

    pub(super) fn node(&self, number: u32) -> &Node {
        &self.nodes[number as usize]
    }

    /// A bit for each replica that has ever been there.
    pub(super) fn replica_bit(&mut self, replica: ReplicaId) -> u128 {
        let next = u8::try_from(self.replica_numbers.len()).unwrap();
        let number = *self.replica_numbers.entry(replica).or_insert(next);
        assert!(number < 128, "more replicas than bits");
        1 << number
    }

    fn event(&self, stimulus: Stimulus) -> Event {
        match stimulus {
            Stimulus::Facts(node) => Event::Peer(self.node(node).facts.clone()),
            Stimulus::BondDown(slot) => Event::BondDown(Digest::from_u8(slot)),
            Stimulus::Message(number) => {
                let Envelope { from, to, message } = self.envelopes[usize::from(number)].clone();
                Event::Message { from, to, message }
            }
            Stimulus::Touched(number) => Event::Touched(self.founded[usize::from(number)].lineage),
            Stimulus::HasCommands => Event::HasCommands,
            Stimulus::Voters(number) => {
                let founders = &self.founded[usize::from(number)].founders;
                Event::Voters(founders.as_set().clone())
            }
            Stimulus::Sealed => Event::Sealed,
            Stimulus::Timer(_) => Event::Tick,
        }
    }

    pub(super) fn outcome(&mut self, number: u32, stimulus: Stimulus) -> Rc<Outcome> {
        if let Some(outcome) = self.outcomes.get(&(number, stimulus)) {
            return Rc::clone(outcome);
        }
        let mut founding = self.node(number).founding.clone();
        let actions = match stimulus {
            Stimulus::Timer(timer) => founding.expire(timer),
            _ => founding.handle(Duration::ZERO, 0, self.event(stimulus)),
        };
        let from = founding.me();
        let mut outcome = Outcome {
            node: 0,
            sends: Vec::new(),
            founds: Vec::new(),
            yields: false,
        };
        for action in actions {
            match action {
                Action::Send { to, message } => {
                    let sent = self.envelope(Envelope { from, to, message });
                    outcome.sends.push(sent);
                }
                Action::Found { origin, founders } => {
                    assert!(
                        founders.satisfy(&origin.rule),
                        "founders that the rule forbids"
                    );
                    let lineage = origin.lineage;
                    outcome
                        .founds
                        .push(self.found(Founded { lineage, founders }));
                }
                Action::Yield { .. } => outcome.yields = true,
                Action::Record { .. }
                | Action::Renew(_)
                | Action::Announce(_)
                | Action::Join { .. }
                | Action::Fence(_) => {}
            }
        }
        outcome.node = self.number(founding);
        let outcome = Rc::new(outcome);
        self.outcomes
            .insert((number, stimulus), Rc::clone(&outcome));
        outcome
    }

    fn envelope(&mut self, envelope: Envelope) -> u16 {
        if let Some(number) = self.envelope_numbers.get(&envelope) {
            return *number;
        }
        let number = u16::try_from(self.envelopes.len()).unwrap();
        self.envelope_numbers.insert(envelope.clone(), number);
        self.envelopes.push(envelope);
        number
    }

    fn found(&mut self, founded: Founded) -> u16 {
        if let Some(number) = self.founded_numbers.get(&founded) {
            return *number;
        }
        let number = u16::try_from(self.founded.len()).unwrap();
        self.founded_numbers.insert(founded.clone(), number);
        self.founded.push(founded);
        number
    }
}
