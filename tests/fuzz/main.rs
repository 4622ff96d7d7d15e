//! Runs the fuzz functions for a time.

fn main() {}
