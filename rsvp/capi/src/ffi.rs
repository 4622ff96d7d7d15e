//! The calls of C: pointers in and out. The only unsafe code there is.
//!
//! What every call asks of a program: a pointer is null, where that is said to be allowed, or points at what its type in
//! the header says, an object at as many octets as its `len` says (octets of a header before all), and nobody changes
//! it during the call. `SAFETY` comments below call that the header's terms.
//!
//! A panic would be a fault of this library; the call then gives `RAPI_ERR_UNKNOWN`.

use core::cell::Cell;
use core::ffi::{c_char, c_int, c_uint, c_ulong, c_void};
use core::mem::ManuallyDrop;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};
use std::net::SocketAddr;
use std::os::fd::{AsFd as _, AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

use fairway_rsvp::api::client::blocking::{Held, hold};
use fairway_rsvp::api::{ReserveCall, SenderCall};
use fairway_rsvp::wire::{Sender, Session, Style};
use fairway_wire::Protocol;
use rustix::io::{DupFlags, dup3};

use crate::c809::{HEADER, MAX_OBJECT};
use crate::code::{Code, text as text_of_code};
use crate::fields::Fields;
use crate::library::{self, NotOpened, Opened, Registration};
use crate::sockaddr::{self, specified};
use crate::upcall::{Arguments, C809Routine, Form, List, Os2Routine, Routine, style_of};
use crate::{c809, os2, text};

const USE_INTSERV: c_uint = 0x10;
const REQ_CONFIRM: c_uint = 0x20;
/// `TC_QOS_POLICE` to `TC_QOS_NOSHAPE`.
const TC_QOS: c_uint = 0x0f;
const C809_VERSION: c_int = 501;
const OS2_VERSION: c_int = 400;
const C809: Form = Form::C809 { is_intserv: false };

unsafe extern "C" {
    /// Where the thread's `errno` is.
    fn __errno_location() -> *mut c_int;
    /// What the kernel told the program at its start: getauxval(3).
    fn getauxval(kind: c_ulong) -> c_ulong;
    /// Has these called around a fork: before it, and after it in the parent and in the child.
    fn pthread_atfork(
        prepare: Option<unsafe extern "C" fn()>,
        parent: Option<unsafe extern "C" fn()>,
        child: Option<unsafe extern "C" fn()>,
    ) -> c_int;
}

const AT_SECURE: c_ulong = 23;

/// Whether the program has rights that its caller has not, so that the environment is not to be trusted.
pub(crate) fn is_secure() -> bool {
    // SAFETY: reads what the kernel left, whatever is asked for.
    unsafe { getauxval(AT_SECURE) != 0 }
}

// ---- Children ------------------------------------------------------------------------------------------------------

thread_local! {
    /// The connections, while this thread forks.
    static HELD: Cell<Option<Held>> = const { Cell::new(None) };
}

/// Sees to it that children leave connections to their parents; once is enough, and more do no harm.
///
/// # Errors
/// The system's number.
pub(crate) fn leave_connections_to_parents() -> Result<(), c_int> {
    static DONE: AtomicBool = AtomicBool::new(false);
    if DONE.load(Ordering::Acquire) {
        return Ok(());
    }
    // SAFETY: functions of this type, which stay where they are: the C library forgets them if this one is unloaded.
    match unsafe { pthread_atfork(Some(before_fork), Some(in_parent), Some(in_child)) } {
        0 => {
            DONE.store(true, Ordering::Release);
            Ok(())
        }
        error => Err(error),
    }
}

unsafe extern "C" fn before_fork() {
    // A thread that is about to end has no place to keep them.
    let _gone = HELD.try_with(|held| {
        let connections = held.take().unwrap_or_else(hold);
        held.set(Some(connections));
    });
}

unsafe extern "C" fn in_parent() {
    let _gone = HELD.try_with(Cell::take);
}

unsafe extern "C" fn in_child() {
    let Ok(Some(held)) = HELD.try_with(Cell::take) else {
        return;
    };
    held.leave(|connection, other| {
        // SAFETY: both are open, since the connections were held while they were copied; whoever owns the first finds it
        // open as before, and closes it.
        let (mut connection, other) = unsafe {
            (
                ManuallyDrop::new(OwnedFd::from_raw_fd(connection)),
                BorrowedFd::borrow_raw(other),
            )
        };
        // Of what dup3(2) can fail of, nothing can be: both are descriptors, and not the same.
        let _done = dup3(other, &mut connection, DupFlags::CLOEXEC);
    });
}

/// Runs a call; lets no panic out.
fn guarded<T>(otherwise: T, call: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or(otherwise)
}

/// The same for calls that give a code.
fn coded(call: impl FnOnce() -> Result<Code, Code>) -> c_int {
    guarded(Code::UNKNOWN, || call().unwrap_or_else(|code| code)).0
}

// ---- Memory of the program -----------------------------------------------------------------------------------------

/// A socket address.
///
/// # Safety
///
/// `at` is null or a socket address.
unsafe fn address(at: *const c_void) -> Result<Option<SocketAddr>, Code> {
    if at.is_null() {
        return Ok(None);
    }
    // SAFETY: every socket address begins with its family; nothing is said of its alignment.
    let family = u16::from_ne_bytes(unsafe { at.cast::<[u8; 2]>().read_unaligned() });
    let len = sockaddr::len(family)?;
    // SAFETY: by its family, that many octets are there.
    let octets = unsafe { core::slice::from_raw_parts(at.cast::<u8>(), len) };
    sockaddr::read(octets).map(Some)
}

/// An object, at most `most` octets.
///
/// # Safety
///
/// `at` points at a header, and at as many octets as that says.
unsafe fn object<'a>(at: *const c_void, most: usize) -> Result<&'a [u8], Code> {
    // SAFETY: a header is there; objects that follow others may have any alignment.
    let header = unsafe { at.cast::<[u8; HEADER]>().read_unaligned() };
    let len = usize::try_from(Fields::new(&header).u32()?).unwrap_or(usize::MAX);
    if !os2::fits(len, most) {
        return Err(Code::OBJLEN);
    }
    // SAFETY: the header says that so many octets are there.
    Ok(unsafe { core::slice::from_raw_parts(at.cast::<u8>(), len) })
}

/// An object that need not be there.
///
/// # Safety
///
/// As [`object`], or null.
unsafe fn optional<'a>(at: *const c_void, most: usize) -> Result<Option<&'a [u8]>, Code> {
    if at.is_null() {
        return Ok(None);
    }
    // SAFETY: not null, so an object by the caller's promise.
    unsafe { object(at, most) }.map(Some)
}

/// Reads a list of objects: members of an array of `size` octets each, or one after another.
///
/// # Safety
///
/// `at` points at `count` objects in that arrangement.
unsafe fn list<T>(
    at: *const c_void,
    count: usize,
    size: Option<usize>,
    read: impl Fn(&[u8]) -> Result<Option<T>, Code>,
) -> Result<Vec<T>, Code> {
    let mut items = Vec::new();
    let mut next = at;
    for _ in 0..count {
        // SAFETY: fewer than `count` objects were stepped over, so one is here.
        let object = unsafe { object(next, size.unwrap_or(MAX_OBJECT)) }?;
        items.push(read(object)?.ok_or(Code::OBJTYPE)?);
        next = next.wrapping_byte_add(size.unwrap_or(object.len()));
    }
    Ok(items)
}

/// Puts text into a program's buffer, cut to fit, with a final zero.
///
/// # Safety
///
/// `buffer` is null or has `length` octets.
unsafe fn put_text(text: &str, buffer: *mut c_char, length: c_int) {
    let Ok(length) = usize::try_from(length) else {
        return;
    };
    if buffer.is_null() || length == 0 {
        return;
    }
    // All of it is ASCII, so that it can be cut anywhere.
    let count = text.len().min(length - 1);
    // SAFETY: `count` octets and one more are at most `length`, which the buffer has; `text` is memory of this library.
    unsafe {
        ptr::copy_nonoverlapping(text.as_ptr(), buffer.cast::<u8>(), count);
        buffer.add(count).write(0);
    }
}

// ---- Both forms ----------------------------------------------------------------------------------------------------

/// # Safety
///
/// The header's terms.
unsafe fn session(
    form: Form,
    destination: *const c_void,
    protocol: c_int,
    is_supported: bool,
    routine: Option<Routine>,
    argument: *mut c_void,
    error: *mut c_int,
) -> c_uint {
    let opened = guarded(Err(NotOpened(Code::UNKNOWN, None)), || {
        let refused = |code| NotOpened(code, None);
        // SAFETY: the header's terms.
        let destination = unsafe { address(destination) }.map_err(refused)?;
        let destination = destination
            .filter(|destination| !destination.ip().is_unspecified())
            .ok_or(refused(Code::INVAL))?;
        let protocol = match protocol {
            0 => Protocol::UDP,
            number => Protocol(u8::try_from(number).map_err(|_| refused(Code::INVAL))?),
        };
        if !is_supported {
            return Err(refused(Code::UNSUPPORTED));
        }
        let session = Session {
            destination: destination.ip(),
            protocol,
            e_police: false,
            port: destination.port(),
        };
        let registration = Registration {
            form,
            routine,
            argument: argument.expose_provenance(),
            destination,
        };
        library::open(session, registration)
    });
    let (number, code) = match opened {
        Ok(number) => (number, Code::OK),
        Err(NotOpened(code, errno)) => {
            if let Some(errno) = errno {
                // SAFETY: the C library's promise: the address of an integer of this thread.
                unsafe { __errno_location().write(errno) };
            }
            (0, code)
        }
    };
    if !error.is_null() {
        // SAFETY: not null, so an integer by the header's terms.
        unsafe { error.write(code.0) };
    }
    number
}

/// What the calls of one form read objects with.
struct Readers {
    filter: fn(&[u8]) -> Result<Option<Sender>, Code>,
    /// The size of a member of an array of filters, of flowspecs; `None`: they follow each other.
    sizes: (Option<usize>, Option<usize>),
}

impl Form {
    const fn readers(self) -> Readers {
        match self {
            Self::C809 { .. } => Readers {
                filter: c809::read_filter,
                sizes: (None, None),
            },
            Self::Os2 => Readers {
                filter: os2::read_filter,
                sizes: (Some(os2::FILTER), Some(os2::FLOWSPEC)),
            },
        }
    }
}

/// The arguments of `rapi_sender` behind the session's number.
struct SenderArguments {
    flags_are_defined: bool,
    host: *const c_void,
    template: *const c_void,
    tspec: *const c_void,
    adspec: *const c_void,
    policy: *const c_void,
    ttl: c_int,
}

/// The TTL that stands for none: the system's default.
fn default_ttl(destination: SocketAddr) -> u8 {
    if destination.ip().is_multicast() {
        1
    } else {
        64
    }
}

/// An address that belongs to a session.
fn of_family(opened: &Opened, address: SocketAddr) -> Result<SocketAddr, Code> {
    if address.is_ipv6() == opened.is_v6() {
        Ok(address)
    } else {
        Err(Code::INVAL)
    }
}

/// Refuses an object that is not supported, unless it is empty.
///
/// # Safety
///
/// As [`optional`].
unsafe fn unsupported(at: *const c_void) -> Result<(), Code> {
    // SAFETY: the caller's promise.
    match unsafe { optional(at, MAX_OBJECT) }? {
        Some(object) if c809::is_there(object)? => Err(Code::UNSUPPORTED),
        _ => Ok(()),
    }
}

/// # Safety
///
/// The header's terms.
unsafe fn sender(form: Form, number: c_uint, given: &SenderArguments) -> Result<Code, Code> {
    let opened = library::session(number)?;
    if given.host.is_null() {
        return Ok(opened.withdraw());
    }
    // SAFETY: the header's terms.
    let tspec = unsafe { optional(given.tspec, MAX_OBJECT) }?.ok_or(Code::NOTSPEC)?;
    let tspec = match form {
        Form::C809 { .. } => c809::read_tspec(tspec)?,
        Form::Os2 => os2::read_tspec(tspec)?,
    };
    let tspec = tspec.ok_or(Code::NOTSPEC)?;
    if !given.flags_are_defined {
        return Err(Code::INVAL);
    }
    // SAFETY: the header's terms.
    let (template, adspec) = unsafe {
        unsupported(given.policy)?;
        match form {
            Form::C809 { .. } => (
                optional(given.template, MAX_OBJECT)?,
                optional(given.adspec, MAX_OBJECT)?,
            ),
            Form::Os2 => {
                unsupported(given.template)?;
                unsupported(given.adspec)?;
                (None, None)
            }
        }
    };
    let (template, interface) = match template.map_or(Ok(None), c809::read_filter)? {
        // rapi.md §4.2: then the local host is ignored.
        Some(template) => {
            of_family(&opened, c809::socket(template))?;
            (template, None)
        }
        None => {
            // SAFETY: the header's terms.
            let host = unsafe { address(given.host) }?.ok_or(Code::INVAL)?;
            let host = of_family(&opened, host)?;
            (host.into(), specified(host))
        }
    };
    let ttl = match given.ttl {
        0 => default_ttl(opened.registration.destination),
        ttl => u8::try_from(ttl).map_err(|_| Code::INVAL)?,
    };
    Ok(opened.sender(SenderCall {
        template,
        interface,
        tspec,
        adspec: adspec.map_or(Ok(None), c809::read_adspec)?,
        policy: Vec::new(),
        ttl,
    }))
}

/// The arguments of `rapi_reserve` behind the session's number.
struct ReserveArguments {
    flags: c_uint,
    host: *const c_void,
    style: c_int,
    extension: *const c_void,
    policy: *const c_void,
    filters: (c_int, *const c_void),
    flowspecs: (c_int, *const c_void),
}

/// How many filters and flowspecs there are, if that fits the style: `rapi.md` §4.3.
fn counts(style: Style, filters: c_int, flowspecs: c_int) -> Result<(usize, usize), Code> {
    if flowspecs == 0 {
        // A removal: of whatever filters.
        return Ok((0, 0));
    }
    let (Ok(filters), Ok(flowspecs)) = (usize::try_from(filters), usize::try_from(flowspecs))
    else {
        return Err(Code::N_FFS);
    };
    let fits = match (style, flowspecs) {
        (Style::WF, 1) => filters <= 1,
        (Style::FF, _) => filters == flowspecs,
        (Style::SE, 1) => filters >= 1,
        _ => false,
    };
    if fits {
        Ok((filters, flowspecs))
    } else {
        Err(Code::N_FFS)
    }
}

/// # Safety
///
/// The header's terms.
unsafe fn reserve(form: Form, number: c_uint, given: &ReserveArguments) -> Result<Code, Code> {
    // rapi.md §4.3: session, style, counts, lists, objects, in this order.
    let opened = library::session(number)?;
    let style = style_of(given.style)?;
    let (filters, flowspecs) = counts(style, given.filters.0, given.flowspecs.0)?;
    let mut call = ReserveCall {
        style,
        filters: Vec::new(),
        flowspecs: Vec::new(),
        confirm: given.flags & REQ_CONFIRM != 0,
        interface: None,
        policy: Vec::new(),
    };
    if flowspecs == 0 {
        return Ok(opened.reserve(call));
    }
    let is_missing = |(count, at): (usize, *const c_void)| count > 0 && at.is_null();
    if is_missing((filters, given.filters.1)) || is_missing((flowspecs, given.flowspecs.1)) {
        return Err(Code::INVAL);
    }
    let Readers { filter, sizes } = form.readers();
    let read_flowspec = match form {
        Form::C809 { .. } => c809::read_flowspec,
        Form::Os2 => os2::read_flowspec,
    };
    // Whatever wildcards a filter of this style holds.
    let filters = if style == Style::WF { 0 } else { filters };
    // SAFETY: the header's terms; neither list is null where it has members.
    unsafe {
        call.filters = list(given.filters.1, filters, sizes.0, filter)?;
        call.flowspecs = list(given.flowspecs.1, flowspecs, sizes.1, read_flowspec)?;
    }
    for filter in &call.filters {
        of_family(&opened, c809::socket(*filter))?;
    }
    if call
        .filters
        .iter()
        .any(|filter| filter.address().is_unspecified())
        || given.flags & !REQ_CONFIRM != 0
    {
        return Err(Code::INVAL);
    }
    if !given.extension.is_null() {
        return Err(Code::UNSUPPORTED);
    }
    // SAFETY: the header's terms.
    unsafe { unsupported(given.policy) }?;
    // SAFETY: the header's terms.
    if let Some(host) = unsafe { address(given.host) }? {
        call.interface = specified(of_family(&opened, host)?);
    }
    Ok(opened.reserve(call))
}

fn release(number: c_uint) -> c_int {
    coded(|| Ok(library::release(number)))
}

fn getfd(number: c_uint) -> c_int {
    guarded(-1, || {
        library::session(number).map_or(-1, |opened| opened.client().as_fd().as_raw_fd())
    })
}

fn dispatch() -> c_int {
    coded(|| Ok(library::dispatch(upcall)))
}

/// Where a list begins, for C: null if it has no members.
fn start(list: &mut List) -> *mut c_void {
    if list.count == 0 {
        ptr::null_mut()
    } else {
        list.words.as_mut_ptr().cast()
    }
}

fn upcall(number: u32, registration: Registration, routine: Routine, arguments: Arguments) {
    let Arguments {
        event,
        style,
        code,
        value,
        mut node,
        flags,
        mut filters,
        mut flowspecs,
        mut adspecs,
    } = arguments;
    let argument = ptr::with_exposed_provenance_mut::<c_void>(registration.argument);
    let node = node.as_mut_ptr().cast::<c_void>();
    let (filter_list, flowspec_list) = (start(&mut filters), start(&mut flowspecs));
    let adspec_list = start(&mut adspecs);
    // SAFETY: the program gave the routine's address for a function of this type, which its compiler saw to. The
    // lists are as `rapi_event_rtn_t` says, and live until it returns; no lock is held.
    unsafe {
        match routine {
            Routine::C809(routine) => routine(
                number,
                event,
                style,
                code,
                value,
                node,
                flags.into(),
                filters.count,
                filter_list,
                flowspecs.count,
                flowspec_list,
                adspecs.count,
                adspec_list,
                argument,
            ),
            Routine::Os2(routine) => {
                let _ignored = routine(
                    number,
                    event,
                    style,
                    code,
                    value,
                    node,
                    flags,
                    filters.count,
                    filter_list,
                    flowspecs.count,
                    flowspec_list,
                    adspecs.count,
                    adspec_list,
                    argument,
                );
            }
        }
    }
}

/// # Safety
///
/// The header's terms.
unsafe fn format<T>(
    at: *const c_void,
    buffer: *mut c_char,
    length: c_int,
    read: fn(&[u8]) -> Result<Option<T>, Code>,
    text: fn(Result<Option<T>, Code>) -> String,
) {
    guarded((), || {
        // SAFETY: the header's terms.
        let object = match unsafe { optional(at, MAX_OBJECT) } {
            Ok(None) => Ok(None),
            Ok(Some(object)) => read(object),
            Err(code) => Err(code),
        };
        // SAFETY: the header's terms.
        unsafe { put_text(&text(object), buffer, length) };
    });
}

// ---- rapi.h --------------------------------------------------------------------------------------------------------

/// See `rapi.h`.
///
/// # Safety
///
/// The header's terms.
#[unsafe(no_mangle)]
unsafe extern "C" fn rapi_session(
    destination: *const c_void,
    protocol: c_int,
    flags: c_uint,
    routine: Option<C809Routine>,
    argument: *mut c_void,
    error: *mut c_int,
) -> c_uint {
    let form = Form::C809 {
        is_intserv: flags & USE_INTSERV != 0,
    };
    let is_supported = flags & !USE_INTSERV == 0;
    let routine = routine.map(Routine::C809);
    // SAFETY: the header's terms.
    unsafe {
        session(
            form,
            destination,
            protocol,
            is_supported,
            routine,
            argument,
            error,
        )
    }
}

/// See `rapi.h`.
///
/// # Safety
///
/// The header's terms.
#[unsafe(no_mangle)]
unsafe extern "C" fn rapi_sender(
    number: c_uint,
    flags: c_uint,
    host: *const c_void,
    template: *const c_void,
    tspec: *const c_void,
    adspec: *const c_void,
    policy: *const c_void,
    ttl: c_int,
) -> c_int {
    let given = SenderArguments {
        flags_are_defined: flags == 0,
        host,
        template,
        tspec,
        adspec,
        policy,
        ttl,
    };
    // SAFETY: the header's terms.
    coded(|| unsafe { sender(C809, number, &given) })
}

/// See `rapi.h`.
///
/// # Safety
///
/// The header's terms.
#[unsafe(no_mangle)]
unsafe extern "C" fn rapi_reserve(
    number: c_uint,
    flags: c_uint,
    host: *const c_void,
    style: c_int,
    extension: *const c_void,
    policy: *const c_void,
    filter_count: c_int,
    filters: *const c_void,
    flowspec_count: c_int,
    flowspecs: *const c_void,
) -> c_int {
    let given = ReserveArguments {
        flags,
        host,
        style,
        extension,
        policy,
        filters: (filter_count, filters),
        flowspecs: (flowspec_count, flowspecs),
    };
    // SAFETY: the header's terms.
    coded(|| unsafe { reserve(C809, number, &given) })
}

/// See `rapi.h`.
#[unsafe(no_mangle)]
extern "C" fn rapi_release(number: c_uint) -> c_int {
    release(number)
}

/// See `rapi.h`.
#[unsafe(no_mangle)]
extern "C" fn rapi_getfd(number: c_uint) -> c_int {
    getfd(number)
}

/// See `rapi.h`.
#[unsafe(no_mangle)]
extern "C" fn rapi_dispatch() -> c_int {
    dispatch()
}

/// See `rapi.h`.
#[unsafe(no_mangle)]
extern "C" fn rapi_version() -> c_int {
    C809_VERSION
}

/// See `rapi.h`.
#[unsafe(no_mangle)]
extern "C" fn rapi_strerror(code: c_int, value: c_int) -> *const c_char {
    text_of_code(code, value).map_or(ptr::null(), |text| text.as_ptr())
}

macro_rules! formats {
    ($($name:ident: $read:path, $text:path;)*) => {
        $(
            /// See the header.
            ///
            /// # Safety
            ///
            /// The header's terms.
            #[unsafe(no_mangle)]
            unsafe extern "C" fn $name(object: *const c_void, buffer: *mut c_char, length: c_int) {
                // SAFETY: the header's terms.
                unsafe { format(object, buffer, length, $read, $text) };
            }
        )*
    };
}

formats! {
    rapi_fmt_adspec: c809::read_adspec, text::adspec;
    rapi_fmt_filtspec: c809::read_filter, text::filter;
    rapi_fmt_flowspec: c809::read_flowspec, text::flowspec;
    rapi_fmt_tspec: c809::read_tspec, text::tspec;
    os2_rapi_fmt_adspec: os2::read_adspec, text::adspec;
    os2_rapi_fmt_filtspec: os2::read_filter, text::filter;
    os2_rapi_fmt_flowspec: os2::read_flowspec, text::flowspec;
    os2_rapi_fmt_tspec: os2::read_tspec, text::tspec;
}

// ---- rsvprapi.h ----------------------------------------------------------------------------------------------------

/// See `rsvprapi.h`.
///
/// # Safety
///
/// The header's terms.
#[unsafe(no_mangle)]
unsafe extern "C" fn os2_rapi_session(
    destination: *const c_void,
    protocol: c_int,
    flags: c_int,
    routine: Option<Os2Routine>,
    argument: *mut c_void,
    error: *mut c_int,
) -> c_uint {
    let routine = routine.map(Routine::Os2);
    // SAFETY: the header's terms.
    unsafe {
        session(
            Form::Os2,
            destination,
            protocol,
            flags == 0,
            routine,
            argument,
            error,
        )
    }
}

/// See `rsvprapi.h`.
///
/// # Safety
///
/// The header's terms.
#[unsafe(no_mangle)]
unsafe extern "C" fn os2_rapi_sender(
    number: c_uint,
    flags: c_uint,
    host: *const c_void,
    template: *const c_void,
    tspec: *const c_void,
    adspec: *const c_void,
    policy: *const c_void,
    ttl: c_int,
) -> c_int {
    let given = SenderArguments {
        flags_are_defined: flags & !TC_QOS == 0,
        host,
        template,
        tspec,
        adspec,
        policy,
        ttl,
    };
    // SAFETY: the header's terms.
    coded(|| unsafe { sender(Form::Os2, number, &given) })
}

/// See `rsvprapi.h`.
///
/// # Safety
///
/// The header's terms.
#[unsafe(no_mangle)]
unsafe extern "C" fn os2_rapi_reserve(
    number: c_uint,
    flags: c_uint,
    host: *const c_void,
    style: c_int,
    extension: *const c_void,
    policy: *const c_void,
    filter_count: c_int,
    filters: *const c_void,
    flowspec_count: c_int,
    flowspecs: *const c_void,
) -> c_int {
    let given = ReserveArguments {
        flags,
        host,
        style,
        extension,
        policy,
        filters: (filter_count, filters),
        flowspecs: (flowspec_count, flowspecs),
    };
    // SAFETY: the header's terms.
    coded(|| unsafe { reserve(Form::Os2, number, &given) })
}

/// See `rsvprapi.h`.
#[unsafe(no_mangle)]
extern "C" fn os2_rapi_release(number: c_uint) -> c_int {
    release(number)
}

/// See `rsvprapi.h`.
#[unsafe(no_mangle)]
extern "C" fn os2_rapi_getfd(number: c_uint) -> c_int {
    getfd(number)
}

/// See `rsvprapi.h`.
#[unsafe(no_mangle)]
extern "C" fn os2_rapi_dispatch() -> c_int {
    dispatch()
}

/// See `rsvprapi.h`.
#[unsafe(no_mangle)]
extern "C" fn os2_rapi_version() -> c_int {
    OS2_VERSION
}
