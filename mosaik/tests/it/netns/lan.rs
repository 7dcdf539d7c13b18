//! Hosts and the switches between them, built out of network namespaces.
//!
//! Everything here is done by the `ip` command, as root. Names carry the process id and a counter, so that test
//! processes do not meet; namespaces (and with them every interface) go when the value is dropped.

use std::{
    net::Ipv4Addr,
    process::Command,
    sync::atomic::{AtomicU32, Ordering},
};

use crate::node::{Place, RuntimeDir};

/// Hosts on one segment, or on two segments with a cable between them.
pub(crate) struct Lan {
    /// The namespace that holds both switches.
    switch: String,
    hosts: Vec<Host>,
}

struct Host {
    namespace: String,
    /// The switch's end of the host's cable.
    port: String,
    segment: usize,
    runtime_dir: RuntimeDir,
}

/// The cable between the two segments: one end in each.
const CABLE: [&str; 2] = ["cable0", "cable1"];

impl Lan {
    /// `counts[n]` hosts on segment `n`; or `None`, with the reason printed, where namespaces cannot be made.
    pub(crate) fn new(counts: [usize; 2]) -> Option<Self> {
        if let Err(reason) = can_make_namespaces() {
            eprintln!("skipped: {reason}");
            return None;
        }
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "mk{:x}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let switch = format!("{name}-sw");
        let mut lan = Self {
            switch: switch.clone(),
            hosts: Vec::new(),
        };
        ip(&["netns", "add", &switch]);
        for segment in 0..2 {
            let bridge = bridge(segment);
            // Snooping drops multicast that no querier has asked for, and there is no querier here.
            lan.in_switch(&[
                "link",
                "add",
                &bridge,
                "type",
                "bridge",
                "mcast_snooping",
                "0",
            ]);
            lan.in_switch(&["link", "set", &bridge, "up"]);
        }
        lan.in_switch(&[
            "link", "add", CABLE[0], "type", "veth", "peer", "name", CABLE[1],
        ]);
        for (segment, end) in CABLE.iter().enumerate() {
            lan.in_switch(&["link", "set", end, "up"]);
            lan.in_switch(&["link", "set", end, "master", &bridge(segment)]);
        }
        for (segment, count) in counts.into_iter().enumerate() {
            for _ in 0..count {
                lan.add_host(&name, segment);
            }
        }
        Some(lan)
    }

    fn add_host(&mut self, name: &str, segment: usize) {
        let index = self.hosts.len();
        let namespace = format!("{name}-h{index}");
        let port = format!("port{index}");
        ip(&["netns", "add", &namespace]);
        // Known from here on, so that it goes even if a command below fails.
        self.hosts.push(Host {
            namespace: namespace.clone(),
            port: port.clone(),
            segment,
            runtime_dir: RuntimeDir::new(),
        });
        ip(&[
            "link",
            "add",
            &port,
            "netns",
            &self.switch,
            "type",
            "veth",
            "peer",
            "name",
            "eth0",
            "netns",
            &namespace,
        ]);
        self.in_switch(&["link", "set", &port, "up"]);
        self.in_switch(&["link", "set", &port, "master", &bridge(segment)]);
        let address = format!("{}/24", self.address(index));
        ip(&["-n", &namespace, "addr", "add", &address, "dev", "eth0"]);
        ip(&["-n", &namespace, "link", "set", "lo", "up"]);
        ip(&["-n", &namespace, "link", "set", "eth0", "up"]);
        // As on any local network there is a gateway in the table; here nobody answers to it.
        ip(&[
            "-n",
            &namespace,
            "route",
            "add",
            "default",
            "via",
            "10.77.0.254",
        ]);
    }

    /// The address of host `index`.
    pub(crate) fn address(&self, index: usize) -> Ipv4Addr {
        Ipv4Addr::new(
            10,
            77,
            0,
            u8::try_from(index + 1).expect("a handful of hosts"),
        )
    }

    /// Host `index` as a place to start nodes on.
    pub(crate) fn host(&self, index: usize) -> Place<'_> {
        let host = &self.hosts[index];
        Place {
            namespace: Some(&host.namespace),
            runtime_dir: &host.runtime_dir,
        }
    }

    /// Takes host `index` off its switch. Its link stays up: nothing tells it.
    pub(crate) fn cut(&self, index: usize) {
        self.in_switch(&["link", "set", &self.hosts[index].port, "nomaster"]);
    }

    /// Puts host `index` back on its switch.
    pub(crate) fn join(&self, index: usize) {
        let host = &self.hosts[index];
        self.in_switch(&["link", "set", &host.port, "master", &bridge(host.segment)]);
    }

    /// Pulls the cable between the two segments.
    pub(crate) fn part(&self) {
        self.in_switch(&["link", "set", CABLE[0], "nomaster"]);
    }

    /// Plugs the cable between the two segments in again.
    pub(crate) fn heal(&self) {
        self.in_switch(&["link", "set", CABLE[0], "master", &bridge(0)]);
    }

    fn in_switch(&self, arguments: &[&str]) {
        ip(&[&["-n", self.switch.as_str()], arguments].concat());
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        let hosts = self.hosts.iter().map(|host| &host.namespace);
        for namespace in hosts.chain([&self.switch]) {
            // A namespace that is already gone is as good.
            let _ = run(&["netns", "del", namespace]);
        }
    }
}

fn bridge(segment: usize) -> String {
    format!("segment{segment}")
}

fn can_make_namespaces() -> Result<(), String> {
    let probe = format!("mk{:x}-probe", std::process::id());
    run(&["netns", "add", &probe]).map_err(|error| {
        format!("no network namespaces here (needs root and iproute2): {error}")
    })?;
    run(&["netns", "del", &probe])
}

fn ip(arguments: &[&str]) {
    run(arguments).expect("`ip` made a namespace a moment ago");
}

fn run(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip")
        .args(arguments)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(format!("ip {}: {}", arguments.join(" "), text.trim()))
}
