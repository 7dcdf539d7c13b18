//! When this member knows who else is there, as far as anybody can tell it: only then may it found.

use std::time::Duration;

use futures::future::join_all;

use crate::{
    discovery::{Discovery, Error, Health},
    groups::flaws::Flaws,
    primitives::PeerId,
    runtime::time,
};

/// Until discovery has settled, and every peer known by then knows that this node offers the group, and this node what
/// they offer.
///
/// To be called after the group was advertised. Discovery may have settled long ago, and the others' offers may still be
/// on their way: so this node exchanges catalogs with each of them once more. Of two members that do so, each after it has
/// advertised, at least one learns of the other before it goes on, whatever the order: the exchange of the second finds
/// the offer of the first. That one waits for the bond, and is told of the history, or founds together with the other.
///
/// Who cannot be reached is not waited for longer than the founding waits for anything (`bootstrap_delay`).
pub(super) async fn settled(discovery: Discovery, flaws: Flaws) {
    discovery.settled().await;
    if flaws.founds_unheard() {
        return;
    }
    let heard = join_all(
        known(&discovery)
            .into_iter()
            .map(|peer| hear(&discovery, peer)),
    );
    // Founding itself waits for less.
    let _ = time::timeout(HEARD_WITHIN, heard).await;
}

/// Until both sides know what the other offers, or the peer is not there.
async fn hear(discovery: &Discovery, peer: PeerId) {
    while let Err(error) = discovery.sync_with(peer).await {
        tracing::debug!(peer = %peer.fmt_short(), %error, "not heard before founding");
        // A node that joins very many groups at once has to wait for its turn.
        if !matches!(error, Error::SyncTimeout(_)) {
            return;
        }
        time::sleep(ASK_AGAIN_AFTER).await;
    }
}

/// Whom to ask: those that are connected first, none that is not expected to answer.
fn known(discovery: &Discovery) -> Vec<PeerId> {
    let catalog = discovery.catalog();
    let mut peers: Vec<(bool, PeerId)> = catalog
        .signed_peers()
        .filter_map(|entry| match discovery.health(entry.id())? {
            Health::Suspect => None,
            health => Some((health != Health::Linked, *entry.id())),
        })
        .collect();
    peers.sort_unstable();
    peers.truncate(PEERS_MAX);
    peers.into_iter().map(|(_, peer)| peer).collect()
}

/// In a larger network an offer is heard from any of so many: all of them keep the whole catalog.
const PEERS_MAX: usize = 32;

/// Long enough for some of the exchanges under way to end.
const ASK_AGAIN_AFTER: Duration = Duration::from_millis(50);

/// As long as an exchange takes at most.
const HEARD_WITHIN: Duration = Duration::from_secs(10);
