//! Brings up the loopback and the first other interface.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::thread;
use std::time::Duration;

use crate::config::Network;
use crate::dhcp::{self, Lease, Reply};
use crate::machine::log;
use crate::sys;

/// A driver that was just loaded takes a moment to find its device.
const INTERFACE_WAIT: Duration = Duration::from_secs(5);
const INTERFACE_POLL: Duration = Duration::from_millis(20);
/// A host's server may start after its guest.
const DHCP_ATTEMPT_COUNT: u32 = 15;
const DHCP_ANSWER_WAIT: Duration = Duration::from_secs(2);

pub(crate) fn up(network: &Network) -> io::Result<()> {
    sys::interface_up("lo")?;
    let interface = match network {
        Network::None => return Ok(()),
        _ => first_interface()?,
    };
    sys::interface_up(&interface)?;
    match *network {
        Network::None => Ok(()),
        Network::Static {
            address,
            prefix,
            gateway,
            dns,
        } => configure(&interface, address, prefix, gateway, dns),
        Network::Dhcp => {
            let lease = acquire(&interface)?;
            apply(&interface, &lease)?;
            thread::spawn(move || renew(&interface, lease));
            Ok(())
        }
    }
}

fn first_interface() -> io::Result<String> {
    let mut waited = Duration::ZERO;
    loop {
        let mut names: Vec<String> = fs::read_dir("/sys/class/net")?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name != "lo")
            .collect();
        names.sort();
        if !names.is_empty() {
            return Ok(names.swap_remove(0));
        }
        if waited >= INTERFACE_WAIT {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "no network interface",
            ));
        }
        sleep(INTERFACE_POLL);
        waited += INTERFACE_POLL;
    }
}

fn configure(
    interface: &str,
    address: Ipv4Addr,
    prefix: u8,
    gateway: Option<Ipv4Addr>,
    dns: Option<Ipv4Addr>,
) -> io::Result<()> {
    sys::set_address(interface, address, prefix)?;
    if let Some(gateway) = gateway {
        sys::default_route(gateway)?;
    }
    if let Some(dns) = dns {
        fs::write("/etc/resolv.conf", format!("nameserver {dns}\n"))?;
    }
    log(&format!("{interface} {address}/{prefix}"));
    Ok(())
}

fn apply(interface: &str, lease: &Lease) -> io::Result<()> {
    configure(
        interface,
        lease.address,
        lease.prefix,
        lease.gateway,
        lease.dns,
    )
}

fn acquire(interface: &str) -> io::Result<Lease> {
    let mac = mac(interface)?;
    // Tells this exchange from that of another guest; the address tells the hosts apart.
    let transaction = u32::from_be_bytes([mac[2], mac[3], mac[4], mac[5]]) ^ std::process::id();
    let socket = UdpSocket::bind(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, dhcp::CLIENT_PORT))?;
    socket.set_broadcast(true)?;
    socket.set_read_timeout(Some(DHCP_ANSWER_WAIT))?;
    sys::bind_to_interface(&socket, interface)?;
    let server = SocketAddrV4::new(Ipv4Addr::BROADCAST, dhcp::SERVER_PORT);
    let mut message = dhcp::discover(transaction, mac);
    for _ in 0..DHCP_ATTEMPT_COUNT {
        if let Err(error) = socket.send_to(&message, server) {
            log(&format!("dhcp: {error}"));
            sleep(DHCP_ANSWER_WAIT);
            continue;
        }
        let mut buffer = [0; 1500];
        while let Ok(bytes) = socket.recv(&mut buffer) {
            match dhcp::reply(&buffer[..bytes], transaction, mac) {
                Some(Reply::Offer(lease)) => {
                    message = dhcp::request(transaction, mac, &lease);
                    break;
                }
                Some(Reply::Acknowledged(lease)) => return Ok(lease),
                Some(Reply::Refused) => {
                    message = dhcp::discover(transaction, mac);
                    break;
                }
                None => {}
            }
        }
    }
    Err(io::Error::new(
        io::ErrorKind::TimedOut,
        "no dhcp server answers",
    ))
}

/// Asks again at half of each lease, for as long as the guest runs.
fn renew(interface: &str, mut lease: Lease) {
    const LEASE_SECONDS_MIN: u32 = 60;
    loop {
        sleep(Duration::from_secs(u64::from(
            lease.seconds.max(LEASE_SECONDS_MIN) / 2,
        )));
        match acquire(interface) {
            Ok(renewed) if renewed == lease => {}
            Ok(renewed) => {
                lease = renewed;
                if let Err(error) = apply(interface, &lease) {
                    log(&format!("dhcp: {error}"));
                }
            }
            Err(error) => log(&format!("dhcp: {error}")),
        }
    }
}

fn mac(interface: &str) -> io::Result<[u8; 6]> {
    let text = fs::read_to_string(format!("/sys/class/net/{interface}/address"))?;
    let bytes: Vec<u8> = text
        .trim()
        .split(':')
        .filter_map(|byte| u8::from_str_radix(byte, 16).ok())
        .collect();
    bytes
        .try_into()
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "no ethernet address"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "the first program of a guest has no runtime"
)]
fn sleep(duration: Duration) {
    thread::sleep(duration);
}
