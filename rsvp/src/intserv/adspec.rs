//! What a path can do: RFC 2210 §3.3.

use bytes::Bytes;

use super::delay::ErrorTerms;
use super::tspec::opaque;
use super::words::{FormError, ParameterNumber, RawFragment, ServiceNumber, Writer, fragments};
use super::{Bandwidth, Latency};
use crate::wire::{AdspecObject, CType};

/// The parameters of RFC 2215 that an Adspec carries, composed over the way so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PathValues {
    /// Elements that know Integrated Services.
    pub hops: u32,
    /// The least bandwidth.
    pub bandwidth: Bandwidth,
    /// The sum of the least latencies.
    pub latency: Latency,
    /// The least MTU in octets, IP header included.
    pub mtu: u32,
}

/// Values of one service that take the place of the general ones: RFC 2210 §3.3.5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Overrides {
    /// In place of [`PathValues::hops`].
    pub hops: Option<u32>,
    /// In place of [`PathValues::bandwidth`].
    pub bandwidth: Option<Bandwidth>,
    /// In place of [`PathValues::latency`].
    pub latency: Option<Latency>,
    /// In place of [`PathValues::mtu`].
    pub mtu: Option<u32>,
}

/// A parameter that this crate does not know, kept as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Parameter {
    /// Its number.
    pub number: ParameterNumber,
    words: Bytes,
}

impl Parameter {
    /// Its value, whole words.
    #[must_use]
    pub const fn value(&self) -> &Bytes {
        &self.words
    }
}

/// The fragment of service 1, always there.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   service 1   |B|     0       |          8 words              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  parameter 4  |       0       |           1 word              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         IS hop count                          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  parameter 6  |       0       |           1 word              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |       Path bandwidth estimate (IEEE single precision)         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  parameter 8  |       0       |           1 word              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |             Minimum path latency (microseconds)               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | parameter 10  |       0       |           1 word              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         Composed MTU                          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct General {
    /// Break bit: a hop on the way does not know Integrated Services, so nothing in the Adspec can be relied on.
    pub is_broken: bool,
    /// The values.
    pub values: PathValues,
    /// Parameters not known here.
    pub others: Vec<Parameter>,
}

/// Error terms of a path: end to end, and since the last reshaper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GuaranteedTerms {
    /// Ctot and Dtot.
    pub total: ErrorTerms,
    /// Csum and Dsum.
    pub since_reshaper: ErrorTerms,
}

/// The fragment of guaranteed service.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   service 2   |B|     0       |     8 words and overrides     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | parameter 133 |       0       |           1 word              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                        Ctot (octets)                          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | 134: Dtot (microseconds), 135: Csum, 136: Dsum in the same way |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// //                          overrides                          //
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GuaranteedFragment {
    /// Break bit: an element on the way lacks the service, so the values of this fragment cannot be relied on.
    pub is_broken: bool,
    /// The error terms; `None` in the empty fragment that a sender without the service may make.
    pub terms: Option<GuaranteedTerms>,
    /// Values of this service alone.
    pub overrides: Overrides,
    /// Parameters not known here.
    pub others: Vec<Parameter>,
}

/// The fragment of controlled load: a header, mostly.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   service 5   |B|     0       |     0 words and overrides     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// //                          overrides                          //
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ControlledLoadFragment {
    /// Break bit: an element on the way lacks the service.
    pub is_broken: bool,
    /// Values of this service alone.
    pub overrides: Overrides,
    /// Parameters not known here.
    pub others: Vec<Parameter>,
}

/// The fragment of a service that is not known here, kept as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OtherFragment {
    /// The service.
    pub service: ServiceNumber,
    /// Break bit; set by every element that lacks the service.
    pub is_broken: bool,
    octets: Bytes,
}

/// What a path can do, so far.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | 0     |        0              |       Length (words)          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// //                General (service 1), always                  //
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// //               Guaranteed (service 2), perhaps               //
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// //             Controlled load (service 5), perhaps            //
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// A fragment that is missing stays so: the sender does not want its service used (RFC 2210 §3.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Adspec {
    /// What holds for every service.
    pub general: General,
    /// Guaranteed service.
    pub guaranteed: Option<GuaranteedFragment>,
    /// Controlled load.
    pub controlled_load: Option<ControlledLoadFragment>,
    others: Vec<OtherFragment>,
}

/// Why an object is no Adspec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdspecError {
    /// Not the C-Type of Integrated Services.
    #[error("C-Type {}", .0.0)]
    CType(CType),
    /// The headers are wrong, or something is missing.
    #[error("{0}")]
    Form(#[from] FormError),
    /// A value that RFC 2215 does not allow.
    #[error("illegal {0}")]
    Value(ParameterNumber),
}

/// The parameters of a fragment, sorted out.
#[derive(Default)]
struct Sorted {
    overrides: Overrides,
    terms: [Option<u32>; 4],
    others: Vec<Parameter>,
}

impl Sorted {
    fn read(fragment: RawFragment<'_>, body: &Bytes, has_terms: bool) -> Result<Self, AdspecError> {
        let mut sorted = Self::default();
        for parameter in fragment.parameters() {
            let parameter = parameter?;
            let word = || parameter.words::<1>().map(|[word]| word);
            match parameter.number {
                ParameterNumber::IS_HOPS => sorted.overrides.hops = Some(word()?),
                ParameterNumber::BANDWIDTH => {
                    let bandwidth = Bandwidth::new(f32::from_bits(word()?));
                    sorted.overrides.bandwidth =
                        Some(bandwidth.ok_or(AdspecError::Value(parameter.number))?);
                }
                ParameterNumber::LATENCY => {
                    sorted.overrides.latency = Some(Latency::from_micros(word()?));
                }
                ParameterNumber::MTU => {
                    let mtu = Some(word()?).filter(|mtu| *mtu > 0);
                    sorted.overrides.mtu = Some(mtu.ok_or(AdspecError::Value(parameter.number))?);
                }
                ParameterNumber(number @ 133..=136) if has_terms => {
                    if let Some(term) = sorted.terms.get_mut(usize::from(number - 133)) {
                        *term = Some(word()?);
                    }
                }
                number => sorted.others.push(Parameter {
                    number,
                    words: body.slice_ref(parameter.value),
                }),
            }
        }
        Ok(sorted)
    }

    fn into_values(self) -> Result<(PathValues, Vec<Parameter>), AdspecError> {
        let missing = FormError::NoParameter;
        let values = PathValues {
            hops: self
                .overrides
                .hops
                .ok_or(missing(ParameterNumber::IS_HOPS))?,
            bandwidth: self
                .overrides
                .bandwidth
                .ok_or(missing(ParameterNumber::BANDWIDTH))?,
            latency: self
                .overrides
                .latency
                .ok_or(missing(ParameterNumber::LATENCY))?,
            mtu: self.overrides.mtu.ok_or(missing(ParameterNumber::MTU))?,
        };
        Ok((values, self.others))
    }

    fn terms(&self) -> Result<Option<GuaranteedTerms>, AdspecError> {
        match self.terms {
            [None, None, None, None] => Ok(None),
            [Some(c_tot), Some(d_tot), Some(c_sum), Some(d_sum)] => Ok(Some(GuaranteedTerms {
                total: ErrorTerms::new(c_tot, d_tot),
                since_reshaper: ErrorTerms::new(c_sum, d_sum),
            })),
            [None, ..] => Err(FormError::NoParameter(ParameterNumber::C_TOT).into()),
            [_, None, ..] => Err(FormError::NoParameter(ParameterNumber::D_TOT).into()),
            [_, _, None, _] => Err(FormError::NoParameter(ParameterNumber::C_SUM).into()),
            [_, _, _, None] => Err(FormError::NoParameter(ParameterNumber::D_SUM).into()),
        }
    }
}

impl Adspec {
    /// What a sender starts with that has no traffic control of its own: no hop, its link's bandwidth and MTU, no
    /// latency, and neither service. Bandwidth is 0 if not known.
    #[must_use]
    pub const fn of_link(bandwidth: Bandwidth, mtu: u32) -> Self {
        Self {
            general: General {
                is_broken: false,
                values: PathValues {
                    hops: 0,
                    bandwidth,
                    latency: Latency::from_micros(0),
                    mtu,
                },
                others: Vec::new(),
            },
            guaranteed: None,
            controlled_load: None,
            others: Vec::new(),
        }
    }

    /// The same, open for guaranteed service: an empty fragment with its break bit, as a host without the service makes
    /// it (RFC 2210 §3.3.3); `has_service` says that the host has it, which makes terms of zero and no break.
    #[must_use]
    pub fn with_guaranteed(self, has_service: bool) -> Self {
        Self {
            guaranteed: Some(GuaranteedFragment {
                is_broken: !has_service,
                terms: has_service.then(GuaranteedTerms::default),
                overrides: Overrides::default(),
                others: Vec::new(),
            }),
            ..self
        }
    }

    /// The same, open for controlled load; `has_service` as for [`with_guaranteed`](Self::with_guaranteed).
    #[must_use]
    pub fn with_controlled_load(self, has_service: bool) -> Self {
        Self {
            controlled_load: Some(ControlledLoadFragment {
                is_broken: !has_service,
                ..ControlledLoadFragment::default()
            }),
            ..self
        }
    }

    /// The fragments of services that are not known here, in ascending order.
    #[must_use]
    pub fn others(&self) -> &[OtherFragment] {
        &self.others
    }

    pub(super) fn others_mut(&mut self) -> &mut [OtherFragment] {
        &mut self.others
    }

    /// The values that hold for a service: its own, else the general ones. `None` if it has no fragment.
    #[must_use]
    pub fn service(&self, service: ServiceNumber) -> Option<PathValues> {
        let general = self.general.values;
        let overrides = match service {
            ServiceNumber::GENERAL => return Some(general),
            ServiceNumber::GUARANTEED => self.guaranteed.as_ref()?.overrides,
            ServiceNumber::CONTROLLED_LOAD => self.controlled_load.as_ref()?.overrides,
            _ => return None,
        };
        Some(PathValues {
            hops: overrides.hops.unwrap_or(general.hops),
            bandwidth: overrides.bandwidth.unwrap_or(general.bandwidth),
            latency: overrides.latency.unwrap_or(general.latency),
            mtu: overrides.mtu.unwrap_or(general.mtu),
        })
    }

    /// Reads an ADSPEC. Unknown services and parameters are kept; fragments may stand in any order.
    ///
    /// # Errors
    ///
    /// [`AdspecError`]; [`Disposition::of_adspec`](crate::Disposition::of_adspec) has the answer.
    pub fn from_object(object: &AdspecObject) -> Result<Self, AdspecError> {
        if object.0.c_type() != CType(2) {
            return Err(AdspecError::CType(object.0.c_type()));
        }
        let body = object.0.body();
        let (mut general, mut guaranteed, mut controlled_load) = (None, None, None);
        let mut others = Vec::new();
        for fragment in fragments(body)? {
            let fragment = fragment?;
            let is_broken = fragment.is_broken;
            let twice = match fragment.service {
                ServiceNumber::GENERAL => {
                    let (values, others) = Sorted::read(fragment, body, false)?.into_values()?;
                    let read = General {
                        is_broken,
                        values,
                        others,
                    };
                    general.replace(read).is_some()
                }
                ServiceNumber::GUARANTEED => {
                    let sorted = Sorted::read(fragment, body, true)?;
                    let read = GuaranteedFragment {
                        is_broken,
                        terms: sorted.terms()?,
                        overrides: sorted.overrides,
                        others: sorted.others,
                    };
                    guaranteed.replace(read).is_some()
                }
                ServiceNumber::CONTROLLED_LOAD => {
                    let Sorted {
                        overrides, others, ..
                    } = Sorted::read(fragment, body, false)?;
                    let read = ControlledLoadFragment {
                        is_broken,
                        overrides,
                        others,
                    };
                    controlled_load.replace(read).is_some()
                }
                service => {
                    others.push(OtherFragment {
                        service,
                        is_broken,
                        octets: body.slice_ref(fragment.octets),
                    });
                    false
                }
            };
            if twice {
                return Err(FormError::Twice(fragment.service).into());
            }
        }
        others.sort_by_key(|fragment| fragment.service);
        let mut adspec = Self {
            general: general.ok_or(FormError::NoService(ServiceNumber::GENERAL))?,
            guaranteed,
            controlled_load,
            others,
        };
        for list in adspec.parameters_mut() {
            list.sort_by_key(|parameter| parameter.number);
        }
        Ok(adspec)
    }

    fn parameters_mut(&mut self) -> impl Iterator<Item = &mut Vec<Parameter>> {
        let general = core::iter::once(&mut self.general.others);
        let guaranteed = self
            .guaranteed
            .iter_mut()
            .map(|fragment| &mut fragment.others);
        general.chain(guaranteed).chain(
            self.controlled_load
                .iter_mut()
                .map(|fragment| &mut fragment.others),
        )
    }

    /// The ADSPEC that says this, fragments in ascending order.
    #[must_use]
    pub fn to_object(&self) -> AdspecObject {
        let mut writer = Writer::new();
        let PathValues {
            hops,
            bandwidth,
            latency,
            mtu,
        } = self.general.values;
        writer.fragment(ServiceNumber::GENERAL, self.general.is_broken);
        let values = Overrides {
            hops: Some(hops),
            bandwidth: Some(bandwidth),
            latency: Some(latency),
            mtu: Some(mtu),
        };
        emit(&mut writer, &[], values, &self.general.others);
        let mut others = self.others.iter().peekable();
        if let Some(fragment) = &self.guaranteed {
            emit_others(&mut writer, &mut others, ServiceNumber::GUARANTEED);
            writer.fragment(ServiceNumber::GUARANTEED, fragment.is_broken);
            let own = fragment.terms.map(|terms| {
                [
                    terms.total.c_octets,
                    terms.total.d_micros,
                    terms.since_reshaper.c_octets,
                    terms.since_reshaper.d_micros,
                ]
            });
            emit(
                &mut writer,
                own.as_ref().map_or(&[], |own| own),
                fragment.overrides,
                &fragment.others,
            );
        }
        if let Some(fragment) = &self.controlled_load {
            emit_others(&mut writer, &mut others, ServiceNumber::CONTROLLED_LOAD);
            writer.fragment(ServiceNumber::CONTROLLED_LOAD, fragment.is_broken);
            emit(&mut writer, &[], fragment.overrides, &fragment.others);
        }
        emit_others(&mut writer, &mut others, ServiceNumber(u8::MAX));
        AdspecObject(opaque(writer))
    }
}

/// The unknown services up to a number.
fn emit_others<'a>(
    writer: &mut Writer,
    others: &mut core::iter::Peekable<impl Iterator<Item = &'a OtherFragment>>,
    end: ServiceNumber,
) {
    while let Some(fragment) = others.next_if(|fragment| fragment.service <= end) {
        writer.fragment(fragment.service, fragment.is_broken);
        writer.raw(&fragment.octets);
    }
}

/// RFC 2210 §3.3.5: a service's own parameters (128 and up), then general ones; each kind in ascending order.
fn emit(writer: &mut Writer, terms: &[u32], overrides: Overrides, others: &[Parameter]) {
    let mut list: Vec<(ParameterNumber, Words<'_>)> = Vec::with_capacity(8);
    let terms = (133..).map(ParameterNumber).zip(terms.iter().copied());
    let overrides = [
        (ParameterNumber::IS_HOPS, overrides.hops),
        (
            ParameterNumber::BANDWIDTH,
            overrides
                .bandwidth
                .map(|bandwidth| bandwidth.get().to_bits()),
        ),
        (
            ParameterNumber::LATENCY,
            overrides.latency.map(Latency::micros),
        ),
        (ParameterNumber::MTU, overrides.mtu),
    ];
    let overrides = overrides
        .into_iter()
        .filter_map(|(number, word)| Some((number, word?)));
    list.extend(
        terms
            .chain(overrides)
            .map(|(number, word)| (number, Words::One(word))),
    );
    list.extend(
        others
            .iter()
            .map(|parameter| (parameter.number, Words::Many(&parameter.words))),
    );
    list.sort_by_key(|(number, _)| (number.0 < 128, *number));
    for (number, words) in list {
        match words {
            Words::One(word) => writer.parameter(number, &[word]),
            Words::Many(octets) => {
                let (words, _) = octets.as_chunks::<4>();
                let words: Vec<u32> = words.iter().map(|word| u32::from_be_bytes(*word)).collect();
                writer.parameter(number, &words);
            }
        }
    }
}

enum Words<'a> {
    One(u32),
    Many(&'a [u8]),
}

#[cfg(test)]
mod tests;
