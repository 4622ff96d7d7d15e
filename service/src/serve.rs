//! The runtime that a daemon serves in.

use tracing::error;

use crate::Exit;

/// Runs a daemon to its end: one thread, and more for what would make it wait.
///
/// Those are not waited for at the end: one may be asking a name server.
pub fn serve(daemon: impl Future<Output = Exit>) -> Exit {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(daemon);
            runtime.shutdown_background();
            exit
        }
        Err(error) => {
            error!(%error, "cannot start");
            Exit::System
        }
    }
}
