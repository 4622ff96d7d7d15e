//! The bodies of the battery: what sockets do, whatever stack is beneath.
//!
//! A body is an async function of a [`Pair`]: two hosts that can reach each other. [`bodies!`] lists those that every
//! back end runs. The first comment of a body cites what it checks: the statements and the rows of tables in the
//! reference of sockets by their names.

pub(crate) mod difference;
pub(crate) mod files;
pub(crate) mod local;
pub(crate) mod manage;
pub(crate) mod options;
pub(crate) mod queue;
pub(crate) mod raw;
pub(crate) mod socks;
pub(crate) mod tcp;
pub(crate) mod time;
pub(crate) mod udp;

pub(crate) use difference::Difference;

use fairway_stack::{Credentials, Family, Net};
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Two hosts, or one twice.
#[derive(Clone)]
pub(crate) struct Pair {
    /// The one that calls.
    pub(crate) client: Net,
    /// The one that answers.
    pub(crate) server: Net,
    /// Where the client is: an address of each family that the hosts have.
    pub(crate) client_ips: Vec<IpAddr>,
    /// Where the server is.
    pub(crate) server_ips: Vec<IpAddr>,
    /// Whose programs run there.
    pub(crate) whose: Credentials,
    /// They are of our own stack.
    pub(crate) native: bool,
    /// They are two, with a link between them, in virtual time.
    pub(crate) simulated: bool,
}

impl Pair {
    /// The families that the hosts have.
    pub(crate) fn families(&self) -> impl Iterator<Item = Family> {
        let families = self.server_ips.iter().map(|ip| match ip {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        });
        families.collect::<Vec<_>>().into_iter()
    }

    /// The server's address in `family`, port 0.
    pub(crate) fn server_addr(&self, family: Family) -> SocketAddr {
        of_family(&self.server_ips, family)
    }

    /// The client's address in `family`, port 0.
    pub(crate) fn client_addr(&self, family: Family) -> SocketAddr {
        of_family(&self.client_ips, family)
    }

    /// Which side of a difference the hosts are on: whether they do as the machine's own stack.
    pub(crate) fn as_system(&self, _: Difference) -> bool {
        !self.native
    }

    /// Whether `future` is still waiting after everything that could happen has happened.
    pub(crate) async fn is_pending<F: Future>(&self, future: F) -> bool {
        let clock = self.client.clock();
        let mut future = std::pin::pin!(future);
        for _ in 0..20 {
            let poll =
                std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx))).await;
            if poll.is_ready() {
                return false;
            }
            if self.simulated {
                // As long as a packet may be on its way.
                clock.sleep(Duration::from_millis(50)).await;
            } else {
                // Gives the reactor its turns: an event that is there is seen after the first.
                tokio::task::yield_now().await;
            }
        }
        true
    }

    /// Lets happen what can.
    pub(crate) async fn settle(&self) {
        let _pending = self.is_pending(std::future::pending::<()>()).await;
    }
}

fn of_family(ips: &[IpAddr], family: Family) -> SocketAddr {
    let ip = ips.iter().find(|ip| ip.is_ipv4() == (family == Family::V4));
    SocketAddr::new(*ip.unwrap(), 0)
}

/// Runs `test` to its end, or fails after a time no healthy run needs.
pub(crate) async fn limited<F: Future<Output = ()>>(pair: Pair, test: impl FnOnce(Pair) -> F) {
    let clock = pair.client.clock();
    let limit = if pair.simulated { 3600 } else { 20 };
    clock
        .timeout(Duration::from_secs(limit), test(pair))
        .await
        .expect("the test hangs");
}

/// `bodies!(run, words)`: `run! { words: … }` with every body that all back ends run.
macro_rules! bodies {
    ($run:ident, $($words:ident)*) => {
        $run! { $($words)*:
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
                accepted_sockets_inherit_options
                new_sockets_have_nothing_but_a_type
                the_same_connection_twice_is_refused
                listening_binds_and_takes_any_backlog
                a_full_queue_ignores_the_next
                connections_may_die_in_the_queue
                dropping_closes
                closing_a_listener_resets_its_queue
                what_was_written_arrives_after_closing
                lingering_waits_for_the_peer_or_the_time
                receiving_can_be_shut_down
                waiting_is_the_callers_choice
                waiting_for_all_of_it
                the_end_goes_with_the_last_octets
                what_can_be_read_is_known
                urgent_data_is_looked_at_and_replaced
                several_urgent_octets_in_line
                urgent_data_is_announced_before_it_arrives;
            udp:
                arrivals_tell_destination_interface_and_ttl
                replies_leave_from_the_address_asked
                time_to_live_is_per_socket_and_per_datagram
                long_datagrams_are_cut_and_said_so
                too_long_datagrams_are_not_sent
                broadcast_needs_the_option
                connected_sockets_hear_their_peer_only
                a_second_destination_is_refused
                errors_of_earlier_datagrams_come_back
                disconnecting_hears_everybody_again
                sending_without_a_destination_is_refused
                batches_carry_what_single_datagrams_do
                a_short_batch_waits_for_news
                batches_of_both_families_do_not_mix
                groups_are_heard_by_members
                what_is_no_group_is_not_joined
                ports_are_shared_by_agreement
                an_address_hears_only_its_own
                looking_takes_no_datagram
                directions_of_datagrams_can_be_shut_down
                sending_connects_nobody
                routes_can_be_passed_over
                tasks_share_a_socket;
            raw:
                packets_of_one_protocol
                ports_are_big_endian
                raw_sockets_have_peers
                headers_can_be_the_callers;
            options:
                values_out_of_range_are_refused
                what_is_set_is_read_back;
            manage:
                interfaces_are_known;
            local:
                streams_by_path
                streams_by_abstract_name
                taken_names_are_refused
                connecting_to_nobody_is_refused
                names_have_a_limit
                datagrams_arrive_in_order
                datagrams_tell_their_sender
                long_datagrams_are_cut_and_said_so
                the_stack_chooses_a_name
                kinds_do_not_mix
                buffers_of_local_sockets;
            time:
                the_clock_never_goes_back
                sleeping_takes_as_long_as_asked
                time_limits_end_what_they_limit
                timers_are_set_moved_and_stopped
                tasks_give_results_and_say_how_they_ended;
            files:
                writing_replaces_whole_files
                open_files_are_read_and_written_at_offsets
                parts_of_a_file_are_written_at_the_same_time
                creating_minds_what_is_there
                open_files_outlive_their_names
                directories_are_made_listed_and_removed
                renaming_replaces_what_it_may
                times_and_modes_are_kept
                names_and_addresses
                interfaces_have_addresses;
            socks:
                proxies_connect_and_nothing_is_lost
                proxies_look_names_up_unless_told_otherwise
                proxies_wait_for_a_call
                a_proxy_says_no_and_why
                a_proxy_that_talks_nonsense_is_left
                giving_up_closes;
        }
    };
}

/// Those that only our own stack can run.
macro_rules! native_bodies {
    ($run:ident, $($words:ident)*) => {
        $run! { $($words)*:
            tcp:
                other_families_are_refused
                shutting_down_can_be_seen
                the_mark_can_be_seen
                scaled_windows_and_timestamps_can_be_left_out
                cancelling_ends_one_wait;
            udp:
                the_loop_can_be_left_out;
            options:
                ip_options_are_read_back_behind_the_first_hop
                options_of_the_reference_alone;
            manage:
                interfaces_are_changed
                routes_are_changed
                neighbors_are_changed
                everything_is_counted
                parameters_have_names_and_bounds
                parameters_by_number;
            queue:
                queues_keep_reservations
                ways_are_known
                changes_are_told
                groups_are_routed;
        }
    };
}

/// Whose the programs of a native host are.
pub(crate) const NOBODY: Credentials = Credentials {
    uid: 0,
    gid: 0,
    pid: None,
};
