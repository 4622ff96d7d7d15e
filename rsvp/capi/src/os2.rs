//! Objects of `rsvprapi.h`: packed structures, arrays of which have members of full size.

use fairway_rsvp::intserv::{Adspec, Flowspec, Overrides, PathValues, ServiceNumber, Tspec};
use fairway_rsvp::wire::Sender;

use crate::c809::{HEADER, put_bucket, read_bucket, socket};
use crate::code::Code;
use crate::fields::{Fields, Octets};
use crate::sockaddr;

/// Octets of `rapi_filter_t`.
pub(crate) const FILTER: usize = 124;
/// Octets of `rapi_flowspec_t`.
pub(crate) const FLOWSPEC: usize = 36;
/// Octets of `rapi_adspec_t`.
pub(crate) const ADSPEC: usize = 80;

const EMPTY: u32 = 0;
const FILTER_BASE: u32 = 2;
const FILTER_BASE6: u32 = 3;
const CONTROLLED_LOAD: u32 = 1;
const GUARANTEED: u32 = 2;
const GENERIC: u32 = 3;
const ADSPEC_INTSERV: u32 = 1;

/// Format and body of an object.
fn opened(object: &[u8]) -> Result<(u32, Fields<'_>), Code> {
    let mut fields = Fields::new(object);
    let _len = fields.u32()?;
    Ok((fields.u32()?, fields))
}

/// A filter; `None` if it is empty.
pub(crate) fn read_filter(object: &[u8]) -> Result<Option<Sender>, Code> {
    let (form, body) = opened(object)?;
    let address = match form {
        EMPTY => return Ok(None),
        FILTER_BASE => sockaddr::read_v4(body.rest())?,
        FILTER_BASE6 => sockaddr::read_v6(body.rest())?,
        _ => return Err(Code::OBJTYPE),
    };
    Ok(Some(address.into()))
}

/// A Tspec; `None` if it is empty.
pub(crate) fn read_tspec(object: &[u8]) -> Result<Option<Tspec>, Code> {
    let (form, mut body) = opened(object)?;
    match form {
        EMPTY => Ok(None),
        GENERIC => read_bucket(&mut body).map(Some),
        _ => Err(Code::OBJTYPE),
    }
}

/// A flowspec; `None` if it is empty.
pub(crate) fn read_flowspec(object: &[u8]) -> Result<Option<Flowspec>, Code> {
    let (form, mut body) = opened(object)?;
    match form {
        EMPTY => Ok(None),
        CONTROLLED_LOAD => Ok(Some(Flowspec::ControlledLoad(read_bucket(&mut body)?))),
        GUARANTEED => {
            let tspec = read_bucket(&mut body)?;
            let flowspec = Flowspec::guaranteed(tspec, body.f32()?, body.u32()?);
            flowspec.map(Some).map_err(|_| Code::INVAL)
        }
        _ => Err(Code::OBJTYPE),
    }
}

/// An Adspec, to be shown; `None` if it is empty.
pub(crate) fn read_adspec(object: &[u8]) -> Result<Option<Adspec>, Code> {
    use fairway_rsvp::intserv::{
        Bandwidth, ControlledLoadFragment, ErrorTerms, GuaranteedFragment, GuaranteedTerms, Latency,
    };
    let (form, mut body) = opened(object)?;
    match form {
        EMPTY => return Ok(None),
        ADSPEC_INTSERV => {}
        _ => return Err(Code::OBJTYPE),
    }
    let values = |body: &mut Fields<'_>| {
        let is_broken = body.u32()? != 0;
        let hops = body.u16()?.into();
        let bandwidth = Bandwidth::new(body.f32()?).ok_or(Code::INVAL)?;
        let latency = Latency::from_micros(body.u32()?);
        let mtu = body.u16()?.into();
        let values = PathValues {
            hops,
            bandwidth,
            latency,
            mtu,
        };
        Ok((is_broken, values))
    };
    let own = |values: PathValues| Overrides {
        hops: Some(values.hops),
        bandwidth: Some(values.bandwidth),
        latency: Some(values.latency),
        mtu: Some(values.mtu),
    };
    let (is_broken, general) = values(&mut body)?;
    let mut adspec = Adspec::of_link(general.bandwidth, general.mtu);
    adspec.general.values = general;
    adspec.general.is_broken = is_broken;
    if body.u32()? != 0 {
        let (is_broken, values) = values(&mut body)?;
        adspec.controlled_load = Some(ControlledLoadFragment {
            is_broken,
            overrides: own(values),
            ..ControlledLoadFragment::default()
        });
    } else {
        let _absent: [u8; 16] = body.array()?;
    }
    if body.u32()? != 0 {
        let (is_broken, values) = values(&mut body)?;
        adspec.guaranteed = Some(GuaranteedFragment {
            is_broken,
            terms: Some(GuaranteedTerms {
                total: ErrorTerms::new(body.u32()?, body.u32()?),
                since_reshaper: ErrorTerms::new(body.u32()?, body.u32()?),
            }),
            overrides: own(values),
            others: Vec::new(),
        });
    }
    Ok(Some(adspec))
}

/// Appends a member of an array: header, body, and what is not used of it.
fn put(form: u32, size: usize, out: &mut Octets, body: impl FnOnce(&mut Octets)) {
    let start = out.0.len();
    out.u32(0).u32(form);
    body(out);
    let used = out.0.len() - start;
    let len = u32::try_from(used).unwrap_or(u32::MAX);
    if let Some(field) = out.0.get_mut(start..start + 4) {
        field.copy_from_slice(&len.to_ne_bytes());
    }
    out.pad(size.saturating_sub(used));
}

/// Appends a filter.
pub(crate) fn put_filter(sender: Sender, out: &mut Octets) {
    let form = match sender {
        Sender::V4(..) => FILTER_BASE,
        Sender::V6(..) | Sender::V6FlowLabel(..) => FILTER_BASE6,
    };
    put(form, FILTER, out, |out| {
        sockaddr::put(socket(sender), out);
    });
}

/// Appends a Tspec in the slot of a flowspec.
pub(crate) fn put_tspec(tspec: &Tspec, out: &mut Octets) {
    put(GENERIC, FLOWSPEC, out, |out| put_bucket(tspec, out));
}

/// Appends a flowspec.
pub(crate) fn put_flowspec(flowspec: &Flowspec, out: &mut Octets) {
    match flowspec {
        Flowspec::ControlledLoad(tspec) => {
            put(CONTROLLED_LOAD, FLOWSPEC, out, |out| put_bucket(tspec, out));
        }
        Flowspec::Guaranteed(tspec, rspec) => put(GUARANTEED, FLOWSPEC, out, |out| {
            put_bucket(tspec, out);
            out.f32(rspec.rate.get()).u32(rspec.slack_micros);
        }),
    }
}

/// Appends the place of an Adspec that is not there.
pub(crate) fn put_no_adspec(out: &mut Octets) {
    put(EMPTY, ADSPEC, out, |_| ());
}

/// Appends an Adspec. Values of a service that has none of its own are the general ones, since there is no flag to say
/// so; error terms that are not known are the greatest there are.
pub(crate) fn put_adspec(adspec: &Adspec, out: &mut Octets) {
    let values = |service| adspec.service(service).unwrap_or(adspec.general.values);
    put(ADSPEC_INTSERV, ADSPEC, out, |out| {
        put_values(adspec.general.is_broken, adspec.general.values, out);
        match &adspec.controlled_load {
            None => drop(out.u32(0).pad(16)),
            Some(part) => {
                let values = values(ServiceNumber::CONTROLLED_LOAD);
                put_values(part.is_broken, values, out.u32(1));
            }
        }
        match &adspec.guaranteed {
            None => drop(out.u32(0).pad(32)),
            Some(part) => {
                let values = values(ServiceNumber::GUARANTEED);
                put_values(part.is_broken, values, out.u32(1));
                let terms = part.terms.map(|terms| {
                    [
                        terms.total.c_octets,
                        terms.total.d_micros,
                        terms.since_reshaper.c_octets,
                        terms.since_reshaper.d_micros,
                    ]
                });
                for term in terms.unwrap_or([u32::MAX; 4]) {
                    out.u32(term);
                }
            }
        }
    });
}

fn put_values(is_broken: bool, values: PathValues, out: &mut Octets) {
    let short = |value| u16::try_from(value).unwrap_or(u16::MAX);
    out.u32(is_broken.into())
        .u16(short(values.hops))
        .f32(values.bandwidth.get())
        .u32(values.latency.micros())
        .u16(short(values.mtu));
}

/// The place of a member that is at least a header.
pub(crate) const fn fits(len: usize, size: usize) -> bool {
    HEADER <= len && len <= size
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairway_rsvp::intserv::{Bandwidth, Tspec};

    fn tspec() -> Tspec {
        Tspec::new(125e3, 10e3, 250e3, 64, 1500).unwrap()
    }

    fn made(put: impl FnOnce(&mut Octets)) -> (u32, Vec<u8>) {
        let mut out = Octets::default();
        put(&mut out);
        (u32::from_ne_bytes(*out.0.first_chunk().unwrap()), out.0)
    }

    /// rapi.md §3.1: `len` is header and body used; walking is by array index.
    #[test]
    fn members_are_of_full_size_and_say_what_is_used() {
        let (len, filter) = made(|out| put_filter(Sender::V4([10, 0, 0, 1].into(), 5), out));
        assert_eq!((len, filter.len()), (24, FILTER));
        let (len, load) = made(|out| put_flowspec(&Flowspec::ControlledLoad(tspec()), out));
        assert_eq!((len, load.len()), (28, FLOWSPEC));
        let guaranteed = Flowspec::guaranteed(tspec(), 200e3, 17).unwrap();
        let (len, object) = made(|out| put_flowspec(&guaranteed, out));
        assert_eq!((len, object.len()), (36, FLOWSPEC));
        let (len, object) = made(|out| put_tspec(&tspec(), out));
        assert_eq!((len, object.len()), (28, FLOWSPEC));
        let (len, object) = made(put_no_adspec);
        assert_eq!((len, object.len()), (8, ADSPEC));
        let adspec = Adspec::of_link(Bandwidth::new(1.0).unwrap(), 1500).with_guaranteed(true);
        let (len, object) = made(|out| put_adspec(&adspec, out));
        assert_eq!((len, object.len()), (80, ADSPEC));
    }

    #[test]
    fn objects_are_read_as_they_were_written() {
        let sender = Sender::V4([10, 0, 0, 1].into(), 5);
        let (_, object) = made(|out| put_filter(sender, out));
        assert_eq!(read_filter(&object[..24]), Ok(Some(sender)));
        assert_eq!(read_filter(&object[..23]), Err(Code::OBJLEN));
        let (_, object) = made(|out| put_tspec(&tspec(), out));
        assert_eq!(read_tspec(&object[..28]), Ok(Some(tspec())));
        assert_eq!(read_flowspec(&object), Err(Code::OBJTYPE));
        for flowspec in [
            Flowspec::ControlledLoad(tspec()),
            Flowspec::guaranteed(tspec(), 200e3, 17).unwrap(),
        ] {
            let (_, object) = made(|out| put_flowspec(&flowspec, out));
            assert_eq!(read_flowspec(&object), Ok(Some(flowspec)));
        }
        let adspec = Adspec::of_link(Bandwidth::new(1.0).unwrap(), 1500)
            .with_guaranteed(true)
            .with_controlled_load(false);
        let (_, object) = made(|out| put_adspec(&adspec, out));
        let read = read_adspec(&object).unwrap().unwrap();
        assert_eq!(read.general, adspec.general);
        assert!(read.controlled_load.unwrap().is_broken);
        let guaranteed = read.guaranteed.unwrap();
        assert_eq!(guaranteed.terms, adspec.guaranteed.unwrap().terms);
    }
}
