//! Simulated links, and what happens to them.

use super::*;

impl Simulation {
    pub(super) fn send(&mut self, from: usize, to: usize, message: Message) {
        if self.on_the_wire {
            let bytes = message.encode();
            self.nodes[from].sent_messages += 1;
            self.nodes[from].sent_bytes += bytes.len() as u64 + FRAME_HEAD_BYTES;
            if self.nodes.len() <= 100 {
                assert_eq!(Message::decode(&bytes), Ok(message.clone()));
            }
        }
        let after = self.latency();
        let now = self.now;
        let Some(wire) = self.wires.get_mut(&(from.min(to), from.max(to))) else {
            return;
        };
        let last = &mut wire.last[usize::from(from > to)];
        *last = (*last).max(now + after);
        let (at, link) = (*last, wire.id);
        self.schedule(
            to,
            at,
            Happening::Arrives {
                link,
                from,
                message,
            },
        );
    }

    pub(super) fn open(&mut self, a: usize, b: usize) {
        let pair = (a.min(b), a.max(b));
        if self.wires.contains_key(&pair) {
            return;
        }
        self.serial += 1;
        let id = self.serial;
        let wire = Wire {
            id,
            last: [self.now; 2],
            stalled: VecDeque::new(),
        };
        self.wires.insert(pair, wire);
        for (node, peer) in [(a, b), (b, a)] {
            self.nodes[node].links.insert(peer);
            let peer = self.nodes[peer].id;
            self.input(node, Input::LinkUp { peer });
        }
    }

    /// `node` closes its link; the peer hears of it after everything that was sent before.
    pub(super) fn close(&mut self, node: usize, peer: usize) {
        let Some(wire) = self.wires.remove(&(node.min(peer), node.max(peer))) else {
            return;
        };
        self.nodes[node].links.remove(&peer);
        self.nodes[peer].links.remove(&node);
        let at = wire.last[usize::from(node > peer)].max(self.now + LATENCY);
        self.schedule(
            peer,
            at,
            Happening::LinkEnds {
                link: wire.id,
                peer: node,
            },
        );
    }

    /// The link is lost for both ends, after the time-out.
    pub(super) fn break_later(&mut self, a: usize, b: usize) {
        if let Some(wire) = self.wires.get(&(a.min(b), a.max(b))) {
            let link = wire.id;
            for (node, peer) in [(a, b), (b, a)] {
                self.schedule(
                    node,
                    self.now + IDLE_TIMEOUT,
                    Happening::LinkEnds { link, peer },
                );
            }
        }
    }

    /// A process that starts again takes the place of the one before.
    pub(super) fn drop_wires(&mut self, node: usize) {
        for peer in std::mem::take(&mut self.nodes[node].links) {
            if let Some(wire) = self.wires.remove(&(node.min(peer), node.max(peer))) {
                self.nodes[peer].links.remove(&node);
                let what = Happening::LinkEnds {
                    link: wire.id,
                    peer: node,
                };
                self.schedule(peer, self.now, what);
            }
        }
    }

    pub(super) fn wire_id(&self, a: usize, b: usize) -> Option<u64> {
        self.wires.get(&(a.min(b), a.max(b))).map(|wire| wire.id)
    }

    pub(super) fn stall(&mut self, link: u64, from: usize, to: usize, message: Message) {
        if let Some(wire) = self.wires.get_mut(&(from.min(to), from.max(to)))
            && wire.id == link
        {
            wire.stalled.push_back((from, message));
        }
    }

    /// Lets through what waited on links that are open again.
    pub(super) fn unstall(&mut self) {
        let mut pairs: Vec<(usize, usize)> = self.wires.keys().copied().collect();
        pairs.sort_unstable();
        for (a, b) in pairs {
            if !self.is_open(a, b) {
                continue;
            }
            let stalled = self
                .wires
                .get_mut(&(a, b))
                .map(|wire| std::mem::take(&mut wire.stalled));
            for (from, message) in stalled.unwrap_or_default() {
                self.send(from, if from == a { b } else { a }, message);
            }
        }
    }

    pub(super) fn kill(&mut self, node: usize) {
        self.nodes[node].core = None;
        self.nodes[node].tick_at = None;
        for peer in self.nodes[node].links.clone() {
            self.break_later(node, peer);
        }
    }

    pub(super) fn freeze(&mut self, node: usize) {
        self.nodes[node].frozen = true;
        for peer in self.nodes[node].links.clone() {
            self.break_later(node, peer);
        }
    }

    pub(super) fn thaw(&mut self, node: usize) {
        self.nodes[node].frozen = false;
        for what in std::mem::take(&mut self.nodes[node].backlog) {
            self.happen(node, what);
        }
        self.unstall();
        self.plan_tick(node);
    }

    /// Puts these nodes on a side of their own.
    pub(super) fn cut(&mut self, nodes: impl IntoIterator<Item = usize>) {
        for node in nodes {
            self.nodes[node].side = 1;
        }
        let pairs: Vec<(usize, usize)> = self.wires.keys().copied().collect();
        for (a, b) in pairs {
            if !self.is_open(a, b) {
                self.break_later(a, b);
            }
        }
    }

    pub(super) fn heal(&mut self) {
        for node in &mut self.nodes {
            node.side = 0;
        }
        self.unstall();
    }
}
