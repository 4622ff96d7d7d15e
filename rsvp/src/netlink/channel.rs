//! A socket to the kernel.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::{Socket, SocketAddr};

use super::message::Message;
use super::{Attributes, DUMP, Messages, Writer, text, u32_at};

/// Message: an error, or that there is none.
const ERROR: u16 = 2;
/// Message: the end of a dump.
const DONE: u16 = 3;
/// Flag of an error: it has attributes.
const ACK_TLVS: u16 = 0x200;
/// Flag of an error: the request in it is its header only.
const CAPPED: u16 = 0x100;
/// Attribute of an error: what the kernel says in words.
const ERROR_TEXT: u16 = 1;
/// Flag of a dump: what it lists has changed meanwhile, so that something may be missing or there twice.
const INTERRUPTED: u16 = 0x10;
/// How often a dump is asked for that is interrupted each time.
const DUMPS: usize = 16;
/// The longest datagram the kernel makes of a dump is 32 KiB.
const LONGEST: usize = 65_536;
/// No such device or file: what is to be removed is gone.
const ENOENT: i32 = 2;
const ENODEV: i32 = 19;
/// Not permitted, or in use: what there is belongs to another.
const EPERM: i32 = 1;
const EBUSY: i32 = 16;
/// Resource temporarily unavailable.
const EAGAIN: i32 = 11;

/// Why the kernel does not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KernelError {
    /// Its number.
    errno: i32,
    /// In words, if it has any.
    text: Option<String>,
}

impl KernelError {
    /// Whether what was named does not exist.
    pub(crate) const fn is_missing(&self) -> bool {
        matches!(self.errno, ENOENT | ENODEV)
    }

    /// Whether it is not for whoever asked.
    pub(crate) const fn is_refusal(&self) -> bool {
        matches!(self.errno, EPERM | EBUSY)
    }
}

impl core::fmt::Display for KernelError {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}", io::Error::from_raw_os_error(self.errno))?;
        match &self.text {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for KernelError {}

impl From<io::Error> for KernelError {
    fn from(error: io::Error) -> Self {
        Self {
            errno: error.raw_os_error().unwrap_or(0),
            text: error.raw_os_error().is_none().then(|| error.to_string()),
        }
    }
}

/// A way to one subsystem of the kernel.
#[derive(Debug)]
pub(crate) struct Channel {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
    requests: u64,
}

impl Channel {
    /// Opens one: `NETLINK_ROUTE`, `NETLINK_NETFILTER`.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn open(protocol: isize) -> io::Result<Self> {
        let mut socket = Socket::new(protocol)?;
        socket.bind_auto()?;
        socket.connect(&SocketAddr::new(0, 0))?;
        socket.set_non_blocking(true)?;
        // Old kernels lack these: errors without words, acknowledgements with the request in them.
        drop(socket.set_ext_ack(true));
        drop(socket.set_cap_ack(true));
        Ok(Self {
            socket,
            sequence: 1,
            buffer: Vec::with_capacity(LONGEST),
            requests: 0,
        })
    }

    /// How often something was asked.
    pub(crate) const fn requests(&self) -> u64 {
        self.requests
    }

    /// Hears what is told to this group.
    ///
    /// # Errors
    /// What the system says.
    pub(crate) fn join(&self, group: u32) -> io::Result<()> {
        self.socket.add_membership(group)
    }

    /// Sends what `write` writes, and waits for what is to be answered.
    ///
    /// # Errors
    /// The first error of any of them.
    pub(crate) fn send(&mut self, write: impl FnOnce(&mut Writer)) -> Result<(), KernelError> {
        self.exchange(write, |_| {})
    }

    /// As [`send`](Self::send), and gives `each` what else comes, and the end of a dump.
    ///
    /// # Errors
    /// The first error of any of them.
    pub(crate) fn exchange(
        &mut self,
        write: impl FnOnce(&mut Writer),
        mut each: impl FnMut(Message<'_>),
    ) -> Result<(), KernelError> {
        let mut writer = Writer::starting_at(self.sequence);
        write(&mut writer);
        let (octets, sequences) = writer.finish();
        let Some(first) = sequences.first().map(|(sequence, _)| *sequence) else {
            return Ok(());
        };
        let count = u32::try_from(sequences.len()).unwrap_or(u32::MAX);
        self.sequence = first.wrapping_add(count);
        let mut owed = sequences.iter().filter(|(_, answered)| *answered).count();
        self.requests += 1;
        self.socket.send(&octets, 0)?;
        let mut result = Ok(());
        // An error ends a batch as a whole, and then not all that is owed need come: what is there is taken.
        loop {
            if owed == 0 && result.is_ok() {
                return Ok(());
            }
            self.buffer.clear();
            match self.socket.recv(&mut self.buffer, 0) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return result.and(Err(error.into())),
            }
            for message in Messages::new(&self.buffer) {
                // What a request before left behind.
                if message.sequence.wrapping_sub(first) >= count {
                    continue;
                }
                match message.kind {
                    ERROR | DONE => {
                        if message.kind == DONE {
                            each(message);
                        }
                        owed = owed.saturating_sub(1);
                        if let Some(error) = failure(message) {
                            result = result.and(Err(error));
                        }
                    }
                    _ => each(message),
                }
            }
        }
    }

    /// All there are of something: sends the request, and collects what `read` makes of each answer's type and body.
    ///
    /// Asks again if something has changed while the kernel listed it.
    ///
    /// # Errors
    /// What the kernel says, or that it changed each time.
    pub(crate) fn dump<T>(
        &mut self,
        kind: u16,
        body: impl Fn(&mut Writer),
        read: impl Fn(u16, &[u8]) -> Option<T>,
    ) -> Result<Vec<T>, KernelError> {
        undisturbed(|| {
            let (mut all, mut is_whole) = (Vec::new(), true);
            self.exchange(
                |out| out.message(kind, DUMP, &body),
                |message| {
                    is_whole &= message.flags & INTERRUPTED == 0;
                    if message.kind != DONE {
                        all.extend(read(message.kind, message.body));
                    }
                },
            )?;
            Ok(is_whole.then_some(all))
        })
    }

    /// The next datagram that was told to a group; `None` if there is none now.
    ///
    /// # Errors
    /// What the system says; `ENOBUFS` if some were lost.
    pub(crate) fn heard(&mut self) -> io::Result<Option<Messages<'_>>> {
        self.buffer.clear();
        loop {
            match self.socket.recv(&mut self.buffer, 0) {
                Ok(_) => return Ok(Some(Messages::new(&self.buffer))),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What the first of several attempts gives that is whole.
fn undisturbed<T>(
    mut attempt: impl FnMut() -> Result<Option<T>, KernelError>,
) -> Result<T, KernelError> {
    for _ in 0..DUMPS {
        if let Some(whole) = attempt()? {
            return Ok(whole);
        }
    }
    Err(KernelError {
        errno: EAGAIN,
        text: Some("the list changes while it is read".into()),
    })
}

/// What an error message says, if it is one.
fn failure(message: Message<'_>) -> Option<KernelError> {
    let code = i32::from_ne_bytes(u32_at(message.body, 0)?.to_ne_bytes());
    if code == 0 || (message.kind == DONE && code > 0) {
        return None;
    }
    let text = (message.flags & ACK_TLVS != 0)
        .then(|| {
            let request = usize::try_from(u32_at(message.body, 4)?).ok()?;
            let request = if message.flags & CAPPED != 0 {
                16
            } else {
                request.next_multiple_of(4)
            };
            let attributes = Attributes::behind(message.body, request.checked_add(4)?);
            attributes.find(ERROR_TEXT).map(text)
        })
        .flatten();
    Some(KernelError {
        errno: code.saturating_neg(),
        text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(flags: u16, body: &[u8]) -> Option<KernelError> {
        failure(Message {
            kind: ERROR,
            flags,
            sequence: 0,
            body,
        })
    }

    /// netlink(7), NLMSG_ERROR: a number, the request or its header, then attributes.
    #[test]
    fn errors_are_read_with_their_words() {
        assert_eq!(answer(0, &[0; 20]), None);
        let mut body = (-2i32).to_ne_bytes().to_vec();
        body.extend_from_slice(&[0; 16]);
        body.extend_from_slice(&8u16.to_ne_bytes());
        body.extend_from_slice(&1u16.to_ne_bytes());
        body.extend_from_slice(b"odd\0");
        let error = answer(ACK_TLVS | CAPPED, &body).unwrap();
        assert!(error.is_missing());
        assert_eq!(
            error.to_string(),
            "No such file or directory (os error 2): odd"
        );
        assert_eq!(answer(CAPPED, &body).unwrap().text, None);
    }

    /// linux/netlink.h, NLM_F_DUMP_INTR: a list that changed while it was read is read again, and not for ever.
    #[test]
    fn interrupted_dumps_are_asked_for_again() {
        let mut left = 3;
        let list = undisturbed(|| {
            left -= 1;
            Ok((left == 0).then_some("whole"))
        });
        assert_eq!(list, Ok("whole"));
        let mut asked = 0;
        let none: Result<(), _> = undisturbed(|| {
            asked += 1;
            Ok(None)
        });
        assert!(none.unwrap_err().to_string().contains("changes"));
        assert_eq!(asked, DUMPS);
    }

    /// rtnetlink is there for everybody: the loopback interface is among the links.
    #[test]
    fn links_are_dumped() {
        let mut channel = Channel::open(netlink_sys::protocols::NETLINK_ROUTE).unwrap();
        let names = channel
            .dump(
                18,
                |out| out.octets(&[0; 16]),
                |_, body| Attributes::behind(body, 16).find(3).map(text),
            )
            .unwrap();
        assert!(names.iter().any(|name| name == "lo"), "{names:?}");
        // A question about what is not there.
        let mut body = [0; 16];
        body[4..8].copy_from_slice(&i32::MAX.to_ne_bytes());
        let error = channel
            .send(|out| out.message(18, super::super::ACK, |out| out.octets(&body)))
            .unwrap_err();
        assert!(error.is_missing(), "{error}");
    }
}
