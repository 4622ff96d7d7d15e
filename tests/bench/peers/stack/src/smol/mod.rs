//! smoltcp: between two interfaces in memory, and on a TAP device against the kernel.

pub mod memory;
pub mod tap;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, Medium};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpAddress, IpCidr};

/// An interface with its device and its sockets: host `n` of 10.77.0.0/24.
struct Host<D: Device> {
    device: D,
    interface: Interface,
    sockets: SocketSet<'static>,
}

impl<D: Device> Host<D> {
    fn new(mut device: D, n: u8, now: Instant) -> Self {
        let address = match device.capabilities().medium {
            Medium::Ethernet => HardwareAddress::Ethernet(EthernetAddress([2, 0, 0, 0, 0, n])),
            _ => HardwareAddress::Ip,
        };
        let mut config = Config::new(address);
        config.random_seed = 42 + u64::from(n);
        let mut interface = Interface::new(config, &mut device, now);
        interface.update_ip_addrs(|all| all.push(IpCidr::new(IpAddress::v4(10, 77, 0, n), 24)).unwrap());
        Self { device, interface, sockets: SocketSet::new(vec![]) }
    }

    fn poll(&mut self, now: Instant) {
        self.interface.poll(now, &mut self.device, &mut self.sockets);
    }

    /// A stream socket without Nagle's algorithm and delayed acknowledgements.
    fn stream(&mut self, receive: usize, send: usize) -> SocketHandle {
        let buffer = |len| tcp::SocketBuffer::new(vec![0; len]);
        let mut socket = tcp::Socket::new(buffer(receive), buffer(send));
        socket.set_nagle_enabled(false);
        socket.set_ack_delay(None);
        self.sockets.add(socket)
    }

    fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }
}
