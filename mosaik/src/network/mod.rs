//! A node: identity, transport and the layers composed.
