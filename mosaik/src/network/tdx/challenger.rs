//! Fresh quotes over the network: answers those who ask, and asks for the rules that want it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures::FutureExt as _;
use tokio::sync::Semaphore;

use super::Attester;
use crate::{
    primitives::PeerId,
    runtime::time,
    tdx::{CHALLENGES, Challenge},
    transport::{CloseCode, Incoming, Protocol},
};

/// Quotes that a node makes at a time for those who ask: the hardware makes them one after another.
const ANSWERS_MAX: usize = 2;

/// Challenges under way at a time.
const QUESTIONS_MAX: usize = 16;

/// How often answers that grow old are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// How long an answer is meant to be used: the time of a round trip, and clocks that differ.
const ANSWER_LIFETIME: chrono::Duration = chrono::Duration::minutes(10);

pub(super) fn start(attester: &Arc<Attester>) {
    let parts = &attester.parts;
    let (answering, answers) = (
        Arc::downgrade(attester),
        Arc::new(Semaphore::new(ANSWERS_MAX)),
    );
    // The transport holds the handler, and the attester holds the transport: no cycle of owners.
    parts.transport.serve(Protocol::ATTEST, move |incoming| {
        let (attester, answers) = (answering.clone(), Arc::clone(&answers));
        async move {
            if let Some(attester) = attester.upgrade() {
                answer(attester, &answers, incoming).await;
            }
        }
        .boxed()
    });
    let (asking, shutdown) = (Arc::clone(attester), parts.tasks.shutdown().clone());
    parts.tasks.spawn("TDX challenges", async move {
        tokio::select! {
            () = ask(asking) => {}
            () = shutdown.cancelled() => {}
        }
    });
}

/// Makes a quote over the number that the peer sent.
async fn answer(attester: Arc<Attester>, answers: &Semaphore, incoming: Incoming) {
    let Ok(nonce) = <[u8; 32]>::try_from(&incoming.request[..]) else {
        let reason = "a challenge is 32 bytes";
        return incoming.reject(CloseCode::PROTOCOL_VIOLATION, reason).await;
    };
    let Ok(_permit) = answers.try_acquire() else {
        let reason = "quotes are being made for others";
        return incoming.reject(CloseCode::NO_CAPACITY, reason).await;
    };
    match quote(attester, nonce).await {
        Some(ticket) => match incoming.accept(ticket).await {
            Ok(link) => link.close(CloseCode::GRACEFUL_SHUTDOWN),
            Err(error) => tracing::debug!(%error, "the answer to a challenge was not sent"),
        },
        None => {
            let reason = "this node makes no quotes";
            incoming.reject(CloseCode::NOT_ALLOWED, reason).await;
        }
    }
}

async fn quote(attester: Arc<Attester>, nonce: [u8; 32]) -> Option<Bytes> {
    let made = tokio::task::spawn_blocking(move || {
        let expiration = attester.until(ANSWER_LIFETIME);
        attester
            .quote_over(nonce, expiration)?
            .to_bytes()
            .map_err(Into::into)
    });
    match made.await {
        Ok(Ok(ticket)) => Some(ticket.into()),
        Ok(Err(error)) => {
            let error: &crate::tdx::NetworkTdxError = &error;
            tracing::debug!(%error, "no answer to a challenge");
            None
        }
        Err(error) => {
            tracing::debug!(%error, "making a quote was cut off");
            None
        }
    }
}

/// Puts the challenges that rules want.
async fn ask(attester: Arc<Attester>) {
    let questions = Arc::new(Semaphore::new(QUESTIONS_MAX));
    let mut wanted = CHALLENGES.wanted();
    let network = *attester.parts.discovery.me().network_id();
    loop {
        tokio::select! {
            changed = wanted.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = time::sleep(LOOK_EVERY) => {}
        }
        let now = attester.parts.clock.utc();
        CHALLENGES.forget_unused(&network, now);
        // Other nodes of this process may know peers that this one does not.
        let (local, catalog) = (
            attester.parts.transport.local_id(),
            attester.parts.discovery.catalog(),
        );
        let can_reach = |peer: &PeerId| *peer == local || catalog.get(peer).is_some();
        for challenge in CHALLENGES.due(&network, now, can_reach) {
            let (attester, questions) = (Arc::clone(&attester), Arc::clone(&questions));
            let tasks = attester.parts.tasks.clone();
            tasks.spawn("TDX challenge", async move {
                if let Ok(_permit) = questions.acquire().await {
                    put(attester, challenge).await;
                }
            });
        }
    }
}

/// Sends the number, and enters what comes back.
async fn put(attester: Arc<Attester>, challenge: Challenge) {
    let peer = *challenge.peer();
    let parts = &attester.parts;
    let answer = if peer == parts.transport.local_id() {
        quote(Arc::clone(&attester), *challenge.nonce()).await
    } else {
        let Some(address) = parts
            .discovery
            .catalog()
            .get(&peer)
            .map(|entry| entry.address().clone())
        else {
            return;
        };
        let number = Bytes::copy_from_slice(challenge.nonce());
        match parts
            .transport
            .open(address, Protocol::ATTEST, number)
            .await
        {
            Ok(link) => {
                let answer = link.reply().clone();
                link.close(CloseCode::GRACEFUL_SHUTDOWN);
                Some(answer)
            }
            Err(error) => {
                tracing::debug!(%peer, %error, "a peer did not answer its TDX challenge");
                None
            }
        }
    };
    let Some(answer) = answer else {
        return;
    };
    let now = parts.clock.utc();
    let entered = tokio::task::spawn_blocking(move || challenge.enter(&answer, now));
    match entered.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::warn!(%peer, %error, "a peer's answer to its TDX challenge proves nothing")
        }
        Err(error) => tracing::debug!(%error, "judging an answer was cut off"),
    }
}
