//! RSVP's hands on the kernel: what is installed, read by `tc` and `nft`; what it does to packets; routes and interfaces.

mod installed;
mod lab;
mod left_over;
mod routes;
mod shared_link;
