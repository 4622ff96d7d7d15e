//! FTP against servers and clients nobody here wrote.

mod blocking;
mod classic;
mod fxp;
mod others;
mod parallel;
mod proxied;
mod servers;
mod tool;
mod verify;
mod world;
