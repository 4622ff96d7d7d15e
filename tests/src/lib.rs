//! Demo, benchmarks and tests across Fairway's crates.
