//! Streams of the system's stack: reading and writing that knows when the socket is drained.

use crate::error::NetError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use socket2::SockRef;
use std::io::{self, IoSlice, IoSliceMut, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream, tcp, unix};

/// A stream, or a half of one, with tokio's readiness.
pub(crate) trait Ready {
    /// Runs `work` if the stream seems ready, and takes `WouldBlock` from it as the sign that it is not.
    fn when_ready<R>(
        &self,
        interest: Interest,
        work: impl FnOnce(SockRef<'_>) -> io::Result<R>,
    ) -> io::Result<R>;
}

macro_rules! ready {
    ($($type:ty: $whole:ident => $stream:expr;)+) => {
        $(impl Ready for $type {
            fn when_ready<R>(
                &self,
                interest: Interest,
                work: impl FnOnce(SockRef<'_>) -> io::Result<R>,
            ) -> io::Result<R> {
                let $whole = self;
                let stream = $stream;
                stream.try_io(interest, || work(SockRef::from(stream)))
            }
        })+
    };
}

ready! {
    TcpStream: whole => whole;
    UnixStream: whole => whole;
    tcp::OwnedReadHalf: half => half.as_ref();
    tcp::OwnedWriteHalf: half => half.as_ref();
    unix::OwnedReadHalf: half => half.as_ref();
    unix::OwnedWriteHalf: half => half.as_ref();
}

/// Moves up to `wanted` octets by `work`. If fewer moved, the socket's buffer is empty (or full) now, so the readiness
/// is forgotten as tokio's own `poll_read` and `poll_write` do; the next wait is then one for news, not one more call
/// that finds nothing. The end of a stream is never forgotten.
fn exhaust<S: Ready>(
    stream: &S,
    interest: Interest,
    wanted: usize,
    work: impl FnOnce(SockRef<'_>) -> io::Result<usize>,
) -> io::Result<usize> {
    let mut moved = 0;
    let result = stream.when_ready(interest, |socket| {
        moved = work(socket)?;
        if 0 < moved && moved < wanted {
            Err(io::ErrorKind::WouldBlock.into())
        } else {
            Ok(())
        }
    });
    match result {
        Err(error) if moved == 0 => Err(error),
        _ => Ok(moved),
    }
}

pub(crate) fn try_read<S: Ready>(stream: &S, buf: &mut [u8]) -> io::Result<usize> {
    exhaust(stream, Interest::READABLE, buf.len(), |socket| {
        (&*socket).read(buf)
    })
}

pub(crate) fn try_read_vectored<S: Ready>(
    stream: &S,
    bufs: &mut [IoSliceMut<'_>],
) -> io::Result<usize> {
    let wanted = bufs.iter().map(|buf| buf.len()).sum();
    exhaust(stream, Interest::READABLE, wanted, |socket| {
        (&*socket).read_vectored(bufs)
    })
}

/// As [`try_read`], with tokio's own reading within, which can write to memory that is not initialised.
pub(crate) fn try_read_buf<S: Ready>(
    stream: &S,
    wanted: usize,
    read: impl FnOnce() -> io::Result<usize>,
) -> io::Result<usize> {
    exhaust(stream, Interest::READABLE, wanted, |_| read())
}

pub(crate) fn try_write<S: Ready>(stream: &S, buf: &[u8]) -> io::Result<usize> {
    exhaust(stream, Interest::WRITABLE, buf.len(), |socket| {
        (&*socket).write(buf)
    })
}

pub(crate) fn try_write_vectored<S: Ready>(stream: &S, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
    let wanted = bufs.iter().map(|buf| buf.len()).sum();
    exhaust(stream, Interest::WRITABLE, wanted, |socket| {
        (&*socket).write_vectored(bufs)
    })
}

/// `FIONREAD`.
pub(crate) fn readable_octets<S: AsFd>(socket: &S) -> Result<usize, NetError> {
    let octets = rustix::io::ioctl_fionread(socket).map_err(io::Error::from)?;
    Ok(usize::try_from(octets).unwrap_or(usize::MAX))
}

/// How long a thread waits for urgent data before it looks whether anybody still wants to know.
const URGENT_SLICE: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 100_000_000,
};

/// Waits until urgent data has arrived, or the stream has ended.
///
/// tokio does not watch its sockets for it, and its way to watch any descriptor is unsafe to call. So a thread of the
/// blocking pool waits, on a descriptor of its own; it is what this legacy is worth.
pub(crate) async fn urgent<S: AsFd>(stream: &S) -> io::Result<()> {
    let look = |descriptor: BorrowedFd<'_>, timeout: &Timespec| {
        let watched = PollFlags::PRI | PollFlags::RDHUP;
        poll(
            &mut [PollFd::from_borrowed_fd(descriptor, watched)],
            Some(timeout),
        )
    };
    if look(stream.as_fd(), &Timespec::default())? > 0 {
        return Ok(());
    }
    loop {
        let descriptor = stream.as_fd().try_clone_to_owned()?;
        let wait = move || look(descriptor.as_fd(), &URGENT_SLICE);
        match tokio::task::spawn_blocking(wait).await {
            Ok(Ok(0) | Err(Errno::INTR)) => {}
            Ok(result) => return Ok(result.map(drop)?),
            // The runtime is going down: nobody will ask again.
            Err(_) => return Err(NetError::Intr.into()),
        }
    }
}
