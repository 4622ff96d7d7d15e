//! RSVP's hands on the kernel: what is installed, read by `tc` and `nft`; what it does to packets; routes and interfaces;
//! the daemon, its tool, and programs that reserve through it; messages, as others read them; a peer in another language.

mod alone;
mod both;
mod daemon;
mod goals;
mod installed;
mod lab;
mod left_over;
mod many;
mod python;
mod rapi;
mod readers;
mod readme;
mod routes;
mod shared_link;
mod ways;
