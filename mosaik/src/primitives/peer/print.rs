//! Entries in logs: on one line, and on several.

use core::fmt;

use super::{EndpointAddr, PeerEntry, SignedPeerEntry};
use crate::primitives::{Pretty, Short};

impl fmt::Display for Short<&PeerEntry> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.0;
        write!(
            f,
            "PeerEntry[#{}]({}, tags: {}, streams: {}, tickets: {}, groups: {})",
            Short(entry.version),
            Short(entry.id()),
            entry.tags.len(),
            entry.streams.len(),
            entry.tickets.len(),
            entry.groups.len(),
        )
    }
}

impl fmt::Debug for Short<&PeerEntry> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Short<&SignedPeerEntry> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entry = self.0;
        write!(
            f,
            "SignedPeerEntry[#{}]({}, tags: {}, streams: {}, groups: {})",
            Short(entry.version),
            Short(entry.id()),
            Short::iter(&entry.tags),
            Short::iter(&entry.streams),
            Short::iter(&entry.groups),
        )
    }
}

impl fmt::Debug for Short<&SignedPeerEntry> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Pretty<'_, PeerEntry> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lines(f, "PeerEntry", self.0)
    }
}

impl fmt::Debug for Pretty<'_, SignedPeerEntry> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        lines(f, "SignedPeerEntry", self.0)
    }
}

fn lines(f: &mut fmt::Formatter<'_>, name: &str, entry: &PeerEntry) -> fmt::Result {
    writeln!(f, "{name}:")?;
    writeln!(f, "  id:      {}", entry.id())?;
    writeln!(f, "  network: {}", entry.network)?;
    writeln!(f, "  crate:   {}", entry.protocol)?;
    writeln!(f, "  started: {}", entry.started_at())?;
    writeln!(
        f,
        "  updated: {} (version {})",
        entry.updated_at(),
        entry.version
    )?;
    writeln!(f, "  address: {}", Pretty(&entry.address))?;
    writeln!(f, "  tags:    {}", Short::iter(&entry.tags))?;
    writeln!(f, "  streams: {}", Short::iter(&entry.streams))?;
    writeln!(f, "  groups:  {}", Short::iter(&entry.groups))?;
    write!(f, "  tickets: [")?;
    for (index, ticket) in entry.tickets.values().enumerate() {
        let separator = if index == 0 { "" } else { ", " };
        write!(f, "{separator}{ticket}")?;
    }
    write!(f, "]")
}

/// The id and every address, relays first.
impl fmt::Display for Pretty<'_, EndpointAddr> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", Short(self.0.id))?;
        let mut separator = " at ";
        for address in &self.0.addrs {
            write!(f, "{separator}{address}")?;
            separator = ", ";
        }
        Ok(())
    }
}
