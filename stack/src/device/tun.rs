//! TUN and TAP: an interface of this machine whose other end is a host of our own stack.

use super::virtio::{self, Header};
use crate::native::{Host, Port, Stack};
use fairway_native::PacketBuf;
use fairway_native::pkt::HEADROOM;
use fairway_native::{InterfaceConfig, InterfaceId};
use fairway_wire::{Instant, MacAddr, ethernet};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Waker;
use tokio::sync::Notify;
use tun_rs::{AsyncDevice, DeviceBuilder, SyncDevice};

/// Frames taken from the device before other tasks get their turn.
const BATCH: usize = 64;
/// The longest frame: an IP packet of the greatest length, link header, and what precedes it.
const LONGEST: usize = 65_535 + ethernet::Header::LEN + virtio::LEN;
/// Frames up to this length move to a buffer of their size.
const SMALL: usize = 1_900;
/// Where the kernel copies fast to: see `pkt::copy`.
const ALIGNMENT: usize = 64;

/// What the device carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// IP packets: a TUN device.
    Ip,
    /// Ethernet frames: a TAP device. The host's end has this address.
    Ethernet(MacAddr),
}

/// How to make a device.
#[derive(Clone, Debug)]
pub struct TunConfig {
    /// What the machine calls its end; `None` lets it choose.
    pub name: Option<String>,
    /// What it carries.
    pub layer: Layer,
    /// The longest IP packet, in octets; both ends know it.
    pub mtu: u16,
    /// Whether checksums and the cutting of long TCP segments are left out between the kernel and the host: many times
    /// faster, and as safe as memory.
    pub offload: bool,
    /// How many frames the kernel keeps until the host takes them. Its own default, 500, overflows at once under a
    /// sender that does not pace itself.
    pub queue: u32,
}

impl Default for TunConfig {
    /// A TUN device of 1500 octets, with offload.
    fn default() -> Self {
        Self {
            name: None,
            layer: Layer::Ip,
            mtu: 1500,
            offload: true,
            queue: 5000,
        }
    }
}

/// A device that is made and not plugged in. Its end on the machine is up, and has no address yet: that is the
/// machine's to give (`ip address add`).
pub struct Tun {
    device: SyncDevice,
    config: TunConfig,
    name: String,
}

impl Tun {
    /// Makes a device.
    ///
    /// # Errors
    /// The system's: without the right to make one (`CAP_NET_ADMIN`), [`io::ErrorKind::PermissionDenied`].
    pub fn open(config: TunConfig) -> io::Result<Self> {
        let mut builder = DeviceBuilder::new()
            .layer(match config.layer {
                Layer::Ip => tun_rs::Layer::L3,
                Layer::Ethernet(_) => tun_rs::Layer::L2,
            })
            .mtu(config.mtu)
            .offload(config.offload)
            .tx_queue_len(config.queue);
        if let Some(name) = &config.name {
            builder = builder.name(name);
        }
        let device = builder.build_sync()?;
        let name = device.name()?;
        Ok(Self {
            device,
            config,
            name,
        })
    }

    /// What the machine calls its end.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Plugs the device into a host, as a new interface of it, still without an address.
    ///
    /// # Errors
    /// The system's, if it does not say when the device is ready.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O.
    pub fn plug_in(self, host: &Host) -> io::Result<Plugged> {
        let mtu = usize::from(self.config.mtu);
        let mut interface = match self.config.layer {
            Layer::Ip => InterfaceConfig::point(&self.name, mtu),
            Layer::Ethernet(address) => InterfaceConfig::ethernet(&self.name, address),
        };
        interface.mtu = mtu;
        interface.trusted = self.config.offload;
        interface.segmentation = self.config.offload;
        let link = match self.config.layer {
            Layer::Ip => 0,
            Layer::Ethernet(_) => ethernet::Header::LEN,
        };
        let cable = Arc::new(Cable {
            device: AsyncDevice::new(self.device)?,
            link,
            offload: self.config.offload,
            left: Mutex::new(None),
            blocked: Notify::new(),
        });
        let interface = host.with(|stack, _| stack.add_interface(interface));
        host.attach(interface, cable.clone());
        let tasks = [
            tokio::spawn(receive(cable.clone(), host.clone(), interface)),
            tokio::spawn(resume(cable, host.clone(), interface)),
        ];
        Ok(Plugged {
            name: self.name,
            host: host.clone(),
            interface,
            tasks,
        })
    }
}

impl fmt::Debug for Tun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tun")
            .field("name", &self.name)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

/// A device that is plugged into a host. Dropping it pulls it out, and the device is gone a moment later; the host's
/// interface stays, and sends nowhere.
#[derive(Debug)]
pub struct Plugged {
    name: String,
    host: Host,
    interface: InterfaceId,
    tasks: [tokio::task::JoinHandle<()>; 2],
}

impl Plugged {
    /// What the machine calls its end.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The interface of the host.
    #[must_use]
    pub const fn interface(&self) -> InterfaceId {
        self.interface
    }

    /// Pulls it out, and waits until the device is gone.
    ///
    /// # Cancel safety
    /// Dropped, it is pulled out as well.
    pub async fn pull_out(mut self) {
        self.host.detach(self.interface);
        for task in &mut self.tasks {
            task.abort();
            // Stopped, as it should be.
            let _ended = task.await;
        }
    }
}

impl Drop for Plugged {
    fn drop(&mut self) {
        self.host.detach(self.interface);
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// The device, between kernel and host.
struct Cable {
    device: AsyncDevice,
    /// Octets of the link header.
    link: usize,
    offload: bool,
    /// The frame that the device did not take.
    left: Mutex<Option<PacketBuf>>,
    /// The device did not take a frame.
    blocked: Notify,
}

impl Cable {
    /// Gives a frame to the kernel, which takes it or drops it; gives it back if there is no room now.
    fn send(&self, frame: PacketBuf) -> Result<(), Unsent> {
        match self.device.try_send(frame.as_slice()) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Err(Unsent::Busy(frame)),
            // Its end on the machine is down, or the frame is not to its taste: lost, as on any cable.
            Err(error) => {
                tracing::debug!(%error, "device refused a frame");
                Err(Unsent::Refused(frame))
            }
            Ok(_) => Ok(()),
        }
    }

    /// Puts in front of a frame what the kernel wants to know about it.
    fn wrap(&self, frame: &mut PacketBuf) {
        if self.offload {
            let header = Header::describe(frame, self.link);
            frame
                .push_front(virtio::LEN)
                .copy_from_slice(&header.emit());
        }
    }

    /// Room for the longest frame, with the IP packet where the kernel copies fast to.
    fn room(&self) -> PacketBuf {
        let mut room = PacketBuf::with_headroom(HEADROOM, LONGEST + ALIGNMENT);
        let off = room
            .grow(LONGEST + ALIGNMENT)
            .as_ptr()
            .align_offset(ALIGNMENT);
        room.pull_front(off);
        room.truncate(LONGEST);
        room
    }

    /// Takes what the kernel put in front of a frame of `length` octets off `room`, and hands over the frames it is,
    /// one by nature; `room` is as before, or another.
    fn unwrap(&self, room: &mut PacketBuf, length: usize, mut take: impl FnMut(PacketBuf)) {
        let mut frame = if length <= SMALL {
            PacketBuf::from_slice(room.as_slice().get(..length).unwrap_or_default())
        } else {
            let mut frame = std::mem::replace(room, self.room());
            frame.truncate(length);
            frame
        };
        if self.offload {
            let Some(&header) = frame.as_slice().first_chunk() else {
                // Too short for anything: the stack says so.
                return take(frame);
            };
            let header = Header::parse(header);
            frame.pull_front(virtio::LEN);
            header.apply(&mut frame);
            if let Some(each) = header.run_of_datagrams() {
                return virtio::cut(&frame, self.link, each).for_each(take);
            }
        }
        take(frame);
    }
}

/// Why a frame was not sent, and the frame.
enum Unsent {
    /// The device takes no more for now.
    Busy(PacketBuf),
    /// It does not take this one.
    Refused(PacketBuf),
}

impl Port for Cable {
    fn pump(&self, stack: &mut Stack, interface: InterfaceId, now: Instant) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let frame = left.take().or_else(|| {
                let mut frame = stack.poll_frame(now, interface)?;
                self.wrap(&mut frame);
                Some(frame)
            });
            match frame.map(|frame| self.send(frame)) {
                Some(Ok(())) => {}
                Some(Err(Unsent::Refused(frame))) => {
                    stack.handle_refused(now, interface, &frame);
                }
                Some(Err(Unsent::Busy(frame))) => {
                    *left = Some(frame);
                    stack.suspend(interface);
                    self.blocked.notify_one();
                    return;
                }
                None => return,
            }
        }
    }
}

/// Lets the host go on sending when the device has room again.
async fn resume(cable: Arc<Cable>, host: Host, interface: InterfaceId) {
    loop {
        cable.blocked.notified().await;
        if cable.device.writable().await.is_err() {
            return;
        }
        host.with(|stack, now| {
            // The frame that was left goes first, also when nothing is behind it.
            cable.pump(stack, interface, now);
            stack.resume(interface);
        });
    }
}

/// Takes frames from the device to the host, until the device is gone.
async fn receive(cable: Arc<Cable>, host: Host, interface: InterfaceId) {
    let mut wakers: Vec<Waker> = Vec::new();
    let mut frames = Vec::new();
    let mut room = cable.room();
    loop {
        if cable.device.readable().await.is_err() {
            return;
        }
        for _ in 0..BATCH {
            match cable.device.try_recv(room.as_mut_slice()) {
                Ok(length) => cable.unwrap(&mut room, length, |frame| frames.push(frame)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => {
                    tracing::warn!(%error, "device cannot be read");
                    return;
                }
            }
        }
        host.handle_frames(interface, frames.drain(..), &mut wakers);
        for waker in wakers.drain(..) {
            waker.wake();
        }
        tokio::task::yield_now().await;
    }
}
