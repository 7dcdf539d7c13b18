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
    for (kind, (messages, bytes)) in &network.by_kind {
        let per_node = |total: u64| total as f64 / count as f64 / MEASURED.as_secs_f64();
        println!(
            "  kind {kind:>2}: {:>6.1} B/s in {:>5.2} messages/s",
            per_node(*bytes),
            per_node(*messages)
        );
    }
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
fn four_hundred() {
    print(400, &measure(400, secs(50)));
}

#[test]
#[ignore = "takes minutes in debug builds; .ci/long/discovery-sim runs it"]
fn a_thousand_nodes() {
    let thousand = measure(1000, secs(40));
    print(1000, &thousand);
    assert!(thousand.converged < secs(10));
    assert!(thousand.bytes_per_second < 5000);
}
