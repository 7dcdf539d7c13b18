//! The part of DHCP (RFC 2131) that a guest needs: messages as bytes, and what they mean.

use std::net::Ipv4Addr;

/// What a server granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    pub(crate) address: Ipv4Addr,
    pub(crate) prefix: u8,
    pub(crate) gateway: Option<Ipv4Addr>,
    pub(crate) dns: Option<Ipv4Addr>,
    pub(crate) seconds: u32,
    server: Ipv4Addr,
}

/// What a server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reply {
    Offer(Lease),
    Acknowledged(Lease),
    Refused,
}

pub(crate) const CLIENT_PORT: u16 = 68;
pub(crate) const SERVER_PORT: u16 = 67;

const COOKIE: [u8; 4] = [99, 130, 83, 99];
const HEADER_BYTES: usize = 236;
/// Older servers drop anything shorter.
const MESSAGE_BYTES_MIN: usize = 300;

mod option {
    pub(super) const PAD: u8 = 0;
    pub(super) const NETMASK: u8 = 1;
    pub(super) const ROUTER: u8 = 3;
    pub(super) const DNS: u8 = 6;
    pub(super) const REQUESTED_ADDRESS: u8 = 50;
    pub(super) const LEASE_SECONDS: u8 = 51;
    pub(super) const MESSAGE_TYPE: u8 = 53;
    pub(super) const SERVER: u8 = 54;
    pub(super) const PARAMETERS: u8 = 55;
    pub(super) const END: u8 = 255;
}

const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const ACKNOWLEDGE: u8 = 5;
const REFUSE: u8 = 6;

/// "Who can give me an address?"
pub(crate) fn discover(transaction: u32, mac: [u8; 6]) -> Vec<u8> {
    message(transaction, mac, DISCOVER, &[])
}

/// "I take this one."
pub(crate) fn request(transaction: u32, mac: [u8; 6], offer: &Lease) -> Vec<u8> {
    let mut options = vec![option::REQUESTED_ADDRESS, 4];
    options.extend(offer.address.octets());
    options.extend([option::SERVER, 4]);
    options.extend(offer.server.octets());
    message(transaction, mac, REQUEST, &options)
}

fn message(transaction: u32, mac: [u8; 6], kind: u8, options: &[u8]) -> Vec<u8> {
    const REQUEST_TO_SERVER: u8 = 1;
    const ETHERNET: u8 = 1;
    /// Answers must be broadcast: this host has no address yet.
    const BROADCAST: u16 = 0x8000;

    let mut message = vec![REQUEST_TO_SERVER, ETHERNET, 6, 0];
    message.extend(transaction.to_be_bytes());
    message.extend([0, 0]);
    message.extend(BROADCAST.to_be_bytes());
    message.extend([0; 16]);
    message.extend(mac);
    message.resize(HEADER_BYTES, 0);
    message.extend(COOKIE);
    message.extend([option::MESSAGE_TYPE, 1, kind]);
    message.extend([
        option::PARAMETERS,
        3,
        option::NETMASK,
        option::ROUTER,
        option::DNS,
    ]);
    message.extend(options);
    message.push(option::END);
    message.resize(message.len().max(MESSAGE_BYTES_MIN), option::PAD);
    message
}

/// What a message means for this transaction; `None` if it is none of ours.
pub(crate) fn reply(message: &[u8], transaction: u32, mac: [u8; 6]) -> Option<Reply> {
    const REPLY_TO_CLIENT: u8 = 2;
    const DEFAULT_LEASE_SECONDS: u32 = 3600;

    let (header, rest) = message.split_at_checked(HEADER_BYTES)?;
    let options = rest.strip_prefix(&COOKIE)?;
    if header[0] != REPLY_TO_CLIENT
        || header[4..8] != transaction.to_be_bytes()
        || header[28..34] != mac
    {
        return None;
    }
    let address = |value: &[u8]| {
        value
            .first_chunk()
            .map(|octets: &[u8; 4]| Ipv4Addr::from(*octets))
    };
    let mut kind = 0;
    let mut lease = Lease {
        address: address(&header[16..20])?,
        prefix: 24,
        gateway: None,
        dns: None,
        seconds: DEFAULT_LEASE_SECONDS,
        server: Ipv4Addr::UNSPECIFIED,
    };
    let mut options = options;
    loop {
        match options {
            [] | [option::END, ..] => break,
            [option::PAD, rest @ ..] => options = rest,
            [code, length, rest @ ..] => {
                let (value, rest) = rest.split_at_checked(usize::from(*length))?;
                options = rest;
                match *code {
                    option::MESSAGE_TYPE => kind = *value.first()?,
                    option::NETMASK => {
                        lease.prefix = u32::from(address(value)?).leading_ones() as u8;
                    }
                    option::ROUTER => lease.gateway = address(value),
                    option::DNS => lease.dns = address(value),
                    option::SERVER => lease.server = address(value)?,
                    option::LEASE_SECONDS => lease.seconds = u32::from(address(value)?),
                    _ => {}
                }
            }
            [_] => return None,
        }
    }
    match kind {
        OFFER => Some(Reply::Offer(lease)),
        ACKNOWLEDGE => Some(Reply::Acknowledged(lease)),
        REFUSE => Some(Reply::Refused),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: [u8; 6] = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

    fn answer(kind: u8) -> Vec<u8> {
        let mut message = discover(7, MAC);
        message.truncate(HEADER_BYTES + 4);
        message[0] = 2;
        message[16..20].copy_from_slice(&[10, 0, 2, 15]);
        message.extend([53, 1, kind, 54, 4, 10, 0, 2, 2, 1, 4, 255, 255, 255, 0]);
        message.extend([
            0, 3, 4, 10, 0, 2, 2, 6, 4, 10, 0, 2, 3, 51, 4, 0, 1, 0x51, 0x80, 255,
        ]);
        message
    }

    const LEASE: Lease = Lease {
        address: Ipv4Addr::new(10, 0, 2, 15),
        prefix: 24,
        gateway: Some(Ipv4Addr::new(10, 0, 2, 2)),
        dns: Some(Ipv4Addr::new(10, 0, 2, 3)),
        seconds: 86_400,
        server: Ipv4Addr::new(10, 0, 2, 2),
    };

    #[test]
    fn an_exchange() {
        assert_eq!(reply(&answer(OFFER), 7, MAC), Some(Reply::Offer(LEASE)));
        assert_eq!(
            reply(&answer(ACKNOWLEDGE), 7, MAC),
            Some(Reply::Acknowledged(LEASE))
        );
        assert_eq!(reply(&answer(REFUSE), 7, MAC), Some(Reply::Refused));
        let request = request(7, MAC, &LEASE);
        assert!(
            request
                .windows(12)
                .any(|bytes| bytes == [50, 4, 10, 0, 2, 15, 54, 4, 10, 0, 2, 2])
        );
        assert_eq!(request.len(), MESSAGE_BYTES_MIN);
    }

    #[test]
    fn messages_for_others() {
        assert_eq!(reply(&answer(OFFER), 8, MAC), None, "another transaction");
        assert_eq!(reply(&answer(OFFER), 7, [0; 6]), None, "another host");
        assert_eq!(
            reply(&discover(7, MAC), 7, MAC),
            None,
            "another client's question"
        );
    }

    #[test]
    fn damaged_messages() {
        let message = answer(OFFER);
        for cut in 0..message.len() {
            let _ = reply(&message[..cut], 7, MAC);
        }
        for at in HEADER_BYTES..message.len() {
            for value in [0, 1, 5, 0x80, 0xff] {
                let mut damaged = message.clone();
                damaged[at] = value;
                let _ = reply(&damaged, 7, MAC);
            }
        }
    }
}
