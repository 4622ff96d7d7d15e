//! RSVP on the kernel: what is installed, read by `tc` and `nft`; what it does to packets; routes and interfaces; programs
//! that reserve through the daemon.

mod installed;
mod lab;
mod left_over;
mod rapi;
mod readers;
mod routes;
mod shared_link;
