//! Peers of Fairway's network stack: `stack-peers CASE…` runs each case once and prints `name value unit`.
//!
//! Rates that end in `_cpu` are per CPU second of the measuring thread: they hold on a busy machine. `BENCH_QUICK` makes rounds short.
#![forbid(unsafe_code)]

mod goodput;
mod kernel;
mod measure;
mod simulators;
mod smol;
mod wire;

fn main() {
    for case in std::env::args().skip(1) {
        let mut parts = case.split(':');
        let what = parts.next().unwrap_or_default();
        let rest: Vec<&str> = parts.collect();
        match (what, rest.as_slice()) {
            ("engine", []) => smol::memory::all(),
            ("idle", [many]) => smol::memory::beside_idle(many.parse().expect("a number of connections")),
            ("loopback", []) => kernel::all(),
            ("goodput-smol", []) => goodput::smol::all(),
            ("goodput-kernel", [case]) => goodput::kernel::one(case),
            ("simulators", []) => simulators::all(),
            ("tap", [device]) => smol::tap::all(device),
            ("wire", []) => wire::all(),
            _ => {
                eprintln!("stack-peers: no case '{case}'");
                std::process::exit(2);
            }
        }
    }
}
