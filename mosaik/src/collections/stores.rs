//! Which stores are open on a node, and as what.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use super::StoreId;

/// The stores that are open on one node. Two handles of one store must be of one type: the second of another type would
/// read and write a collection of its own, and nobody would notice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stores {
    open: Arc<Mutex<HashMap<StoreId, Opened>>>,
}

/// Who has a store open, and as what.
type Opened = (Weak<Claim>, String);

/// A store is open as long as there is one of these.
#[derive(Debug)]
pub(super) struct Claim;

impl Stores {
    /// Opens a store as `wanted`, unless it is open as something else: then as what.
    pub(super) fn claim(&self, store_id: StoreId, wanted: &str) -> Result<Arc<Claim>, String> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((claim, kind)) = open.get(&store_id)
            && let Some(claim) = claim.upgrade()
        {
            return if kind == wanted {
                Ok(claim)
            } else {
                Err(kind.clone())
            };
        }
        open.retain(|_, (claim, _)| claim.strong_count() > 0);
        let claim = Arc::new(Claim);
        open.insert(store_id, (Arc::downgrade(&claim), wanted.to_owned()));
        Ok(claim)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_has_one_type_at_a_time() {
        let stores = Stores::default();
        let (one, other) = (StoreId::from("one"), StoreId::from("other"));
        let first = stores.claim(one, "a map").unwrap();
        let second = stores.clone().claim(one, "a map").unwrap();
        assert_eq!(stores.claim(one, "a set").unwrap_err(), "a map");
        assert!(stores.claim(other, "a set").is_ok());
        drop(first);
        assert_eq!(stores.claim(one, "a set").unwrap_err(), "a map");
        drop(second);
        assert!(stores.claim(one, "a set").is_ok());
    }
}
