//! FTP against servers and clients nobody here wrote.

mod blocking;
mod calls;
mod cancel;
mod classic;
mod faults;
mod fxp;
mod hostile;
mod ipv6;
mod lab;
mod others;
mod parallel;
mod pool;
mod proxied;
mod resumption;
mod servers;
mod tool;
mod verify;
mod world;
