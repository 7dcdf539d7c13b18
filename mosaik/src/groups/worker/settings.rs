//! What the settings of a group mean for its founding and for its consensus.

use super::core::{Core, lock};
use crate::groups::{FormationError, LeadershipPreference, consensus::Timings, founding::Settings};

pub(super) fn settings(core: &Core) -> Result<Settings, FormationError> {
    let formation = lock(&core.place).formation.clone();
    Settings::new(
        *core.config.group_id(),
        &formation,
        core.is_observer(),
        core.config.consensus().bootstrap_delay,
    )
}

pub(super) fn timings(core: &Core) -> Timings {
    let config = core.config.consensus();
    let factor = match core.config.preference() {
        LeadershipPreference::Reluctant { factor } => factor.clamp(1, RELUCTANCE_MAX),
        LeadershipPreference::Normal | LeadershipPreference::Observer => 1,
    };
    Timings {
        heartbeat: config.heartbeat_interval,
        election_timeout: config.election_timeout * factor,
        election_jitter: config.election_timeout_jitter * factor,
        propose_deadline: config.forward_timeout,
        ..Timings::default()
    }
}

/// More patience than this is none: the group would stay without a leader for minutes.
const RELUCTANCE_MAX: u32 = 100;
