//! The system calls that the standard library does not have. The only unsafe code.

#![expect(
    unsafe_code,
    reason = "mounting, modules, interfaces and power have no safe interface"
)]

use std::ffi::{CString, c_int, c_long};
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, UdpSocket};
use std::os::fd::AsRawFd as _;

pub(crate) const NO_SUCH_DEVICE: i32 = 19;

/// Functions of the C library, which the standard library links.
mod c {
    use std::ffi::{c_char, c_int, c_long, c_ulong, c_void};

    unsafe extern "C" {
        pub(super) fn mount(
            source: *const c_char,
            target: *const c_char,
            kind: *const c_char,
            flags: c_ulong,
            data: *const c_void,
        ) -> c_int;
        pub(super) fn syscall(number: c_long, ...) -> c_long;
        pub(super) fn ioctl(fd: c_int, request: c_ulong, ...) -> c_int;
        pub(super) fn setsockopt(
            fd: c_int,
            level: c_int,
            name: c_int,
            value: *const c_void,
            bytes: u32,
        ) -> c_int;
        pub(super) fn waitpid(pid: c_int, status: *mut c_int, options: c_int) -> c_int;
        pub(super) safe fn sync();
        pub(super) safe fn reboot(command: c_int) -> c_int;
    }
}

fn c_string(text: &str) -> io::Result<CString> {
    CString::new(text).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn check(result: c_int) -> io::Result<()> {
    if result < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

pub(crate) fn mount(source: &str, target: &str, kind: &str) -> io::Result<()> {
    let (source, target, kind) = (c_string(source)?, c_string(target)?, c_string(kind)?);
    // SAFETY: three strings that end in NUL and outlive the call; no flags, no data.
    check(unsafe {
        c::mount(
            source.as_ptr(),
            target.as_ptr(),
            kind.as_ptr(),
            0,
            std::ptr::null(),
        )
    })
}

pub(crate) fn load_module(module: &File) -> io::Result<()> {
    const FINIT_MODULE: c_long = 313;
    // SAFETY: an open file, a string that ends in NUL for its parameters, no flags.
    let result = unsafe { c::syscall(FINIT_MODULE, module.as_raw_fd(), c"".as_ptr(), 0 as c_int) };
    check(result as c_int)
}

/// Waits for any child to end: its id, and its status as the system encodes it.
pub(crate) fn wait_any() -> io::Result<(u32, i32)> {
    const ANY: c_int = -1;
    let mut status = 0;
    // SAFETY: writes one status through a pointer to one.
    let id = unsafe { c::waitpid(ANY, &raw mut status, 0) };
    check(id).map(|()| (id as u32, status))
}

pub(crate) fn power_off() -> ! {
    const POWER_OFF: c_int = 0x4321_fedc;
    c::sync();
    c::reboot(POWER_OFF);
    // Only a machine that cannot power off comes here.
    loop {
        std::thread::park();
    }
}

/// `struct ifreq`: an interface's name, and sixteen bytes (of 24) of what is asked.
#[repr(C)]
struct InterfaceRequest {
    name: [u8; 16],
    value: [u8; 24],
}

/// `struct rtentry`, of which all but the first half stays zero.
#[repr(C, align(8))]
struct Route {
    before: [u8; 8],
    destination: [u8; 16],
    gateway: [u8; 16],
    netmask: [u8; 16],
    flags: u16,
    after: [u8; 62],
}

const SET_FLAGS: u64 = 0x8914;
const SET_ADDRESS: u64 = 0x8916;
const SET_NETMASK: u64 = 0x891c;
const ADD_ROUTE: u64 = 0x890b;

impl InterfaceRequest {
    fn new(interface: &str) -> io::Result<Self> {
        let mut name = [0; 16];
        // The last byte stays NUL.
        let bytes = interface.as_bytes();
        name[..15]
            .get_mut(..bytes.len())
            .ok_or(io::ErrorKind::InvalidInput)?
            .copy_from_slice(bytes);
        Ok(Self {
            name,
            value: [0; 24],
        })
    }

    fn send(&self, request: u64) -> io::Result<()> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        // SAFETY: the kernel reads one `struct ifreq`, of which this is a copy in layout and size.
        check(unsafe { c::ioctl(socket.as_raw_fd(), request, &raw const *self) })
    }
}

pub(crate) fn interface_up(interface: &str) -> io::Result<()> {
    const UP_AND_RUNNING: u16 = 0x1 | 0x40;
    let mut request = InterfaceRequest::new(interface)?;
    request.value[..2].copy_from_slice(&UP_AND_RUNNING.to_ne_bytes());
    request.send(SET_FLAGS)
}

pub(crate) fn set_address(interface: &str, address: Ipv4Addr, prefix: u8) -> io::Result<()> {
    let netmask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    let mut request = InterfaceRequest::new(interface)?;
    request.value[..16].copy_from_slice(&socket_address(address));
    request.send(SET_ADDRESS)?;
    request.value[..16].copy_from_slice(&socket_address(Ipv4Addr::from(netmask)));
    request.send(SET_NETMASK)
}

pub(crate) fn default_route(gateway: Ipv4Addr) -> io::Result<()> {
    const UP_THROUGH_GATEWAY: u16 = 0x1 | 0x2;
    let any = socket_address(Ipv4Addr::UNSPECIFIED);
    let route = Route {
        before: [0; 8],
        destination: any,
        gateway: socket_address(gateway),
        netmask: any,
        flags: UP_THROUGH_GATEWAY,
        after: [0; 62],
    };
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
    // SAFETY: the kernel reads one `struct rtentry`, of which this is a copy in layout and size; its
    // pointer to a device's name is null.
    match check(unsafe { c::ioctl(socket.as_raw_fd(), ADD_ROUTE, &raw const route) }) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

/// Sends and receives on one interface only, even before it has an address.
pub(crate) fn bind_to_interface(socket: &UdpSocket, interface: &str) -> io::Result<()> {
    const SOCKET_LEVEL: c_int = 1;
    const BIND_TO_DEVICE: c_int = 25;
    let name = c_string(interface)?;
    let bytes = name.as_bytes_with_nul().len() as u32;
    // SAFETY: the kernel reads `bytes` bytes of the name.
    check(unsafe {
        c::setsockopt(
            socket.as_raw_fd(),
            SOCKET_LEVEL,
            BIND_TO_DEVICE,
            name.as_ptr().cast(),
            bytes,
        )
    })
}

/// `struct sockaddr_in` with port 0.
fn socket_address(address: Ipv4Addr) -> [u8; 16] {
    const INTERNET: u16 = 2;
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&INTERNET.to_ne_bytes());
    bytes[4..8].copy_from_slice(&address.octets());
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structures_have_the_size_of_the_kernels() {
        assert_eq!(size_of::<InterfaceRequest>(), 40);
        assert_eq!(size_of::<Route>(), 120);
        assert_eq!(std::mem::offset_of!(Route, flags), 56);
    }

    #[test]
    fn an_interfaces_name_is_short() {
        assert!(InterfaceRequest::new("eth0").is_ok());
        assert!(InterfaceRequest::new("sixteencharacter").is_err());
    }
}
