//! The stacks that every test runs on: the system's, and our own in virtual time.

use std::cell::RefCell;
use std::time::Duration;

use fairway_sim::Network;
use fairway_stack::Net;

thread_local! {
    /// The stack that the running test is to use.
    static NET: RefCell<Option<Net>> = const { RefCell::new(None) };
}

/// The stack to test on: inside [`run`], each of the two in turn; elsewhere the system's.
pub(crate) fn net() -> Net {
    NET.with_borrow(|net| net.clone().unwrap_or_else(Net::system))
}

/// Runs a test on the system's stack; 30 seconds are a failure.
pub(crate) fn run_on_system(test: impl AsyncFn()) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(limited(test()));
}

/// Runs a test on the system's stack, and on a simulated host of our own; 30 seconds of either's time are a failure.
pub(crate) fn run(test: impl AsyncFn()) {
    run_on_system(&test);

    let network = Network::new(11);
    let host = network.node("host");
    NET.set(Some(host.net()));
    let _restored = Restore;
    network.run(limited(test()));
}

/// Forgets the stack, also when the test panics.
struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        NET.set(None);
    }
}

pub(crate) async fn limited(test: impl Future<Output = ()>) {
    net()
        .clock()
        .timeout(Duration::from_secs(30), test)
        .await
        .expect("the test hangs");
}
