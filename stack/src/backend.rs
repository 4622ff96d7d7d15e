//! The branch between the back ends, written once.

use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A thing of one of the back ends: `System` is what the operating system's stack gives for it.
///
/// A further back end is a further variant with a type parameter of its own, and one more arm in [`on_backend!`]. What
/// the back ends have in common (method names, arguments, results) then needs no other change; the few places that
/// match by hand do so because they differ.
#[derive(Clone, Debug)]
pub(crate) enum Backend<S> {
    /// The operating system's.
    System(S),
}

pin_project! {
    /// A future of one of the back ends, polled without a state machine around it: for the calls that move single
    /// datagrams, where an `async fn` that only awaits another costs more than the branch.
    #[project = Projected]
    pub(crate) enum BackendFuture<S> {
        System { #[pin] future: S },
    }
}

impl<S: Future> Future for BackendFuture<S> {
    type Output = S::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<S::Output> {
        match self.project() {
            Projected::System { future } => future.poll(cx),
        }
    }
}

/// `future_of_backend!(inner, socket => future)`: the future for whichever back end `inner` is of.
macro_rules! future_of_backend {
    ($inner:expr, $socket:ident => $future:expr) => {
        match $inner {
            crate::backend::Backend::System($socket) => {
                crate::backend::BackendFuture::System { future: $future }
            }
        }
    };
}

/// `on_backend!(inner, socket => expression)`: the expression for whichever back end `inner` is of.
macro_rules! on_backend {
    ($inner:expr, $socket:ident => $body:expr) => {
        match $inner {
            crate::backend::Backend::System($socket) => $body,
        }
    };
}

/// The two methods that reach the typed options of a socket of the given kind.
macro_rules! option_methods {
    ($kind:ident) => {
        /// Reads an option.
        ///
        /// # Errors
        /// [`NetError::NoProtoOpt`] if this socket's family does not have it, or the system's refusal.
        pub fn get<O>(&self, option: O) -> Result<O::Value, NetError>
        where
            O: crate::option::GetOption + crate::option::On<crate::option::kind::$kind>,
        {
            on_backend!(&self.inner, socket => Ok(option.get_system(&socket2::SockRef::from(socket))?))
        }

        /// Sets an option.
        ///
        /// # Errors
        /// [`NetError::NoProtoOpt`] if this socket's family does not have it, [`NetError::Inval`] if the value is
        /// out of range, [`NetError::Perm`] if the option needs a privilege, or the system's refusal.
        pub fn set<O>(&self, option: O, value: O::Value) -> Result<(), NetError>
        where
            O: crate::option::SetOption + crate::option::On<crate::option::kind::$kind>,
        {
            on_backend!(&self.inner, socket => Ok(option.set_system(&socket2::SockRef::from(socket), value)?))
        }
    };
}
