//! The channels of one producer or consumer, and whether they make it online.

use {
    super::{
        stats::Stats,
        status::{ActiveChannelsMap, ChannelConditions, ChannelInfo, Need, State},
    },
    crate::{primitives::Digest, runtime::Observable},
    std::{
        fmt,
        sync::{Arc, Mutex, PoisonError},
    },
    tokio::sync::watch,
};

/// Shared by the handle and the tasks of its channels.
#[derive(Clone)]
pub(crate) struct Board {
    inner: Arc<Inner>,
}

struct Inner {
    channels: Observable<ActiveChannelsMap>,
    online: Observable<Online>,
    /// What makes it online.
    need: Need,
    /// Told when that changes.
    on_change: Box<dyn Fn(bool) + Send + Sync>,
    /// Held while the channels change and what follows from it is computed, so that the last change wins.
    updating: Mutex<()>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Online {
    pub(crate) online: bool,
    pub(crate) ended: bool,
}

impl Board {
    pub(crate) fn new(
        online_when: &dyn Fn(ChannelConditions) -> ChannelConditions,
        on_change: impl Fn(bool) + Send + Sync + 'static,
    ) -> Self {
        let channels = Observable::new(ActiveChannelsMap::new());
        let need = online_when(ChannelConditions::new(channels.clone())).into_need();
        let online = need.is_met(&ActiveChannelsMap::new());
        on_change(online);
        Self {
            inner: Arc::new(Inner {
                channels,
                online: Observable::new(Online {
                    online,
                    ended: false,
                }),
                need,
                on_change: Box::new(on_change),
                updating: Mutex::new(()),
            }),
        }
    }

    pub(crate) fn channels(&self) -> &Observable<ActiveChannelsMap> {
        &self.inner.channels
    }

    pub(crate) fn online(&self) -> &Observable<Online> {
        &self.inner.online
    }

    pub(crate) fn is_online(&self) -> bool {
        self.inner.online.read(|state| state.online && !state.ended)
    }

    pub(crate) fn snapshot(&self) -> ActiveChannelsMap {
        self.inner.channels.read(Clone::clone)
    }

    /// It has ended: it is offline for good.
    pub(crate) fn end(&self) {
        self.inner.online.update(|state| {
            let was = *state;
            *state = Online {
                online: false,
                ended: true,
            };
            was != *state
        });
        (self.inner.on_change)(false);
    }

    /// Adds a channel, which leaves the board when the entry is dropped.
    pub(crate) fn add(
        &self,
        id: Digest,
        info: ChannelInfo,
        state: watch::Sender<State>,
    ) -> BoardEntry {
        let stats = info.stats.clone();
        self.update(|channels| {
            channels.insert(id, info);
        });
        BoardEntry {
            board: self.clone(),
            id,
            state,
            stats,
        }
    }

    fn update(&self, change: impl FnOnce(&mut ActiveChannelsMap)) {
        let _updating = self
            .inner
            .updating
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.inner.channels.update(|channels| {
            change(channels);
            true
        });
        let met = self.inner.need.is_met(&self.snapshot());
        let changed = self.inner.online.update(|state| {
            let changed = state.online != met && !state.ended;
            if changed {
                state.online = met;
            }
            changed
        });
        let _ = changed;
        if !self.inner.online.read(|state| state.ended) {
            (self.inner.on_change)(met);
        }
    }
}

impl fmt::Debug for Board {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Board")
            .field("channels", &self.snapshot())
            .finish_non_exhaustive()
    }
}

/// A channel's place on the board, owned by the task that serves it.
pub(crate) struct BoardEntry {
    board: Board,
    id: Digest,
    state: watch::Sender<State>,
    stats: Stats,
}

impl BoardEntry {
    /// Changes the state, and tells whoever waits for the board.
    pub(crate) fn set(&self, state: State) {
        self.stats.connected(state == State::Connected);
        if self.state.send_replace(state) != state {
            self.board.update(|_| {});
        }
    }

    pub(crate) const fn stats(&self) -> &Stats {
        &self.stats
    }
}

impl Drop for BoardEntry {
    fn drop(&mut self) {
        self.stats.connected(false);
        self.state.send_replace(State::Terminated);
        let id = self.id;
        self.board.update(|channels| {
            channels.remove(&id);
        });
    }
}
