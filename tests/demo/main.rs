//! The demo: what Fairway does, in one command.

fn main() {}
