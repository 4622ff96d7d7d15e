//! One set of socket tests for every back end.
//!
//! A test is an async function of a [`Pair`]: two hosts that can reach each other. [`on_every_back_end!`] lists them and
//! runs each on each back end; a further back end is a further module there. Everything stays on loopback, on ports the
//! system chose.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod files;
mod local;
mod tcp;
mod time;
mod udp;

use fairway_stack::{Family, Net};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Two hosts: on the system back end the same one, twice.
#[derive(Clone)]
struct Pair {
    /// The one that calls.
    client: Net,
    /// The one that answers.
    server: Net,
    /// Where the server is, IPv4 and IPv6.
    server_ips: [IpAddr; 2],
}

impl Pair {
    fn system() -> Self {
        let net = Net::system();
        let server_ips = [Family::V4.loopback(), Family::V6.loopback()];
        Self {
            client: net.clone(),
            server: net,
            server_ips,
        }
    }

    /// The server's address in `family`, port 0.
    fn server_addr(&self, family: Family) -> SocketAddr {
        let [v4, v6] = self.server_ips;
        SocketAddr::new(if family == Family::V4 { v4 } else { v6 }, 0)
    }
}

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// Runs `test` to its end, or fails after a time no healthy run needs.
async fn limited<F: Future<Output = ()>>(pair: Pair, test: impl FnOnce(Pair) -> F) {
    let clock = pair.client.clock();
    clock
        .timeout(Duration::from_secs(20), test(pair))
        .await
        .expect("the test hangs");
}

/// Whether `future` is still waiting after everything that could happen has happened.
async fn is_pending<F: Future>(future: F) -> bool {
    let mut future = std::pin::pin!(future);
    for _ in 0..20 {
        // Gives the reactor its turns: an event that is there is seen after the first.
        tokio::task::yield_now().await;
        let poll =
            std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx))).await;
        if poll.is_ready() {
            return false;
        }
    }
    true
}

macro_rules! on_every_back_end {
    ($($module:ident: $($test:ident)+;)+) => {
        /// The system's stack, on a runtime of one thread.
        mod system {
            $(mod $module { $(
                #[test]
                fn $test() {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(crate::limited(crate::Pair::system(), crate::$module::$test));
                }
            )+ })+
        }

        /// The system's stack, on a runtime of two threads.
        mod system_threads {
            $(mod $module { $(
                #[test]
                fn $test() {
                    let runtime =
                        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
                    // A task of its own: the test's future is `Send`.
                    let task = runtime.spawn(crate::limited(crate::Pair::system(), crate::$module::$test));
                    runtime.block_on(task).unwrap();
                }
            )+ })+
        }
    };
}

on_every_back_end! {
    tcp:
        names_of_unbound_bound_and_connected_sockets
        binding_a_taken_address_is_refused
        binding_a_foreign_address_is_refused
        binding_twice_or_the_wrong_family_is_refused
        connecting_to_nobody_is_refused
        connections_are_accepted_in_order
        a_dropped_accept_loses_no_connection
        octets_arrive_whole_and_in_order
        a_full_buffer_takes_part_of_a_write
        half_close_ends_one_direction_only
        a_short_read_waits_for_news
        a_short_read_does_not_hide_the_end
        halves_live_in_two_tasks
        zero_linger_aborts
        writing_to_a_closed_peer_fails
        urgent_data_is_apart
        urgent_data_in_line
        peeking_takes_nothing
        both_families_share_a_port
        accepted_sockets_inherit_options
        sockets_of_the_standard_library_are_adopted
        reserved_ports_are_of_the_superuser;
    udp:
        arrivals_tell_destination_interface_and_ttl
        replies_leave_from_the_address_asked
        time_to_live_is_per_socket_and_per_datagram
        long_datagrams_are_cut_and_said_so
        too_long_datagrams_are_not_sent
        broadcast_needs_the_option
        connected_sockets_hear_their_peer_only
        errors_of_earlier_datagrams_come_back
        disconnecting_hears_everybody_again
        sending_without_a_destination_is_refused
        batches_carry_what_single_datagrams_do
        a_short_batch_waits_for_news
        batches_of_both_families_do_not_mix
        groups_are_heard_by_members
        ports_are_shared_by_agreement
        reserved_ports_are_of_the_superuser;
    local:
        streams_by_path
        streams_by_abstract_name
        peers_are_known
        files_go_with_their_socket
        stale_files_are_replaced_and_others_left_alone
        taken_names_are_refused
        connecting_to_nobody_is_refused
        names_have_a_limit
        datagrams_arrive_in_order
        datagrams_tell_their_sender
        long_datagrams_are_cut_and_said_so
        the_system_chooses_a_name;
    time:
        the_clock_never_goes_back
        sleeping_takes_as_long_as_asked
        time_limits_end_what_they_limit
        timers_are_set_moved_and_stopped
        tasks_give_results_and_say_how_they_ended;
    files:
        writing_replaces_whole_files
        failures_leave_the_old_file
        names_and_addresses
        interfaces_have_addresses;
}
