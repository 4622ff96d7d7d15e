//! The objects of a message by class, before they are put into their message.

use crate::error::DecodeErrorKind;
use crate::wire::{
    AdspecObject, Challenge, ClassNum, Content, ErrorSpec, FilterSpec, Hello, Integrity, MessageId,
    MessageIdAck, MessageIdList, Object, ObjectError, ObjectType, PolicyData, ResvConfirm, RsvpHop,
    Scope, SenderTemplate, SenderTspecObject, Session, Style, TimeValues, UnknownAction,
    UnknownObject,
};

use super::{FlowItem, Limits};

/// Classes below 128, as a set.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClassSet(u128);

impl ClassSet {
    /// Every class that this crate reads.
    const KNOWN: Self = Self::of(&[
        ClassNum::NULL,
        ClassNum::SESSION,
        ClassNum::RSVP_HOP,
        ClassNum::INTEGRITY,
        ClassNum::TIME_VALUES,
        ClassNum::ERROR_SPEC,
        ClassNum::SCOPE,
        ClassNum::STYLE,
        ClassNum::FLOWSPEC,
        ClassNum::FILTER_SPEC,
        ClassNum::SENDER_TEMPLATE,
        ClassNum::SENDER_TSPEC,
        ClassNum::ADSPEC,
        ClassNum::POLICY_DATA,
        ClassNum::RESV_CONFIRM,
        ClassNum::HELLO,
        ClassNum::MESSAGE_ID,
        ClassNum::MESSAGE_ID_ACK,
        ClassNum::MESSAGE_ID_LIST,
        ClassNum::CHALLENGE,
    ]);

    pub(super) const fn of(classes: &[ClassNum]) -> Self {
        let mut set = 0;
        let mut rest = classes;
        while let [class, others @ ..] = rest {
            set |= 1 << class.0;
            rest = others;
        }
        Self(set)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline]
    const fn has(self, class: ClassNum) -> bool {
        class.0 < 128 && self.0 >> class.0 & 1 != 0
    }
}

/// What was found, each class in its place.
#[derive(Debug, Default)]
pub(super) struct Parts {
    pub(super) integrity: Option<Integrity>,
    pub(super) acks: Vec<MessageIdAck>,
    pub(super) message_id: Option<MessageId>,
    pub(super) session: Option<Session>,
    pub(super) hop: Option<RsvpHop>,
    pub(super) time_values: Option<TimeValues>,
    pub(super) error: Option<ErrorSpec>,
    pub(super) confirm: Option<ResvConfirm>,
    pub(super) scope: Option<Scope>,
    pub(super) policy: Vec<PolicyData>,
    pub(super) template: Option<SenderTemplate>,
    pub(super) tspec: Option<SenderTspecObject>,
    pub(super) adspec: Option<AdspecObject>,
    pub(super) style: Option<Style>,
    pub(super) items: Vec<FlowItem>,
    pub(super) hello: Option<Hello>,
    pub(super) lists: Vec<MessageIdList>,
    pub(super) challenge: Option<Challenge>,
    pub(super) unknown: Vec<UnknownObject>,
    /// Whether an object that is not known was left out, so that the message is refused.
    pub(super) is_refused: bool,
}

impl Parts {
    /// Puts one object into its place; `first` if nothing but the header is in front of it.
    pub(super) fn add(
        &mut self,
        object: ObjectType,
        body: Content<'_>,
        first: bool,
        allowed: ClassSet,
        limits: &Limits,
    ) -> Result<(), DecodeErrorKind> {
        let ObjectType { class, c_type } = object;
        if !ClassSet::KNOWN.has(class) {
            return match class.if_unknown() {
                UnknownAction::Reject => Err(DecodeErrorKind::UnknownClass(object)),
                UnknownAction::Ignore => Ok(()),
                UnknownAction::Forward if self.unknown.len() >= limits.unknown => {
                    Err(DecodeErrorKind::Limit("unknown objects"))
                }
                UnknownAction::Forward => {
                    self.unknown.push(UnknownObject::keep(object, body));
                    Ok(())
                }
            };
        }
        if class == ClassNum::NULL {
            return Ok(());
        }
        if !allowed.has(class) {
            return Err(DecodeErrorKind::Illegal(class));
        }
        // RFC 2205 §3.1.4: STYLE and the flow descriptors behind it come last. RFC 2747 §2: INTEGRITY comes first.
        // RFC 2961 §4.1 wants answers and the name next; they mean the same elsewhere, and are taken there.
        let of_flow = class == ClassNum::FLOWSPEC || class == ClassNum::FILTER_SPEC;
        if of_flow != self.style.is_some() && class != ClassNum::STYLE
            || class == ClassNum::INTEGRITY && !first
        {
            return Err(DecodeErrorKind::Misplaced(class));
        }
        let read = Read { object, body };
        match class {
            ClassNum::INTEGRITY => read.once(&mut self.integrity),
            ClassNum::MESSAGE_ID_ACK => read.more(&mut self.acks),
            ClassNum::MESSAGE_ID => read.once(&mut self.message_id),
            ClassNum::SESSION => read.once(&mut self.session),
            ClassNum::RSVP_HOP => read.once(&mut self.hop),
            ClassNum::TIME_VALUES => read.once(&mut self.time_values),
            ClassNum::ERROR_SPEC => read.once(&mut self.error),
            ClassNum::RESV_CONFIRM => read.once(&mut self.confirm),
            ClassNum::SCOPE => read.once(&mut self.scope),
            ClassNum::POLICY_DATA if self.policy.len() >= limits.policy => {
                Err(DecodeErrorKind::Limit("policy data"))
            }
            ClassNum::POLICY_DATA => read.more(&mut self.policy),
            ClassNum::SENDER_TEMPLATE => read.once(&mut self.template),
            ClassNum::SENDER_TSPEC => read.once(&mut self.tspec),
            ClassNum::ADSPEC => read.once(&mut self.adspec),
            ClassNum::STYLE => read.once(&mut self.style),
            ClassNum::FLOWSPEC => {
                self.items.push(FlowItem::Flowspec(read.object()?));
                Ok(())
            }
            ClassNum::FILTER_SPEC => {
                let filter: FilterSpec = read.object()?;
                self.items.push(FlowItem::Filter(filter));
                Ok(())
            }
            ClassNum::HELLO => read.once(&mut self.hello),
            ClassNum::MESSAGE_ID_LIST => read.more(&mut self.lists),
            ClassNum::CHALLENGE => read.once(&mut self.challenge),
            _ => Err(DecodeErrorKind::UnknownClass(ObjectType { class, c_type })),
        }
    }

    /// The session and whether its ports allow the senders named: RFC 2205 §3.2.
    pub(super) fn session(&mut self) -> Result<Session, DecodeErrorKind> {
        let session = required(&mut self.session)?;
        let filters = self.items.iter().filter_map(|item| match item {
            FlowItem::Filter(FilterSpec(sender)) => Some(*sender),
            FlowItem::Flowspec(_) => None,
        });
        let template = self.template.iter().map(|SenderTemplate(sender)| *sender);
        for sender in filters.chain(template) {
            if session.port == 0 && sender.port().is_some_and(|port| port != 0) {
                return Err(DecodeErrorKind::SourcePort);
            }
        }
        Ok(session)
    }
}

/// An object about to be read.
struct Read<'a> {
    object: ObjectType,
    body: Content<'a>,
}

impl Read<'_> {
    fn object<T: Object>(&self) -> Result<T, DecodeErrorKind> {
        T::parse(self.object.c_type, self.body).map_err(|error| match error {
            ObjectError::CType => DecodeErrorKind::UnknownCType(self.object),
            ObjectError::Size => DecodeErrorKind::ObjectSize(self.object),
            ObjectError::Value(_) if self.object.class == ClassNum::RSVP_HOP => {
                DecodeErrorKind::HopAddress
            }
            ObjectError::Value(what) => DecodeErrorKind::Value {
                object: self.object,
                what,
            },
        })
    }

    fn once<T: Object>(&self, slot: &mut Option<T>) -> Result<(), DecodeErrorKind> {
        let object = self.object()?;
        if slot.replace(object).is_some() {
            return Err(DecodeErrorKind::Duplicate(self.object.class));
        }
        Ok(())
    }

    fn more<T: Object>(&self, list: &mut Vec<T>) -> Result<(), DecodeErrorKind> {
        list.push(self.object()?);
        Ok(())
    }
}

/// What has to be there.
pub(super) fn required<T: Object>(slot: &mut Option<T>) -> Result<T, DecodeErrorKind> {
    slot.take().ok_or(DecodeErrorKind::Missing(T::CLASS))
}
