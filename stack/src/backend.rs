//! The branch between the back ends, written once.

use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A thing of one of the back ends: what the operating system's stack gives for it, or what ours does.
#[derive(Clone, Debug)]
pub(crate) enum Backend<S, N> {
    /// The operating system's.
    System(S),
    /// Our own.
    Native(N),
}

pin_project! {
    /// A future of one of the back ends, polled without a state machine around it: for the calls that move single
    /// datagrams, where an `async fn` that only awaits another costs more than the branch.
    #[project = Projected]
    pub(crate) enum BackendFuture<S, N> {
        System { #[pin] future: S },
        Native { #[pin] future: N },
    }
}

impl<S: Future, N: Future<Output = S::Output>> Future for BackendFuture<S, N> {
    type Output = S::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<S::Output> {
        match self.project() {
            Projected::System { future } => future.poll(cx),
            Projected::Native { future } => future.poll(cx),
        }
    }
}

/// `future_of_backend!(inner, socket => future, native => future)`: the future for whichever back end `inner` is of.
macro_rules! future_of_backend {
    ($inner:expr, $system:ident => $future:expr, $native:ident => $native_future:expr $(,)?) => {
        match $inner {
            crate::backend::Backend::System($system) => {
                crate::backend::BackendFuture::System { future: $future }
            }
            crate::backend::Backend::Native($native) => crate::backend::BackendFuture::Native {
                future: $native_future,
            },
        }
    };
}

/// `on_backend!(inner, socket => expression, native => expression)`: the expression for whichever back end `inner` is
/// of.
macro_rules! on_backend {
    ($inner:expr, $system:pat => $body:expr, $native:pat => $native_body:expr $(,)?) => {
        match $inner {
            crate::backend::Backend::System($system) => $body,
            crate::backend::Backend::Native($native) => $native_body,
        }
    };
}

/// The two methods that reach the typed options of a socket of the given kind.
macro_rules! option_methods {
    ($kind:ident) => {
        /// Reads an option.
        ///
        /// # Errors
        /// [`NetError::NoProtoOpt`] if this socket's family or back end does not have it, or the system's refusal.
        pub fn get<O>(&self, option: O) -> Result<O::Value, NetError>
        where
            O: crate::option::GetOption + crate::option::On<crate::option::kind::$kind>,
        {
            on_backend!(&self.inner,
                socket => Ok(option.get_system(&socket2::SockRef::from(socket))?),
                native => option.get_native(native.socket()),
            )
        }

        /// Sets an option.
        ///
        /// # Errors
        /// [`NetError::NoProtoOpt`] if this socket's family or back end does not have it, [`NetError::Inval`] if the
        /// value is out of range, [`NetError::Perm`] if the option needs a privilege, or the system's refusal.
        pub fn set<O>(&self, option: O, value: O::Value) -> Result<(), NetError>
        where
            O: crate::option::SetOption + crate::option::On<crate::option::kind::$kind>,
        {
            on_backend!(&self.inner,
                socket => Ok(option.set_system(&socket2::SockRef::from(socket), value)?),
                native => option.set_native(native.socket(), value),
            )
        }
    };
}

/// The method that ends a wait from outside.
macro_rules! cancel_method {
    () => {
        /// Ends one wait from outside (`so_cancel`): one of the calls that wait for this socket gives
        /// [`NetError::Intr`]; if none does, the next call that may wait. The usual way to cancel is to drop the
        /// future, or to wrap it in [`Clock::timeout`](crate::Clock::timeout).
        ///
        /// # Errors
        /// [`NetError::OpNotSupp`] on the system back end, whose sockets would have to carry the means for it.
        pub fn cancel(&self) -> Result<(), NetError> {
                on_backend!(&self.inner,
                _system => Err(NetError::OpNotSupp),
                native => native.socket().cancel(),
            )
        }
    };
}
