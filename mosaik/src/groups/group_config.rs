//! What one group was joined with.

use core::fmt;
use std::sync::Arc;

use super::{ConsensusConfig, Formation, GroupKey, LeadershipPreference};
use crate::{
    primitives::{GroupId, SignedPeerEntry, UniqueId},
    tickets::{Expiration, Gate, InvalidTicket, TicketValidator},
};

/// What one group was joined with.
pub struct GroupConfig {
    id: GroupId,
    key: GroupKey,
    consensus: ConsensusConfig,
    auth: Vec<Box<dyn TicketValidator>>,
    formation: Formation,
    preference: LeadershipPreference,
    gate: Arc<Gate>,
    label: String,
}

impl GroupConfig {
    pub(in crate::groups) fn new(
        key: GroupKey,
        consensus: ConsensusConfig,
        validators: Vec<Arc<dyn TicketValidator>>,
        formation: Formation,
        preference: LeadershipPreference,
        (machine, sync): (UniqueId, UniqueId),
    ) -> Self {
        let id = key
            .secret()
            .hashed()
            .derive(consensus.digest())
            .derive(machine)
            .derive(sync);
        let id = validators
            .iter()
            .fold(id, |id, validator| id.derive(validator.signature()));
        Self {
            id,
            key,
            consensus: consensus.sane(),
            auth: validators.iter().map(boxed).collect(),
            formation,
            preference,
            gate: Arc::new(Gate::new(validators)),
            label: "group".to_owned(),
        }
    }

    /// With a name by which people know what the group replicates.
    pub(in crate::groups) fn with_label(mut self, label: String) -> Self {
        self.label = label;
        self
    }

    /// What the group replicates, for people.
    pub(in crate::groups) fn label(&self) -> &str {
        &self.label
    }

    /// How fast the members notice, elect and give up.
    pub const fn consensus(&self) -> &ConsensusConfig {
        &self.consensus
    }

    /// The group's id.
    pub const fn group_id(&self) -> &GroupId {
        &self.id
    }

    /// The secret that the members share.
    pub const fn key(&self) -> &GroupKey {
        &self.key
    }

    /// The tickets that members need, all of them.
    pub fn auth(&self) -> &[Box<dyn TicketValidator>] {
        &self.auth
    }

    /// Who founds the group's history.
    pub const fn formation(&self) -> &Formation {
        &self.formation
    }

    /// Whether this member wants to lead.
    pub(in crate::groups) const fn preference(&self) -> LeadershipPreference {
        self.preference
    }

    /// Judges the tickets of peers.
    pub(in crate::groups) const fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Until when a peer has the tickets that members need; `None` if none are asked for.
    ///
    /// # Errors
    /// It lacks one.
    pub fn authorize_peer(
        &self,
        peer: &SignedPeerEntry,
    ) -> Result<Option<Expiration>, InvalidTicket> {
        self.auth.iter().try_fold(None, |soonest, validator| {
            let expiration = peer.validate_ticket(validator.as_ref())?;
            Ok(Some(soonest.map_or(expiration, |soonest: Expiration| {
                soonest.min(expiration)
            })))
        })
    }
}

fn boxed(validator: &Arc<dyn TicketValidator>) -> Box<dyn TicketValidator> {
    Box::new(validator.clone())
}

impl fmt::Debug for GroupConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupConfig")
            .field("id", &self.id)
            .field("key", &self.key)
            .field("consensus", &self.consensus)
            .field("auth_count", &self.auth.len())
            .field("formation", &self.formation)
            .field("preference", &self.preference)
            .finish()
    }
}
