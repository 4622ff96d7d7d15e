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
mod hosts;
mod machine;
mod statements;

use bodies::{NOBODY, Pair};
use fairway_native::{Setup, Stack};
use fairway_stack::native::Host;
use fairway_stack::{Credentials, Family, Net};

/// The machine, twice.
fn system() -> Pair {
    let net = Net::system();
    Pair {
        client: net.clone(),
        server: net,
        client_ips: vec![Family::V4.loopback(), Family::V6.loopback()],
        server_ips: vec![Family::V4.loopback(), Family::V6.loopback()],
        whose: Credentials {
            uid: nix::unistd::geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
            pid: Some(nix::unistd::getpid().as_raw()),
        },
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
        whose: NOBODY,
        native: true,
        simulated: false,
    }
}

/// A module with a test per body: on a runtime of one thread, or on one of two.
macro_rules! run {
    ($back_end:ident $bodies:ident $make:ident one: $($module:ident: $($test:ident)+;)+) => {
        mod $back_end {
            $(mod $module { $(
                #[test]
                fn $test() {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        crate::bodies::limited(crate::$make(), crate::$bodies::$module::$test).await;
                    });
                }
            )+ })+
        }
    };
    ($back_end:ident $bodies:ident $make:ident two: $($module:ident: $($test:ident)+;)+) => {
        mod $back_end {
            $(mod $module { $(
                #[test]
                fn $test() {
                    let runtime =
                        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
                    // A task of its own: the test's future is `Send`.
                    let task = runtime.spawn(async {
                        crate::bodies::limited(crate::$make(), crate::$bodies::$module::$test).await;
                    });
                    runtime.block_on(task).unwrap();
                }
            )+ })+
        }
    };
}

/// `machine_bodies!(run, words)`: those that only the machine's own stack can run.
macro_rules! machine_bodies {
    ($run:ident, $($words:ident)*) => {
        $run! { $($words)*:
            tcp:
                both_families_share_a_port
                sockets_of_the_standard_library_are_adopted
                reserved_ports_are_of_the_superuser;
            udp:
                reserved_ports_are_of_the_superuser;
            local:
                peers_are_known
                files_go_with_their_socket
                stale_files_are_replaced_and_others_left_alone;
            files:
                old_files_keep_their_mode_and_their_readers
                failures_leave_the_old_file
                links_are_followed_or_not
                pipes_keep_nobody_waiting;
        }
    };
}

bodies!(run, system bodies system one);
bodies!(run, system_threads bodies system two);
bodies!(run, native bodies native one);
bodies!(run, native_threads bodies native two);
machine_bodies!(run, system_only machine system one);
machine_bodies!(run, system_only_threads machine system two);
native_bodies!(run, native_only bodies native one);
