//! Who is out there: a signed, gossiped catalog of peers.
