//! Breadth first through all worlds, and what must hold in each of them.

use std::collections::hash_map::DefaultHasher;
use std::collections::{HashSet, VecDeque};
use std::fmt::Write as _;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::nodes::Nodes;
use super::world::{Scenario, Step, World};
use crate::groups::identity::Rule;
use crate::groups::lineage::Standing;
use crate::runtime::Rng;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) states: usize,
    pub(super) steps: usize,
    /// Worlds in which nothing more happens, with everybody connected.
    pub(super) quiet: usize,
    pub(super) is_complete: bool,
    pub(super) failure: Option<String>,
}

struct Path {
    step: Step,
    before: Option<Rc<Path>>,
}

pub(super) fn explore(scenario: &Scenario) -> Report {
    let mut nodes = Nodes::default();
    let first = World::new(&mut nodes, scenario);
    let mut seen = HashSet::from([fingerprint(&first)]);
    let mut queue: VecDeque<(World, Option<Rc<Path>>)> = VecDeque::from([(first, None)]);
    let mut report = Report::default();
    let mut steps = Vec::new();
    while let Some((world, path)) = queue.pop_front() {
        report.states += 1;
        if let Err(failure) = must_hold(&world, &nodes, scenario) {
            report.failure = Some(describe(&failure, path, &nodes));
            return report;
        }
        steps.clear();
        world.steps(&nodes, scenario, &mut steps);
        let mut moves = 0;
        for round in 0..2 {
            if round == 1 {
                // Timers that wait do so until nothing else can happen.
                if moves > 0 || !scenario.timers_wait {
                    break;
                }
                steps.clear();
                world.timers(&nodes, scenario, &mut steps);
            }
            for step in steps.drain(..) {
                let Some(next) = world.after(&mut nodes, scenario, step) else {
                    moves += 1;
                    continue;
                };
                if next == world {
                    continue;
                }
                report.steps += 1;
                moves += 1;
                if seen.insert(fingerprint(&next)) {
                    let before = path.clone();
                    queue.push_back((next, Some(Rc::new(Path { step, before }))));
                }
            }
        }
        if moves == 0 && world.is_connected() {
            report.quiet += 1;
            if let Err(failure) = must_hold_at_last(&world, &nodes, scenario) {
                report.failure = Some(describe(&failure, path, &nodes));
                return report;
            }
        }
        if report.states >= scenario.states_max {
            return report;
        }
    }
    report.is_complete = true;
    report
}

/// Walks through worlds at random, each from the beginning until nothing happens or `length` steps: deeper than all
/// orders can be followed, and repeatable by its seed.
pub(super) fn wander(scenario: &Scenario, seed: u64, walks: usize, length: usize) -> Report {
    let mut rng = Rng::seeded(seed);
    let mut nodes = Nodes::default();
    let mut report = Report::default();
    let mut steps = Vec::new();
    for _ in 0..walks {
        let mut world = World::new(&mut nodes, scenario);
        let mut path = None;
        for _ in 0..length {
            let mut is_cut_off = false;
            let mut next = None;
            for are_timers_due in [false, true] {
                steps.clear();
                if !are_timers_due {
                    world.steps(&nodes, scenario, &mut steps);
                } else if scenario.timers_wait {
                    world.timers(&nodes, scenario, &mut steps);
                }
                rng.shuffle(&mut steps);
                next = steps.iter().find_map(|step| {
                    let next = world.after(&mut nodes, scenario, *step);
                    is_cut_off |= next.is_none();
                    next.filter(|next| *next != world).map(|next| (next, *step))
                });
                if next.is_some() {
                    break;
                }
            }
            let Some((next, step)) = next else {
                if !is_cut_off && world.is_connected() {
                    report.quiet += 1;
                    if let Err(failure) = must_hold_at_last(&world, &nodes, scenario) {
                        report.failure = Some(describe(&failure, path, &nodes));
                        return report;
                    }
                }
                break;
            };
            report.states += 1;
            report.steps += 1;
            world = next;
            let before = path.take();
            path = Some(Rc::new(Path { step, before }));
            if let Err(failure) = must_hold(&world, &nodes, scenario) {
                report.failure = Some(describe(&failure, path, &nodes));
                return report;
            }
        }
    }
    report
}

/// Two halves with different beginnings: a collision among a billion worlds is out of the question.
fn fingerprint(world: &World) -> (u64, u64) {
    let half = |salt: u64| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        world.hash(&mut hasher);
        hasher.finish()
    };
    (half(1), half(2))
}

fn must_hold(world: &World, nodes: &Nodes, scenario: &Scenario) -> Result<(), String> {
    let mut taken = 0;
    let mut committing = 0;
    for lived in &world.histories {
        if taken & lived.took_part != 0 {
            return Err("a replica takes part in two histories".into());
        }
        taken |= lived.took_part;
        let lineage = &nodes.founded[usize::from(lived.number)].lineage;
        if world.number_of(nodes, lineage) != Some(lived.number) {
            return Err("one history with two sets of founders".into());
        }
        let founder_count = nodes.founded[usize::from(lived.number)]
            .founders
            .as_set()
            .len();
        if lived.took_part.count_ones() as usize > founder_count / 2 {
            committing += 1;
        }
    }
    if scenario.settings.rule != Rule::Auto && committing > 1 {
        return Err("two histories can both commit".into());
    }
    Ok(())
}

/// When nothing more happens and everybody is connected, there is one history; only one that has commands and lost
/// against another one that has may stand beside it, stopped.
fn must_hold_at_last(world: &World, nodes: &Nodes, scenario: &Scenario) -> Result<(), String> {
    // Without a majority that has kept its storage, what is left waits for a person.
    if scenario.crashes > 0 || scenario.flaw.is_some() {
        return Ok(());
    }
    let mut member_of = None;
    for number in &world.nodes {
        let standing = &nodes.node(*number).facts.standing;
        match standing {
            Standing::Member(history) => {
                let lineage = history.origin.lineage;
                if *member_of.get_or_insert(lineage) != lineage {
                    return Err("members of different histories, and nothing happens".into());
                }
            }
            Standing::Diverged(history) => {
                if !history.has_commands {
                    return Err("an empty history was stopped".into());
                }
            }
            standing => return Err(format!("nothing happens, but a node is {standing:?}")),
        }
    }
    let full = world.histories.iter().filter(|lived| lived.has_commands);
    let member_of = member_of.and_then(|lineage| world.number_of(nodes, &lineage));
    let mut full = full.peekable();
    if full.peek().is_some() && !full.any(|lived| Some(lived.number) == member_of) {
        return Err("a history with commands yielded to an empty one".into());
    }
    Ok(())
}

fn describe(failure: &str, path: Option<Rc<Path>>, nodes: &Nodes) -> String {
    let mut steps = Vec::new();
    let mut path = path;
    while let Some(at) = path {
        steps.push(at.step);
        path = at.before.clone();
    }
    let mut text = format!("{failure}, after:\n");
    for step in steps.iter().rev() {
        let _ = match step {
            Step::Node(slot, super::nodes::Stimulus::Message(number)) => {
                let envelope = &nodes.envelopes[usize::from(*number)];
                writeln!(
                    text,
                    "  {slot} gets {:?} from {}",
                    envelope.message, envelope.from
                )
            }
            Step::Node(slot, super::nodes::Stimulus::Facts(number)) => {
                writeln!(text, "  {slot} hears {:?}", nodes.node(*number).facts)
            }
            step => writeln!(text, "  {step:?}"),
        };
    }
    text
}
