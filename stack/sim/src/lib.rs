//! Networks of simulated hosts in virtual time.

#![forbid(unsafe_code)]

mod driver;
pub mod pcap;
