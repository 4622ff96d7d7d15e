//! One set of socket tests for every back end: here the system's stack, on runtimes of one and of two threads, and a
//! host of our own that talks to itself. `fairway-sim` runs them between two hosts on a link, in virtual time.
//!
//! Everything stays on loopback, on ports the stack chose.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

#[macro_use]
mod bodies;
mod statements;

use bodies::Pair;
use fairway_native::{Setup, Stack};
use fairway_stack::native::Host;
use fairway_stack::{Family, Net};

/// The machine, twice.
fn system() -> Pair {
    let net = Net::system();
    Pair {
        client: net.clone(),
        server: net,
        client_ips: vec![Family::V4.loopback(), Family::V6.loopback()],
        server_ips: vec![Family::V4.loopback(), Family::V6.loopback()],
        native: false,
        simulated: false,
    }
}

/// A host of our own, twice, in real time.
fn native() -> Pair {
    let host = Host::real_time(Stack::new(Setup::new("alone", [3; 32])));
    Pair {
        client: host.net(),
        server: host.net(),
        client_ips: vec![Family::V4.loopback()],
        server_ips: vec![Family::V4.loopback()],
        native: true,
        simulated: false,
    }
}

/// A module with a test per body: on a runtime of one thread, or on one of two.
macro_rules! run {
    ($back_end:ident $make:ident one: $($module:ident: $($test:ident)+;)+) => {
        mod $back_end {
            $(mod $module { $(
                #[test]
                fn $test() {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        crate::bodies::limited(crate::$make(), crate::bodies::$module::$test).await;
                    });
                }
            )+ })+
        }
    };
    ($back_end:ident $make:ident two: $($module:ident: $($test:ident)+;)+) => {
        mod $back_end {
            $(mod $module { $(
                #[test]
                fn $test() {
                    let runtime =
                        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
                    // A task of its own: the test's future is `Send`.
                    let task = runtime.spawn(async {
                        crate::bodies::limited(crate::$make(), crate::bodies::$module::$test).await;
                    });
                    runtime.block_on(task).unwrap();
                }
            )+ })+
        }
    };
}

bodies!(run, system system one);
bodies!(run, system_threads system two);
bodies!(run, native native one);
bodies!(run, native_threads native two);
system_bodies!(run, system_only system one);
system_bodies!(run, system_only_threads system two);
native_bodies!(run, native_only native one);
