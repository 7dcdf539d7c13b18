//! A handful of nodes, what is under way between them, and what has ever happened.

use super::super::Settings;
use super::super::state::{Phase, Timer};
use super::Flaw;
use super::nodes::{Nodes, Stimulus};
use crate::groups::identity::Lineage;
use crate::groups::lineage::Standing;

/// What is explored.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    pub(super) settings: Settings,
    pub(super) nodes: usize,
    /// Whether all bonds are up when the nodes start.
    pub(super) is_bonded: bool,
    /// How often a node may lose everything and come back as another replica.
    pub(super) crashes: u8,
    /// How often a bond may go down.
    pub(super) cuts: u8,
    /// How many histories may get a command.
    pub(super) writes: u8,
    /// Lineages that one node may mint.
    pub(super) minted_max: u64,
    /// Whether timers other than the first wait until nothing else can happen.
    pub(super) timers_wait: bool,
    /// Whether a pledge is released only when the attempt that it was given to is over.
    pub(super) pledges_outlast: bool,
    pub(super) flaw: Option<Flaw>,
    pub(super) states_max: usize,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) nodes: Vec<u32>,
    /// A bit for each pair.
    bonds: u16,
    /// Sorted.
    messages: Vec<u16>,
    /// Sorted by number.
    pub(super) histories: Vec<Lived>,
    crashes: u8,
    cuts: u8,
    writes: u8,
}

/// What has become of a founded lineage.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Lived {
    pub(super) number: u16,
    /// Founders that have ever taken part.
    pub(super) took_part: u128,
    pub(super) has_commands: bool,
    wants_seal: bool,
    sealed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Bond(usize, usize),
    Cut(usize, usize),
    Crash(usize),
    Node(usize, Stimulus),
    TakeIn(usize, u16),
    Write(u16),
    Seal(u16),
}

fn pair_bit(a: usize, b: usize) -> u16 {
    let (low, high) = (a.min(b), a.max(b));
    1 << (high * (high - 1) / 2 + low)
}

impl World {
    pub(super) fn new(nodes: &mut Nodes, scenario: &Scenario) -> Self {
        let slots = 0..u8::try_from(scenario.nodes).unwrap();
        let mut world = Self {
            nodes: slots.map(|slot| nodes.blank(scenario, slot, 0)).collect(),
            bonds: 0,
            messages: Vec::new(),
            histories: Vec::new(),
            crashes: scenario.crashes,
            cuts: scenario.cuts,
            writes: scenario.writes,
        };
        for (a, b) in world.pairs().filter(|_| scenario.is_bonded) {
            world.bonds |= pair_bit(a, b);
        }
        world
    }

    fn is_bonded(&self, a: usize, b: usize) -> bool {
        a != b && self.bonds & pair_bit(a, b) != 0
    }

    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let count = self.nodes.len();
        (0..count).flat_map(move |a| (a + 1..count).map(move |b| (a, b)))
    }

    pub(super) fn is_connected(&self) -> bool {
        self.pairs().all(|(a, b)| self.is_bonded(a, b))
    }

    fn slot(&self, nodes: &Nodes, key: &crate::primitives::Digest) -> Option<usize> {
        (0..self.nodes.len()).find(|slot| nodes.node(self.nodes[*slot]).facts.replica.key() == *key)
    }

    /// Everything that could happen now, but for timers that wait.
    pub(super) fn steps(&self, nodes: &Nodes, scenario: &Scenario, steps: &mut Vec<Step>) {
        for (a, b) in self.pairs() {
            if !self.is_bonded(a, b) {
                steps.push(Step::Bond(a, b));
                continue;
            }
            if self.cuts > 0 {
                steps.push(Step::Cut(a, b));
            }
            for (from, to) in [(a, b), (b, a)] {
                let facts = &nodes.node(self.nodes[from]).facts;
                if !nodes.node(self.nodes[to]).knows(facts) {
                    steps.push(Step::Node(to, Stimulus::Facts(self.nodes[from])));
                }
            }
        }
        for message in &self.messages {
            let envelope = &nodes.envelopes[usize::from(*message)];
            let from = self.slot(nodes, &envelope.from.key());
            let to = self.slot(nodes, &envelope.to.key());
            if let (Some(from), Some(to)) = (from, to)
                && self.is_bonded(from, to)
            {
                steps.push(Step::Node(to, Stimulus::Message(*message)));
            }
        }
        for slot in 0..self.nodes.len() {
            let node = nodes.node(self.nodes[slot]);
            if self.crashes > 0 {
                steps.push(Step::Crash(slot));
            }
            if node.founding.timers.contains_key(&Timer::Settle) {
                steps.push(Step::Node(slot, Stimulus::Timer(Timer::Settle)));
            }
            self.touches(nodes, slot, steps);
        }
        for lived in self
            .histories
            .iter()
            .filter(|lived| !lived.has_commands && !lived.sealed)
        {
            if (self.writes > 0 || lived.wants_seal) && self.leader(nodes, lived.number).is_some() {
                if self.writes > 0 {
                    steps.push(Step::Write(lived.number));
                }
                if lived.wants_seal {
                    steps.push(Step::Seal(lived.number));
                }
            }
        }
        if !scenario.timers_wait {
            self.timers(nodes, scenario, steps);
        }
    }

    /// Timers that may run out now.
    pub(super) fn timers(&self, nodes: &Nodes, scenario: &Scenario, steps: &mut Vec<Step>) {
        for slot in 0..self.nodes.len() {
            let node = nodes.node(self.nodes[slot]);
            for timer in node.founding.timers.keys() {
                let is_early = *timer == Timer::Release
                    && scenario.pledges_outlast
                    && self.attempt_goes_on(nodes, slot);
                if *timer != Timer::Settle && !is_early {
                    steps.push(Step::Node(slot, Stimulus::Timer(*timer)));
                }
            }
        }
    }

    /// Whether the one that a node has pledged itself to still waits for pledges.
    fn attempt_goes_on(&self, nodes: &Nodes, slot: usize) -> bool {
        let Phase::Pledged {
            origin, proposer, ..
        } = &nodes.node(self.nodes[slot]).founding.phase
        else {
            return false;
        };
        self.nodes.iter().any(|number| {
            let other = &nodes.node(*number).founding;
            other.me() == *proposer
                && matches!(&other.phase, Phase::Proposing { origin: open, .. } if open == origin)
        })
    }

    /// Messages of the consensus to a node that is not a member yet.
    fn touches(&self, nodes: &Nodes, slot: usize, steps: &mut Vec<Step>) {
        let facts = &nodes.node(self.nodes[slot]).facts;
        match facts.standing {
            // Any founder that takes part asks it for its vote.
            Standing::Pledged(lineage) => {
                let asks = |other: &usize| {
                    self.is_bonded(slot, *other)
                        && nodes.node(self.nodes[*other]).lineage_as_member() == Some(lineage)
                };
                if let Some(number) = self.number_of(nodes, &lineage)
                    && (0..self.nodes.len()).any(|other| asks(&other))
                {
                    steps.push(Step::Node(slot, Stimulus::Touched(number)));
                }
            }
            Standing::Joining(lineage) => {
                if let Some(number) = self.number_of(nodes, &lineage)
                    && let Some(leader) = self.leader(nodes, number)
                    && self.is_bonded(slot, leader)
                {
                    steps.push(Step::TakeIn(slot, number));
                }
            }
            _ => {}
        }
    }

    /// Under which number a lineage was founded in this world.
    pub(super) fn number_of(&self, nodes: &Nodes, lineage: &Lineage) -> Option<u16> {
        let mut numbers = self.histories.iter().map(|lived| lived.number);
        numbers.find(|number| nodes.founded[usize::from(*number)].lineage == *lineage)
    }

    /// A founder that takes part and reaches a majority that does.
    fn leader(&self, nodes: &Nodes, number: u16) -> Option<usize> {
        let founded = &nodes.founded[usize::from(number)];
        let takes_part = |slot: &usize| {
            let node = nodes.node(self.nodes[*slot]);
            node.lineage_as_member() == Some(founded.lineage)
                && founded.founders.contains(&node.facts.replica)
        };
        let slots = 0..self.nodes.len();
        slots.clone().filter(takes_part).find(|leader| {
            let reached = |slot: &usize| *slot == *leader || self.is_bonded(*leader, *slot);
            let count = slots.clone().filter(takes_part).filter(reached).count();
            count > founded.founders.as_set().len() / 2
        })
    }

    /// The world after a step; `None` if a node has minted more lineages than are explored.
    pub(super) fn after(&self, nodes: &mut Nodes, scenario: &Scenario, step: Step) -> Option<Self> {
        let mut world = self.clone();
        match step {
            Step::Bond(a, b) => world.bonds |= pair_bit(a, b),
            Step::Cut(a, b) => {
                world.cuts -= 1;
                world.unbond(nodes, scenario, a, b)?;
            }
            Step::Crash(slot) => {
                world.crashes -= 1;
                let former = nodes.node(world.nodes[slot]).facts.replica;
                for other in 0..world.nodes.len() {
                    if world.is_bonded(slot, other) {
                        world.unbond(nodes, scenario, slot, other)?;
                    }
                }
                // Far from what the former one could be renewed to.
                let incarnation = (former.incarnation() / 1000 + 1) * 1000;
                world.nodes[slot] = nodes.blank(scenario, u8::try_from(slot).unwrap(), incarnation);
            }
            Step::Node(slot, stimulus) => world.stimulate(nodes, scenario, slot, stimulus)?,
            Step::TakeIn(slot, number) => {
                world.stimulate(nodes, scenario, slot, Stimulus::Touched(number))?;
                world.stimulate(nodes, scenario, slot, Stimulus::Voters(number))?;
            }
            Step::Write(number) => {
                world.writes -= 1;
                world.history(number).has_commands = true;
                world.tell_members(nodes, scenario, number, Stimulus::HasCommands)?;
            }
            Step::Seal(number) => {
                world.history(number).sealed = true;
                world.tell_members(nodes, scenario, number, Stimulus::Sealed)?;
            }
        }
        world.forget_stale(nodes);
        Some(world)
    }

    fn unbond(&mut self, nodes: &mut Nodes, scenario: &Scenario, a: usize, b: usize) -> Option<()> {
        self.bonds &= !pair_bit(a, b);
        for (slot, other) in [(a, b), (b, a)] {
            let other = u8::try_from(other).unwrap();
            self.stimulate(nodes, scenario, slot, Stimulus::BondDown(other))?;
        }
        Some(())
    }

    fn tell_members(
        &mut self,
        nodes: &mut Nodes,
        scenario: &Scenario,
        number: u16,
        stimulus: Stimulus,
    ) -> Option<()> {
        let lineage = nodes.founded[usize::from(number)].lineage;
        let leader = self.leader(nodes, number)?;
        for slot in 0..self.nodes.len() {
            let is_member = nodes.node(self.nodes[slot]).lineage_as_member() == Some(lineage);
            if is_member && (slot == leader || self.is_bonded(slot, leader)) {
                self.stimulate(nodes, scenario, slot, stimulus)?;
            }
        }
        Some(())
    }

    fn stimulate(
        &mut self,
        nodes: &mut Nodes,
        scenario: &Scenario,
        slot: usize,
        stimulus: Stimulus,
    ) -> Option<()> {
        let before = nodes.node(self.nodes[slot]).lineage_as_member();
        let outcome = nodes.outcome(self.nodes[slot], stimulus);
        self.nodes[slot] = outcome.node;
        let node = nodes.node(outcome.node);
        if node.founding.minted > scenario.minted_max {
            return None;
        }
        let replica = node.facts.replica;
        for message in &outcome.sends {
            if let Err(at) = self.messages.binary_search(message) {
                self.messages.insert(at, *message);
            }
        }
        for number in &outcome.founds {
            // It may have become another one since.
            let founders = &nodes.founded[usize::from(*number)].founders;
            let mut founders = founders.as_set().iter();
            let mine = founders.find(|founder| founder.key() == replica.key());
            let bit = nodes.replica_bit(*mine.expect("a founder of what it founds"));
            self.history(*number).took_part |= bit;
        }
        if outcome.yields
            && let Some(number) = before.and_then(|lineage| self.number_of(nodes, &lineage))
        {
            self.history(number).wants_seal = true;
        }
        Some(())
    }

    fn history(&mut self, number: u16) -> &mut Lived {
        let at = match self
            .histories
            .binary_search_by_key(&number, |lived| lived.number)
        {
            Ok(at) => at,
            Err(at) => {
                let lived = Lived {
                    number,
                    took_part: 0,
                    has_commands: false,
                    wants_seal: false,
                    sealed: false,
                };
                self.histories.insert(at, lived);
                at
            }
        };
        &mut self.histories[at]
    }

    /// What is addressed to a replica that is no more can never arrive.
    fn forget_stale(&mut self, nodes: &Nodes) {
        let current: Vec<_> = self
            .nodes
            .iter()
            .map(|number| nodes.node(*number).facts.replica)
            .collect();
        self.messages
            .retain(|message| current.contains(&nodes.envelopes[usize::from(*message)].to));
    }
}
