//! Devices that join a host of our own stack to the machine it runs on: feature `tun`.

mod tun;
mod virtio;

pub use tun::{Layer, Plugged, Tun, TunConfig};
