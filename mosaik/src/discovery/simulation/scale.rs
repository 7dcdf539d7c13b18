//! How fast networks of different sizes form, and what they cost once they have.

use super::*;

/// Simulated seconds over which the steady state is measured.
const MEASURED: Duration = Duration::from_secs(30);

struct Figures {
    converged: Duration,
    bytes_per_second: u64,
    messages_per_second: f64,
    links_mean: f64,
    links_max: usize,
    dials_per_minute: f64,
}

fn measure(count: usize, settle: Duration) -> Figures {
    let mut network = Simulation::new(count as u64);
    network.on_the_wire = false;
    network.add(count);
    for node in 0..count {
        network.start(node, &[0]);
    }
    let converged = network.run_until_true(secs(60), Simulation::all_know_all);
    let converged = converged.expect("everybody knows everybody");
    for node in &network.nodes {
        assert_eq!(node.discovered.len(), count - 1);
        assert!(
            node.discovered.values().all(|times| *times == 1),
            "discovered once each"
        );
        assert!(node.departed.is_empty());
    }
    network.run(settle);
    network.on_the_wire = true;
    let dials: u64 = network.nodes.iter().map(|node| node.dials).sum();
    network.run(MEASURED);
    let per_node = |total: u64| total as f64 / count as f64 / MEASURED.as_secs_f64();
    let bytes: u64 = network.nodes.iter().map(|node| node.sent_bytes).sum();
    let messages: u64 = network.nodes.iter().map(|node| node.sent_messages).sum();
    let dialled: u64 = network.nodes.iter().map(|node| node.dials).sum::<u64>() - dials;
    let links: Vec<usize> = network.nodes.iter().map(|node| node.links.len()).collect();
    assert!(network.nodes.iter().all(|node| node.departed.is_empty()));
    Figures {
        converged,
        bytes_per_second: per_node(bytes) as u64,
        messages_per_second: per_node(messages),
        links_mean: links.iter().sum::<usize>() as f64 / count as f64,
        links_max: links.into_iter().max().unwrap_or(0),
        dials_per_minute: 60.0 * per_node(dialled),
    }
}

fn print(count: usize, figures: &Figures) {
    println!(
        "{count:>5} nodes: all know all after {:>5.2} s; then per node {:>5} B/s sent, {:>5.1} \
         messages/s, {:>4.1} links ({} at most), {:.1} dials/min",
        figures.converged.as_secs_f64(),
        figures.bytes_per_second,
        figures.messages_per_second,
        figures.links_mean,
        figures.links_max,
        figures.dials_per_minute,
    );
}

#[test]
fn ten_and_a_hundred_nodes() {
    let ten = measure(10, secs(40));
    print(10, &ten);
    let hundred = measure(100, secs(40));
    print(100, &hundred);
    assert!(ten.converged < secs(1));
    assert!(hundred.converged < secs(3));
    assert!(hundred.bytes_per_second < 2000);
}

#[test]
fn a_thousand_nodes_find_each_other() {
    let mut network = Simulation::new(1);
    network.on_the_wire = false;
    network.add(1000);
    for node in 0..1000 {
        network.start(node, &[0]);
    }
    let took = network.run_until_true(secs(5), Simulation::all_know_all);
    println!(" 1000 nodes: all know all after {took:?}");
    assert!(took.is_some());
    network.run(secs(1));
    network.tag(500, "new");
    let took = network.run_until_true(secs(1), |network| {
        network
            .alive()
            .all(|node| node == 500 || network.sees_tag(node, 500, "new"))
    });
    println!(" 1000 nodes: a change is everywhere after {took:?}");
    assert!(took.is_some());
}

#[test]
#[ignore = "takes minutes in debug builds; .ci/long/discovery-sim runs it"]
fn a_thousand_nodes_cost_little() {
    let thousand = measure(1000, secs(60));
    print(1000, &thousand);
    assert!(thousand.converged < secs(5));
    assert!(thousand.bytes_per_second < 3500);
}

#[test]
#[ignore = "takes minutes in debug builds; .ci/long/discovery-sim runs it"]
fn a_thousand_nodes_survive_a_partition() {
    let mut network = Simulation::new(2);
    network.on_the_wire = false;
    network.add(1000);
    for node in 0..1000 {
        network.start(node, &[0]);
    }
    assert!(
        network
            .run_until_true(secs(5), Simulation::all_know_all)
            .is_some()
    );
    network.run(secs(5));
    network.cut(0..300);
    let (a, b): (Vec<usize>, Vec<usize>) = (0..1000).partition(|node| *node < 300);
    network.run(secs(40));
    println!(
        "300 of 1000 cut off: after 40 s {} and {} are known on either side",
        network.core(0).held_count(),
        network.core(999).held_count(),
    );
    let split = network.know_each_other(&a) && network.know_each_other(&b);
    println!("300 of 1000 cut off: each side for itself: {split}");
    network.heal();
    let healed = network.run_until_true(secs(30), Simulation::all_know_all);
    println!("300 of 1000 cut off: together again after {healed:?}");
    assert!(healed.is_some_and(|took| took <= secs(10)));
}
