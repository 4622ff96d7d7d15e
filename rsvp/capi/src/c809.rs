//! Objects of `rapi.h`: of variable length, one after another.

use bytes::Bytes;
use fairway_rsvp::intserv::{
    Adspec, Bandwidth, ControlledLoadFragment, ErrorTerms, Flowspec, GuaranteedFragment,
    GuaranteedTerms, Latency, Overrides, PathValues, Reading, ServiceNumber, Tspec,
};
use fairway_rsvp::wire::{AdspecObject, CType, FlowspecObject, Opaque, Sender, SenderTspecObject};

use crate::code::Code;
use crate::fields::{Fields, Octets};
use crate::{intserv, sockaddr};

/// Octets of `rapi_hdr_t`.
pub(crate) const HEADER: usize = 8;
/// Octets of `rapi_filter_t`.
pub(crate) const FILTER: usize = 36;
/// Octets of `rapi_flowspec_t`; `rapi_tspec_t` has fewer.
pub(crate) const FLOWSPEC: usize = 52;
/// Octets of `rapi_adspec_t`.
pub(crate) const ADSPEC: usize = 76;
/// The longest object that is read: more fits no message.
pub(crate) const MAX_OBJECT: usize = 65_536;

const EMPTY: u32 = 0;
const FLOWSPEC_INTSERV: u32 = 2;
const FLOWSPEC_SIMPLIFIED: u32 = 3;
const TSPEC_INTSERV: u32 = 17;
const TSPEC_SIMPLIFIED: u32 = 18;
const ADSPEC_INTSERV: u32 = 33;
const ADSPEC_SIMPLIFIED: u32 = 34;
const FILTER_BASE: u32 = 258;
const FILTER_BASE6: u32 = 260;

const QOS_TSPEC: u32 = 0;
const QOS_CONTROLLED_LOAD: u32 = 1;
const QOS_GUARANTEED: u32 = 2;

const BREAK: u8 = 1;
const IGNORE: u8 = 2;
const PARAMETERS: u8 = 4;

/// What IntServ objects of programs are read by: as liberal as what comes from the network. M is theirs to say.
const READING: Reading = Reading::Deployed { mtu: 65_535 };

/// Format and body of an object.
fn opened(object: &[u8]) -> Result<(u32, Fields<'_>), Code> {
    let mut fields = Fields::new(object);
    let _len = fields.u32()?;
    Ok((fields.u32()?, fields))
}

/// The body of an IntServ object as it goes over the wire.
fn wire(body: Fields<'_>) -> Result<Opaque, Code> {
    let octets = intserv::to_wire(body.rest()).ok_or(Code::INTSERV)?;
    Opaque::new(CType(2), octets).ok_or(Code::INTSERV)
}

/// Whether an object is there and not empty.
pub(crate) fn is_there(object: &[u8]) -> Result<bool, Code> {
    Ok(opened(object)?.0 != EMPTY)
}

/// A filter or sender template; `None` if it is empty.
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

/// A token bucket in the order r, b, p, m, M. A minimum policed unit of 0 is what programs say that do not care.
pub(crate) fn read_bucket(fields: &mut Fields<'_>) -> Result<Tspec, Code> {
    let (rate, bucket, peak) = (fields.f32()?, fields.f32()?, fields.f32()?);
    let (unit, size) = (fields.u32()?, fields.u32()?);
    Tspec::new(rate, bucket, peak, unit.max(1), size).map_err(|_| Code::INVAL)
}

/// A Tspec; `None` if it is empty.
pub(crate) fn read_tspec(object: &[u8]) -> Result<Option<Tspec>, Code> {
    let (form, mut body) = opened(object)?;
    match form {
        EMPTY => Ok(None),
        TSPEC_SIMPLIFIED => {
            if body.u32()? > QOS_GUARANTEED {
                return Err(Code::INVAL);
            }
            read_bucket(&mut body).map(Some)
        }
        TSPEC_INTSERV => {
            let object = SenderTspecObject(wire(body)?);
            let tspec = Tspec::from_object(&object, READING);
            tspec.map(Some).map_err(|_| Code::INTSERV)
        }
        _ => Err(Code::OBJTYPE),
    }
}

/// A flowspec; `None` if it is empty.
pub(crate) fn read_flowspec(object: &[u8]) -> Result<Option<Flowspec>, Code> {
    let (form, mut body) = opened(object)?;
    match form {
        EMPTY => Ok(None),
        FLOWSPEC_SIMPLIFIED => {
            let service = body.u32()?;
            let tspec = read_bucket(&mut body)?;
            let (rate, slack) = (body.f32()?, body.u32()?);
            match service {
                QOS_CONTROLLED_LOAD => Ok(Flowspec::ControlledLoad(tspec)),
                QOS_GUARANTEED => Flowspec::guaranteed(tspec, rate, slack).map_err(|_| Code::INVAL),
                _ => Err(Code::INVAL),
            }
            .map(Some)
        }
        FLOWSPEC_INTSERV => {
            let object = FlowspecObject(wire(body)?);
            let flowspec = Flowspec::from_object(&object, READING);
            flowspec.map(Some).map_err(|_| Code::INTSERV)
        }
        _ => Err(Code::OBJTYPE),
    }
}

/// An Adspec; `None` if it is empty.
pub(crate) fn read_adspec(object: &[u8]) -> Result<Option<Adspec>, Code> {
    let (form, mut body) = opened(object)?;
    match form {
        EMPTY => Ok(None),
        ADSPEC_SIMPLIFIED => read_simplified(&mut body).map(Some),
        ADSPEC_INTSERV => {
            let adspec = Adspec::from_object(&AdspecObject(wire(body)?));
            adspec.map(Some).map_err(|_| Code::INTSERV)
        }
        _ => Err(Code::OBJTYPE),
    }
}

fn read_values(fields: &mut Fields<'_>) -> Result<PathValues, Code> {
    let (hops, bandwidth) = (fields.u16()?, fields.f32()?);
    Ok(PathValues {
        hops: hops.into(),
        bandwidth: Bandwidth::new(bandwidth).ok_or(Code::INVAL)?,
        latency: Latency::from_micros(fields.u32()?),
        mtu: Some(fields.u32()?)
            .filter(|mtu| *mtu > 0)
            .ok_or(Code::INVAL)?,
    })
}

const fn overriding(values: PathValues) -> Overrides {
    Overrides {
        hops: Some(values.hops),
        bandwidth: Some(values.bandwidth),
        latency: Some(values.latency),
        mtu: Some(values.mtu),
    }
}

/// Values of a service alone, if they are said to be there; else they may be anything.
fn read_overrides(fields: &mut Fields<'_>, is_there: bool) -> Result<Overrides, Code> {
    let mut theirs = *fields;
    let _values: [u8; 14] = fields.array()?;
    if is_there {
        read_values(&mut theirs).map(overriding)
    } else {
        Ok(Overrides::default())
    }
}

/// Whether a part is there, whether it is broken, and whether it has parameters.
const fn part(flags: u8) -> Result<(bool, bool, bool), Code> {
    if flags & IGNORE != 0 && flags & PARAMETERS != 0 {
        return Err(Code::INVAL);
    }
    let is_there = flags & IGNORE == 0;
    Ok((is_there, flags & BREAK != 0, flags & PARAMETERS != 0))
}

fn read_simplified(fields: &mut Fields<'_>) -> Result<Adspec, Code> {
    let (flags, _) = (fields.u8()?, fields.u8()?);
    if flags & IGNORE != 0 {
        return Err(Code::INVAL);
    }
    let values = read_values(fields)?;
    let mut adspec = Adspec::of_link(values.bandwidth, values.mtu);
    adspec.general.values = values;
    adspec.general.is_broken = flags & BREAK != 0;

    let (is_there, is_broken, _) = part(fields.u8()?)?;
    let overrides = fields.u8()? != 0 && is_there;
    let overrides = read_overrides(fields, overrides)?;
    adspec.controlled_load = is_there.then(|| ControlledLoadFragment {
        is_broken,
        overrides,
        ..ControlledLoadFragment::default()
    });

    let (is_there, is_broken, has_terms) = part(fields.u8()?)?;
    let _pad: [u8; 3] = fields.array()?;
    let total = ErrorTerms::new(fields.u32()?, fields.u32()?);
    let since_reshaper = ErrorTerms::new(fields.u32()?, fields.u32()?);
    let overrides = fields.u8()? != 0 && is_there;
    let _pad = fields.u8()?;
    let overrides = read_overrides(fields, overrides)?;
    adspec.guaranteed = is_there.then(|| GuaranteedFragment {
        is_broken,
        terms: has_terms.then_some(GuaranteedTerms {
            total,
            since_reshaper,
        }),
        overrides,
        others: Vec::new(),
    });
    Ok(adspec)
}

/// Appends an object: a header, and the body that `body` appends.
fn put(form: u32, out: &mut Octets, body: impl FnOnce(&mut Octets)) {
    let start = out.0.len();
    out.u32(0).u32(form);
    body(out);
    let len = u32::try_from(out.0.len() - start).unwrap_or(u32::MAX);
    if let Some(field) = out.0.get_mut(start..start + 4) {
        field.copy_from_slice(&len.to_ne_bytes());
    }
}

fn put_wire(form: u32, body: &Bytes, out: &mut Octets) {
    // What the crate wrote can be walked over.
    let octets = intserv::from_wire(body).unwrap_or_default();
    put(form, out, |out| {
        out.raw(&octets);
    });
}

/// Appends an object that is not there.
pub(crate) fn put_empty(out: &mut Octets) {
    put(EMPTY, out, |_| ());
}

/// Appends a filter.
pub(crate) fn put_filter(sender: Sender, out: &mut Octets) {
    let form = match sender {
        Sender::V4(..) => FILTER_BASE,
        Sender::V6(..) | Sender::V6FlowLabel(..) => FILTER_BASE6,
    };
    put(form, out, |out| sockaddr::put(socket(sender), out));
}

/// A sender as a socket address; a flow label stands in its own field.
pub(crate) fn socket(sender: Sender) -> std::net::SocketAddr {
    match sender {
        Sender::V4(address, port) => (address, port).into(),
        Sender::V6(address, port) => (address, port).into(),
        Sender::V6FlowLabel(address, label) => {
            std::net::SocketAddrV6::new(address, 0, label, 0).into()
        }
    }
}

/// Appends a token bucket.
pub(crate) fn put_bucket(tspec: &Tspec, out: &mut Octets) {
    out.f32(tspec.rate().get())
        .f32(tspec.bucket().get())
        .f32(tspec.peak().get())
        .u32(tspec.min_policed_unit())
        .u32(tspec.max_packet_size());
}

/// Appends a Tspec.
pub(crate) fn put_tspec(tspec: &Tspec, is_intserv: bool, out: &mut Octets) {
    if is_intserv {
        return put_wire(TSPEC_INTSERV, tspec.to_object().0.body(), out);
    }
    put(TSPEC_SIMPLIFIED, out, |out| {
        put_bucket(tspec, out.u32(QOS_TSPEC));
    });
}

/// Appends a flowspec.
pub(crate) fn put_flowspec(flowspec: &Flowspec, is_intserv: bool, out: &mut Octets) {
    if is_intserv {
        return put_wire(FLOWSPEC_INTSERV, flowspec.to_object().0.body(), out);
    }
    let (service, rate, slack) = match flowspec {
        Flowspec::ControlledLoad(_) => (QOS_CONTROLLED_LOAD, 0.0, 0),
        Flowspec::Guaranteed(_, rspec) => (QOS_GUARANTEED, rspec.rate.get(), rspec.slack_micros),
    };
    put(FLOWSPEC_SIMPLIFIED, out, |out| {
        put_bucket(flowspec.tspec(), out.u32(service));
        out.f32(rate).u32(slack);
    });
}

fn put_values(values: PathValues, out: &mut Octets) {
    out.u16(u16::try_from(values.hops).unwrap_or(u16::MAX))
        .f32(values.bandwidth.get())
        .u32(values.latency.micros())
        .u32(values.mtu);
}

/// Appends an Adspec.
pub(crate) fn put_adspec(adspec: &Adspec, is_intserv: bool, out: &mut Octets) {
    if is_intserv {
        return put_wire(ADSPEC_INTSERV, adspec.to_object().0.body(), out);
    }
    put(ADSPEC_SIMPLIFIED, out, |out| put_simplified(adspec, out));
}

fn put_simplified(adspec: &Adspec, out: &mut Octets) {
    let general = &adspec.general;
    let broken = |is_broken| if is_broken { BREAK } else { 0 };
    let with = |has: bool, flag| if has { flag } else { 0 };
    // Values of a service that has none of its own are the general ones: a program need not look twice.
    let values = |service| adspec.service(service).unwrap_or(general.values);
    out.u8(PARAMETERS | broken(general.is_broken)).pad(1);
    put_values(general.values, out);

    let own = adspec.controlled_load.as_ref();
    let overrides = own.is_some_and(|own| own.overrides != Overrides::default());
    let flags = own.map_or(IGNORE, |own| {
        broken(own.is_broken) | with(overrides, PARAMETERS)
    });
    out.u8(flags).u8(overrides.into());
    put_values(values(ServiceNumber::CONTROLLED_LOAD), out);

    let own = adspec.guaranteed.as_ref();
    let terms = own.and_then(|own| own.terms);
    let overrides = own.is_some_and(|own| own.overrides != Overrides::default());
    let flags = own.map_or(IGNORE, |own| {
        broken(own.is_broken) | with(terms.is_some(), PARAMETERS)
    });
    let terms = terms.unwrap_or_default();
    out.u8(flags).pad(3);
    for terms in [terms.total, terms.since_reshaper] {
        out.u32(terms.c_octets).u32(terms.d_micros);
    }
    out.u8(overrides.into()).pad(1);
    put_values(values(ServiceNumber::GUARANTEED), out);
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn tspec() -> Tspec {
        Tspec::new(125e3, 10e3, 250e3, 64, 1500).unwrap()
    }

    fn adspec() -> Adspec {
        let mut adspec = Adspec::of_link(Bandwidth::new(1.25e6).unwrap(), 1500)
            .with_guaranteed(true)
            .with_controlled_load(true);
        if let Some(guaranteed) = &mut adspec.guaranteed {
            guaranteed.terms = Some(GuaranteedTerms {
                total: ErrorTerms::new(1, 2),
                since_reshaper: ErrorTerms::new(3, 4),
            });
        }
        if let Some(load) = &mut adspec.controlled_load {
            let mut values = adspec.general.values;
            values.mtu = 1400;
            load.overrides = overriding(values);
            load.is_broken = true;
        }
        adspec
    }

    fn made(put: impl FnOnce(&mut Octets)) -> Vec<u8> {
        let mut out = Octets::default();
        put(&mut out);
        let len = u32::from_ne_bytes(*out.0.first_chunk().unwrap());
        assert_eq!(usize::try_from(len).unwrap(), out.0.len());
        out.0
    }

    /// rapi.md §3.4, §3.5, §3.6.
    #[test]
    fn objects_are_read_as_they_were_written() {
        for is_intserv in [false, true] {
            let object = made(|out| put_tspec(&tspec(), is_intserv, out));
            assert_eq!(read_tspec(&object), Ok(Some(tspec())));
            for flowspec in [
                Flowspec::ControlledLoad(tspec()),
                Flowspec::guaranteed(tspec(), 200e3, 17).unwrap(),
            ] {
                let object = made(|out| put_flowspec(&flowspec, is_intserv, out));
                assert_eq!(read_flowspec(&object), Ok(Some(flowspec)));
            }
            let closed = Adspec::of_link(Bandwidth::UNKNOWN, 9000);
            let open = closed
                .clone()
                .with_guaranteed(false)
                .with_controlled_load(true);
            for adspec in [adspec(), closed, open] {
                let object = made(|out| put_adspec(&adspec, is_intserv, out));
                assert_eq!(read_adspec(&object), Ok(Some(adspec)));
            }
        }
        for address in ["10.0.0.1:5000", "[2001:db8::1]:6000"] {
            let sender = Sender::from(address.parse::<std::net::SocketAddr>().unwrap());
            let object = made(|out| put_filter(sender, out));
            assert_eq!(read_filter(&object), Ok(Some(sender)));
        }
        let empty = made(put_empty);
        assert_eq!(empty.len(), HEADER);
        assert_eq!(read_tspec(&empty), Ok(None));
        assert_eq!(read_flowspec(&empty), Ok(None));
        assert_eq!(read_adspec(&empty), Ok(None));
        assert_eq!(read_filter(&empty), Ok(None));
    }

    /// What `rapi.h` declares; the C programs of the tests check the same from their side.
    #[test]
    fn sizes_are_those_of_the_header() {
        let len = |put: &dyn Fn(&mut Octets)| made(put).len();
        assert_eq!(len(&|out| put_tspec(&tspec(), false, out)), 8 + 24);
        assert_eq!(len(&|out| put_tspec(&tspec(), true, out)), 8 + 32);
        let flowspec = Flowspec::guaranteed(tspec(), 200e3, 17).unwrap();
        assert_eq!(len(&|out| put_flowspec(&flowspec, false, out)), 8 + 32);
        assert_eq!(len(&|out| put_flowspec(&flowspec, true, out)), 8 + 44);
        assert_eq!(len(&|out| put_adspec(&adspec(), false, out)), 8 + 68);
    }

    /// rapi.md §2.6.
    #[test]
    fn errors_have_their_codes() {
        let mut object = made(|out| put_tspec(&tspec(), false, out));
        assert_eq!(read_flowspec(&object), Err(Code::OBJTYPE));
        assert_eq!(read_adspec(&object), Err(Code::OBJTYPE));
        assert_eq!(read_filter(&object), Err(Code::OBJTYPE));
        assert_eq!(read_tspec(&object[..31]), Err(Code::OBJLEN));
        // r is no number.
        object[12..16].copy_from_slice(&f32::NAN.to_ne_bytes());
        assert_eq!(read_tspec(&object), Err(Code::INVAL));
        let mut object = made(|out| put_tspec(&tspec(), true, out));
        object[13] = 0xff;
        object[12] = 0x02;
        assert_eq!(read_tspec(&object), Err(Code::INTSERV));
        assert_eq!(read_tspec(&object[..20]), Err(Code::INTSERV));
    }

    /// rapi.md §3.5: ignore and present together is an error, and the general part cannot be ignored.
    #[test]
    fn flags_of_adspecs_are_checked() {
        for (at, flags) in [
            (0, IGNORE),
            (16, IGNORE | PARAMETERS),
            (32, IGNORE | PARAMETERS),
        ] {
            let mut object = made(|out| put_adspec(&adspec(), false, out));
            object[HEADER + at] = flags;
            assert_eq!(read_adspec(&object), Err(Code::INVAL));
        }
    }

    /// Programs of old leave m at 0.
    #[test]
    fn no_minimum_policed_unit_is_one() {
        let mut object = made(|out| put_tspec(&tspec(), false, out));
        object[24..28].fill(0);
        assert_eq!(read_tspec(&object).unwrap().unwrap().min_policed_unit(), 1);
    }
}
