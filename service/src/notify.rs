//! What the service manager is told.

use fairway_stack::{LocalAddr, Net};
use tracing::warn;

/// Tells the service manager, if there is one that wants to know (sd_notify(3)).
///
/// `state` is what it is told, such as `READY=1`.
///
/// # Cancel safety
/// It is told, or not.
pub async fn notify(net: &Net, state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let address = match socket.as_encoded_bytes().split_first() {
        Some((b'@', name)) => LocalAddr::abstract_name(name),
        _ => LocalAddr::path(socket),
    };
    let told = async {
        let datagram = net.local_datagram()?;
        datagram.send_to(state.as_bytes(), &address).await?;
        Ok::<(), std::io::Error>(())
    };
    if let Err(error) = told.await {
        warn!(%error, "cannot tell the service manager");
    }
}
