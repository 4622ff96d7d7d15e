//! From what happened to the arguments of an upcall: `rapi.md` §5.

use core::ffi::{c_int, c_uint, c_void};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fairway_rsvp::api::client::Notice;
use fairway_rsvp::api::{ApiError, Event, PathSender, ReserveCall, SenderCall};
use fairway_rsvp::intserv::{Flowspec, Tspec};
use fairway_rsvp::wire::{ErrorCode, ErrorFlags, ErrorSpec, Sender, Style};

use crate::code::{Code, later};
use crate::fields::Octets;
use crate::{c809, os2, sockaddr};

/// Which of the two forms, and which objects, a session's upcalls have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `rapi.h`; with `RAPI_USE_INTSERV` or without.
    C809 { is_intserv: bool },
    /// `rsvprapi.h`.
    Os2,
}

/// `rapi_event_rtn_t *` of `rapi.h`.
pub(crate) type C809Routine = unsafe extern "C" fn(
    c_uint,
    c_int,
    c_int,
    c_int,
    c_int,
    *mut c_void,
    c_uint,
    c_int,
    *mut c_void,
    c_int,
    *mut c_void,
    c_int,
    *mut c_void,
    *mut c_void,
);

/// `rapi_event_rtn_t` of `rsvprapi.h`.
pub(crate) type Os2Routine = unsafe extern "C" fn(
    c_uint,
    c_int,
    c_int,
    c_int,
    c_int,
    *mut c_void,
    u8,
    c_int,
    *mut c_void,
    c_int,
    *mut c_void,
    c_int,
    *mut c_void,
    *mut c_void,
) -> c_int;

/// Whom to call.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Routine {
    C809(C809Routine),
    Os2(Os2Routine),
}

/// A list of objects, where C can read it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) count: c_int,
    /// Words, so that structures in it are aligned.
    pub(crate) words: Vec<u32>,
}

impl List {
    /// Behind the last object are as many octets as make it a whole structure: a program may copy it as one.
    fn of<T>(items: &[T], whole: usize, mut put: impl FnMut(&T, &mut Octets)) -> Self {
        let mut octets = Octets::default();
        let mut last = 0;
        for item in items {
            last = octets.0.len();
            put(item, &mut octets);
        }
        if !items.is_empty() {
            let used = octets.0.len() - last;
            octets.pad(whole.saturating_sub(used));
        }
        Self {
            count: c_int::try_from(items.len()).unwrap_or(c_int::MAX),
            words: words(&octets.0),
        }
    }
}

fn words(octets: &[u8]) -> Vec<u32> {
    let (whole, rest) = octets.as_chunks::<4>();
    let mut words: Vec<u32> = whole.iter().map(|word| u32::from_ne_bytes(*word)).collect();
    if !rest.is_empty() {
        let mut last = [0; 4];
        for (to, from) in last.iter_mut().zip(rest) {
            *to = *from;
        }
        words.push(u32::from_ne_bytes(last));
    }
    words
}

/// Octets of the structures that a form's header has for objects, whatever part of them an object uses.
struct Whole {
    filter: usize,
    /// Also of what holds a Tspec instead.
    flowspec: usize,
    adspec: usize,
}

impl Form {
    const fn whole(self) -> Whole {
        match self {
            Self::C809 { .. } => Whole {
                filter: c809::FILTER,
                flowspec: c809::FLOWSPEC,
                adspec: c809::ADSPEC,
            },
            Self::Os2 => Whole {
                filter: os2::FILTER,
                flowspec: os2::FLOWSPEC,
                adspec: os2::ADSPEC,
            },
        }
    }
}

/// The arguments of an upcall, but for session and the program's own.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Arguments {
    pub(crate) event: c_int,
    pub(crate) style: c_int,
    pub(crate) code: c_int,
    pub(crate) value: c_int,
    /// A `sockaddr`.
    pub(crate) node: Vec<u32>,
    pub(crate) flags: u8,
    pub(crate) filters: List,
    pub(crate) flowspecs: List,
    pub(crate) adspecs: List,
}

const PATH_EVENT: c_int = 1;
const RESV_EVENT: c_int = 2;
const PATH_ERROR: c_int = 3;
const RESV_ERROR: c_int = 4;
const RESV_CONFIRM: c_int = 5;

/// The number of a style.
pub(crate) const fn number_of(style: Style) -> c_int {
    match style {
        Style::WF => 1,
        Style::FF => 2,
        Style::SE => 3,
        _ => 0,
    }
}

/// The style of a number.
pub(crate) const fn style_of(number: c_int) -> Result<Style, Code> {
    match number {
        1 => Ok(Style::WF),
        2 => Ok(Style::FF),
        3 => Ok(Style::SE),
        _ => Err(Code::BADSTYLE),
    }
}

/// The event that tells of an error which the classic calls tell later.
pub(crate) fn refusal(is_v6: bool, code: u8, value: u16) -> ErrorSpec {
    let node = if is_v6 {
        IpAddr::V6(Ipv6Addr::LOCALHOST)
    } else {
        IpAddr::V4(Ipv4Addr::LOCALHOST)
    };
    ErrorSpec {
        node,
        flags: ErrorFlags::NONE,
        code: ErrorCode(code),
        value,
    }
}

/// The upcall for a notice; `None`: C has none for it.
pub(crate) fn arguments(notice: &Notice, form: Form, is_v6: bool) -> Option<Arguments> {
    match notice {
        Notice::Event(event) => Some(of_event(event, form, is_v6)),
        Notice::Lost {
            sender,
            reservation,
            error,
            ..
        } => {
            let (sender, reservation) = (sender.as_deref(), reservation.as_deref());
            Some(of_loss(sender, reservation, *error, form, is_v6))
        }
        _ => None,
    }
}

fn of_event(event: &Event, form: Form, is_v6: bool) -> Arguments {
    let none = Arguments {
        event: 0,
        style: 0,
        code: 0,
        value: 0,
        node: node(None, is_v6),
        flags: 0,
        filters: List::default(),
        flowspecs: List::default(),
        adspecs: List::default(),
    };
    let one = |flowspec: &Option<Flowspec>| flowspecs(flowspec.as_slice(), form);
    match event {
        Event::Path(senders) => Arguments {
            event: PATH_EVENT,
            filters: List::of(senders, form.whole().filter, |sender, out| {
                put_filter(sender.template, form, out);
            }),
            flowspecs: tspecs(senders.iter().map(|sender| &sender.tspec), form),
            adspecs: adspecs(senders, form),
            ..none
        },
        Event::Resv {
            style,
            filters: of,
            flowspec,
        } => Arguments {
            event: RESV_EVENT,
            style: number_of(*style),
            filters: filters(of, form),
            flowspecs: one(flowspec),
            ..none
        },
        Event::PathError {
            error,
            sender,
            tspec,
        } => Arguments {
            event: PATH_ERROR,
            filters: filters(&[*sender], form),
            flowspecs: tspecs(tspec.iter(), form),
            ..none.with_error(error, form)
        },
        Event::ResvError {
            error,
            style,
            filters: of,
            flowspec,
        } => Arguments {
            event: RESV_ERROR,
            style: number_of(*style),
            filters: filters(of, form),
            flowspecs: one(flowspec),
            ..none.with_error(error, form)
        },
        Event::Confirm {
            confirmed_by,
            filters: of,
            flowspec,
            ..
        } => Arguments {
            event: RESV_CONFIRM,
            filters: filters(of, form),
            flowspecs: one(flowspec),
            node: node(Some(confirmed_by.node), is_v6),
            ..none
        },
    }
}

/// What was granted before the daemon was started anew, and is not any more: as if it had been asked for now. A session
/// is told by its reservation, if it has one.
fn of_loss(
    sender: Option<&SenderCall>,
    reservation: Option<&ReserveCall>,
    error: ApiError,
    form: Form,
    is_v6: bool,
) -> Arguments {
    let value = u16::try_from(Code::of(error.into()).0).unwrap_or_default();
    let (code, value) = later(error).unwrap_or((ErrorCode::API.0, value));
    let error = refusal(is_v6, code, value);
    let event = if let Some(call) = reservation {
        Event::ResvError {
            error,
            style: call.style,
            filters: call.filters.clone(),
            flowspec: call.flowspecs.first().copied(),
        }
    } else if let Some(call) = sender {
        Event::PathError {
            error,
            sender: call.template,
            tspec: Some(call.tspec),
        }
    } else {
        let none = of_event(&Event::Path(Vec::new()), form, is_v6);
        return Arguments {
            event: PATH_ERROR,
            ..none.with_error(&error, form)
        };
    };
    of_event(&event, form, is_v6)
}

impl Arguments {
    fn with_error(self, error: &ErrorSpec, form: Form) -> Self {
        let is_api_error = error.code == ErrorCode::API;
        // `rsvprapi.h` has no number for it.
        let unknown = is_api_error && form == Form::Os2 && error.value == BAD_SOURCE_PORT;
        let value = if unknown {
            Code::INVAL.0
        } else {
            error.value.into()
        };
        let flag = |flag: ErrorFlags, number| {
            if error.flags.contains(flag) {
                number
            } else {
                0
            }
        };
        Self {
            code: error.code.0.into(),
            value,
            node: node(Some(error.node), false),
            flags: flag(ErrorFlags::IN_PLACE, 1) | flag(ErrorFlags::NOT_GUILTY, 2),
            ..self
        }
    }
}

const BAD_SOURCE_PORT: u16 = ApiError::BadSourcePort.code() as u16;

/// A node's address; none is the wildcard address, so that a program may always look.
fn node(address: Option<IpAddr>, is_v6: bool) -> Vec<u32> {
    let address = address.unwrap_or(if is_v6 {
        IpAddr::V6(Ipv6Addr::UNSPECIFIED)
    } else {
        IpAddr::V4(Ipv4Addr::UNSPECIFIED)
    });
    let mut octets = Octets::default();
    sockaddr::put((address, 0).into(), &mut octets);
    // Room for either family, whichever a program copies.
    let rest = sockaddr::LEN_V6.saturating_sub(octets.0.len());
    octets.pad(rest);
    words(&octets.0)
}

fn put_filter(sender: Sender, form: Form, out: &mut Octets) {
    match form {
        Form::C809 { .. } => c809::put_filter(sender, out),
        Form::Os2 => os2::put_filter(sender, out),
    }
}

fn put_tspec(tspec: &Tspec, form: Form, out: &mut Octets) {
    match form {
        Form::C809 { is_intserv } => c809::put_tspec(tspec, is_intserv, out),
        Form::Os2 => os2::put_tspec(tspec, out),
    }
}

fn filters(senders: &[Sender], form: Form) -> List {
    List::of(senders, form.whole().filter, |sender, out| {
        put_filter(*sender, form, out);
    })
}

/// Tspecs in the slots of flowspecs.
fn tspecs<'a>(tspecs: impl Iterator<Item = &'a Tspec>, form: Form) -> List {
    let tspecs: Vec<&Tspec> = tspecs.collect();
    List::of(&tspecs, form.whole().flowspec, |tspec, out| {
        put_tspec(tspec, form, out);
    })
}

fn flowspecs(flowspecs: &[Flowspec], form: Form) -> List {
    List::of(
        flowspecs,
        form.whole().flowspec,
        |flowspec, out| match form {
            Form::C809 { is_intserv } => c809::put_flowspec(flowspec, is_intserv, out),
            Form::Os2 => os2::put_flowspec(flowspec, out),
        },
    )
}

/// As many as there are senders; none if no sender has one.
fn adspecs(senders: &[PathSender], form: Form) -> List {
    if senders.iter().all(|sender| sender.adspec.is_none()) {
        return List::default();
    }
    List::of(senders, form.whole().adspec, |sender, out| {
        match (form, &sender.adspec) {
            (Form::C809 { .. }, None) => c809::put_empty(out),
            (Form::C809 { is_intserv }, Some(adspec)) => c809::put_adspec(adspec, is_intserv, out),
            (Form::Os2, None) => os2::put_no_adspec(out),
            (Form::Os2, Some(adspec)) => os2::put_adspec(adspec, out),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairway_rsvp::api::client::Asked;
    use fairway_rsvp::intserv::{Adspec, Bandwidth};

    const FORMS: [Form; 3] = [
        Form::C809 { is_intserv: false },
        Form::C809 { is_intserv: true },
        Form::Os2,
    ];

    fn sender(adspec: Option<Adspec>) -> PathSender {
        PathSender {
            template: Sender::V4([10, 0, 0, 1].into(), 6000),
            tspec: Tspec::new(125e3, 10e3, 250e3, 64, 1500).unwrap(),
            adspec,
        }
    }

    /// rapi.md §5: three lists of equal length, missing objects being empty objects; all Adspecs empty: none.
    #[test]
    fn path_events_have_lists_of_equal_length() {
        let adspec = Adspec::of_link(Bandwidth::new(1e6).unwrap(), 1500);
        for form in FORMS {
            let event = Event::Path(vec![sender(None), sender(Some(adspec.clone()))]);
            let upcall = of_event(&event, form, false);
            let counts = [&upcall.filters, &upcall.flowspecs, &upcall.adspecs];
            assert_eq!(counts.map(|list| list.count), [2, 2, 2]);
            assert_eq!((upcall.event, upcall.style), (PATH_EVENT, 0));
            let upcall = of_event(&Event::Path(vec![sender(None)]), form, false);
            assert_eq!(upcall.adspecs, List::default());
            let gone = of_event(&Event::Path(Vec::new()), form, false);
            assert_eq!(gone.flowspecs, List::default());
        }
    }

    /// rapi.md §3.1: objects are of variable length; C copies structures all the same, also the last of a list.
    #[test]
    fn the_last_object_of_a_list_can_be_read_as_a_structure() {
        let adspec = Adspec::of_link(Bandwidth::new(1e6).unwrap(), 1500);
        for form in FORMS {
            let whole = form.whole();
            // The last Adspec is a header only.
            let senders = vec![sender(Some(adspec.clone())), sender(None)];
            let path = of_event(&Event::Path(senders), form, false);
            let bucket = sender(None).tspec;
            let resv = Event::Resv {
                style: Style::SE,
                filters: vec![sender(None).template; 2],
                flowspec: Some(Flowspec::ControlledLoad(bucket)),
            };
            let resv = of_event(&resv, form, false);
            for (list, whole) in [
                (&path.filters, whole.filter),
                (&path.flowspecs, whole.flowspec),
                (&path.adspecs, whole.adspec),
                (&resv.filters, whole.filter),
                (&resv.flowspecs, whole.flowspec),
            ] {
                let mut last = 0;
                for _ in 1..list.count {
                    last += match form {
                        Form::C809 { .. } => usize::try_from(list.words[last / 4]).unwrap(),
                        Form::Os2 => whole,
                    };
                }
                assert!(last + whole <= 4 * list.words.len(), "{form:?} {list:?}");
            }
        }
    }

    /// rapi.md §5: style only of reservation events and errors; error fields only of errors.
    #[test]
    fn arguments_are_those_of_the_event() {
        let error = ErrorSpec {
            node: [10, 0, 0, 9].into(),
            flags: ErrorFlags::IN_PLACE,
            code: ErrorCode::ADMISSION_CONTROL,
            value: 2,
        };
        let (style, filters, flowspec) = (Style::SE, vec![sender(None).template], None);
        for form in FORMS {
            let event = Event::ResvError {
                error,
                style,
                filters: filters.clone(),
                flowspec,
            };
            let upcall = of_event(&event, form, false);
            assert_eq!((upcall.event, upcall.style), (RESV_ERROR, 3));
            assert_eq!((upcall.code, upcall.value, upcall.flags), (1, 2, 1));
            assert_eq!((upcall.filters.count, upcall.flowspecs.count), (1, 0));
            let event = Event::Confirm {
                confirmed_by: error,
                style,
                filters: filters.clone(),
                flowspec,
            };
            let upcall = of_event(&event, form, false);
            assert_eq!(
                (upcall.event, upcall.style, upcall.code),
                (RESV_CONFIRM, 0, 0)
            );
        }
    }

    fn lost(what: Asked, has_sender: bool, has_reservation: bool, error: ApiError) -> Notice {
        let PathSender {
            template, tspec, ..
        } = sender(None);
        let sender = SenderCall {
            template,
            interface: None,
            tspec,
            adspec: None,
            policy: Vec::new(),
            ttl: 63,
        };
        let reservation = ReserveCall {
            style: Style::FF,
            filters: vec![template; 2],
            flowspecs: vec![Flowspec::ControlledLoad(tspec); 2],
            confirm: false,
            interface: None,
            policy: Vec::new(),
        };
        Notice::Lost {
            what,
            sender: has_sender.then(|| sender.into()),
            reservation: has_reservation.then(|| reservation.into()),
            error,
        }
    }

    /// rapi.md §5: an error of a reservation has its style and what it is about; so has one of a sender.
    #[test]
    fn what_is_lost_is_told_as_what_it_was() {
        let error = ApiError::TooManySessions;
        let told = |what, sender, reservation, form| {
            let upcall = arguments(&lost(what, sender, reservation, error), form, false).unwrap();
            assert_eq!((upcall.code, upcall.value), (20, 2));
            let counts = (upcall.filters.count, upcall.flowspecs.count);
            (upcall.event, upcall.style, counts)
        };
        for form in FORMS {
            let reservation = (RESV_ERROR, 2, (2, 1));
            assert_eq!(told(Asked::Reservation, false, true, form), reservation);
            assert_eq!(told(Asked::Session, true, true, form), reservation);
            let sender = (PATH_ERROR, 0, (1, 1));
            assert_eq!(told(Asked::Sender, true, false, form), sender);
            assert_eq!(told(Asked::Session, true, false, form), sender);
            let neither = (PATH_ERROR, 0, (0, 0));
            assert_eq!(told(Asked::Session, false, false, form), neither);
        }
    }

    /// rapi.md §2.6: BADSPORT has no number on OS/2.
    #[test]
    fn a_bad_source_port_has_a_number_in_one_form_only() {
        let notice = lost(Asked::Sender, true, false, ApiError::BadSourcePort);
        let value = |form| arguments(&notice, form, false).unwrap().value;
        assert_eq!(FORMS.map(value), [16, 16, 1]);
        assert_eq!(arguments(&Notice::Reestablished, Form::Os2, false), None);
    }
}
