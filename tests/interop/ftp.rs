//! FTP against servers and clients nobody here wrote.

mod blocking;
mod classic;
mod parallel;
mod servers;
mod verify;
mod world;
