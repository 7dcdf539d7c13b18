//! Up to three nodes on loopback in this process, members of one group.

use std::time::Duration;

use mosaik::{
    Bytes, Group, Network, NetworkId, UniqueId,
    groups::{ApplyContext, Formation, LogReplaySync, StateMachine},
};

/// Keeps the last command.
#[derive(Default)]
pub(crate) struct Register(u64);

impl Register {
    /// 64 bytes.
    pub(crate) fn command() -> Bytes {
        Bytes::from_static(&[7; 62])
    }
}

impl StateMachine for Register {
    type Command = Bytes;
    type Query = ();
    type QueryResult = u64;
    type StateSync = LogReplaySync<Self>;

    fn signature(&self) -> UniqueId {
        "bench.register".into()
    }

    fn apply(&mut self, command: Bytes, _: &dyn ApplyContext) {
        self.0 += command.len() as u64;
    }

    fn query(&self, (): ()) -> u64 {
        self.0
    }

    fn state_sync(&self) -> Self::StateSync {
        LogReplaySync::default()
    }
}

pub(crate) struct Trio {
    nodes: Vec<(Network, Group<Register>)>,
}

impl Trio {
    /// Starts `count` nodes and waits until they are one group.
    pub(crate) async fn start(count: usize) -> Self {
        let id = NetworkId::random();
        let mut nodes = Vec::new();
        for _ in 0..count {
            let network = Network::builder(id)
                .loopback()
                .build()
                .await
                .expect("a node starts");
            let group = join(&network, Formation::Expect(count));
            nodes.push((network, group));
        }
        for (_, group) in &nodes {
            group.when().online().await;
        }
        while nodes
            .iter()
            .any(|(_, group)| group.status().voters.len() < count)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Self { nodes }
    }

    pub(crate) fn leader(&self) -> Option<&Group<Register>> {
        self.nodes
            .iter()
            .map(|(_, group)| group)
            .find(|group| group.is_leader())
    }

    pub(crate) fn follower(&self) -> Option<&Group<Register>> {
        self.nodes
            .iter()
            .map(|(_, group)| group)
            .find(|group| !group.is_leader())
    }

    pub(crate) async fn stop(self) {
        for (network, group) in self.nodes {
            drop(group);
            // Whoever does not end in time is ended.
            let _ = network.shutdown(Duration::from_secs(2)).await;
        }
    }
}

pub(crate) fn join(network: &Network, formation: Formation) -> Group<Register> {
    network
        .groups()
        .with_key("bench")
        .with_formation(formation)
        .with_state_machine(Register::default())
        .join()
}
