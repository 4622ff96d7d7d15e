//! What a message means, in the words of Wireshark: the names and values that it is to show, in their order.

use fairway_rsvp::msg::{
    Body, FfDescriptor, FlowItem, Flows, Limits, LooseFlows, Message, SenderDescriptor,
};
use fairway_rsvp::wire::{
    AckKind, CType, ErrorCode, ErrorFlags, ErrorSpec, FilterSpec, FlowspecObject, HelloKind,
    IdEntries, Integrity, MessageIdAck, MessageIdList, PolicyData, ResvConfirm, RsvpHop, Scope,
    Sender, Session, Style, TimeValues, UnknownObject,
};
use std::fmt::Display;
use std::net::IpAddr;

/// Names and values, and the slips of Wireshark that they rely on.
#[derive(Debug, Default)]
pub(super) struct Meant {
    pub(super) fields: Vec<(String, String)>,
    pub(super) slips: Vec<&'static str>,
}

/// Where Wireshark 4.0 is wrong, or does not know (`rsvp.md` §16). Each must be met, or it is here no more.
pub(super) const SLIPS: [&str; 6] = [
    HANDSHAKE,
    ID_LISTS,
    NO_CHALLENGE,
    FLOW_LABEL,
    NO_CHECKSUM,
    BUNDLE_CHECKSUM,
];
/// RFC 2747 §2.1 draws HF as bit 0, which is 0x80: it takes 0x01 for the handshake flag.
const HANDSHAKE: &str = "the handshake flag of INTEGRITY is looked for at 0x01";
/// RFC 2961 §5.1: lists with sources and groups.
const ID_LISTS: &str = "of MESSAGE_ID_LIST only C-Type 1 is known";
/// RFC 3097 numbers them 25 and 26.
pub(super) const NO_CHALLENGE: &str = "Challenge, Response and CHALLENGE are not known";
/// RFC 2205 §A.9: the flow label form of FILTER_SPEC and SENDER_TEMPLATE.
const FLOW_LABEL: &str = "FILTER_SPEC and SENDER_TEMPLATE of C-Type 3 are not known";
/// RFC 2205 §3.1.1: zero is no checksum. It knows so of messages that are signed.
pub(super) const NO_CHECKSUM: &str = "a checksum that was not sent is called incorrect";
/// It looks at the checksums of the parts only.
pub(super) const BUNDLE_CHECKSUM: &str = "the checksum of a Bundle is not looked at";

impl Meant {
    /// What `message`, of so many octets, says.
    pub(super) fn of(message: &Message, length: usize) -> Self {
        let mut meant = Self::default();
        meant.message(message, length);
        meant
    }

    fn say(&mut self, name: &str, value: impl Display) {
        self.fields
            .push((format!("rsvp.{name}"), value.to_string()));
    }

    fn slip(&mut self, slip: &'static str) {
        self.slips.push(slip);
    }

    /// An object's header; `body` octets follow.
    fn object(&mut self, class: u8, c_type: u8, body: usize) {
        self.say("length", body + 4);
        self.say("object", class);
        self.say("ctype", c_type);
    }

    fn message(&mut self, message: &Message, length: usize) {
        let kind = message.body.message_type().0;
        self.say("version", 1);
        self.say(
            "flags",
            format!("{:#04x}", u8::from(message.flags.refresh_reduction())),
        );
        self.say("msg", kind);
        self.say("sending_ttl", message.send_ttl);
        self.say("message_length", length);
        if let Some(integrity) = &message.integrity {
            self.integrity(integrity);
        }
        message.acks.iter().for_each(|ack| self.ack(ack));
        if let Some(id) = &message.message_id {
            self.object(23, 1, 8);
            self.say("message_id.flags", u8::from(id.ack_desired));
            self.say("message_id.epoch", id.epoch.number());
            self.say("message_id.message_id", id.id.0);
        }
        self.body(&message.body);
    }

    fn body(&mut self, body: &Body) {
        if let Some(session) = body.session() {
            self.session(session);
        }
        if let Some(hop) = body.hop() {
            self.hop(hop);
        }
        match body {
            Body::Path(path) => {
                self.time(path.time_values);
                self.policy(&path.policy);
                self.unknown(&path.unknown);
                self.sender(path.sender.as_ref());
            }
            Body::Resv(resv) => {
                self.time(resv.time_values);
                self.confirm(resv.confirm.as_ref());
                self.scope(resv.scope.as_ref());
                self.policy(&resv.policy);
                self.unknown(&resv.unknown);
                self.flows(&resv.flows);
            }
            Body::PathErr(error) => {
                self.error(&error.error);
                self.policy(&error.policy);
                self.unknown(&error.unknown);
                self.sender(error.sender.as_ref());
            }
            Body::ResvErr(error) => {
                self.error(&error.error);
                self.scope(error.scope.as_ref());
                self.policy(&error.policy);
                self.unknown(&error.unknown);
                self.loose(&error.flows);
            }
            Body::PathTear(tear) => {
                self.unknown(&tear.unknown);
                if let Some(sender) = &tear.sender {
                    self.template(11, sender.template.0);
                    if let Some(tspec) = &sender.tspec {
                        self.tspec(tspec.0.body());
                    }
                    if let Some(adspec) = &sender.adspec {
                        self.adspec(adspec.0.body());
                    }
                }
            }
            Body::ResvTear(tear) => {
                self.scope(tear.scope.as_ref());
                self.unknown(&tear.unknown);
                self.loose(&tear.flows);
            }
            Body::ResvConf(conf) => {
                self.error(&conf.error);
                self.confirm(Some(&conf.confirm));
                self.unknown(&conf.unknown);
                self.flows(&conf.flows);
            }
            Body::Bundle(bundle) => {
                self.slip(BUNDLE_CHECKSUM);
                let parts = bundle.parts().iter();
                for (part, message) in parts.zip(bundle.messages(&Limits::default())) {
                    self.message(&message.unwrap(), part.len());
                }
            }
            Body::Ack(_) => {}
            Body::Srefresh(refresh) => refresh.lists.iter().for_each(|list| self.list(list)),
            Body::Hello(hello) => {
                let kind = match hello.hello.kind {
                    HelloKind::Request => 1,
                    HelloKind::Ack => 2,
                };
                self.object(22, kind, 8);
                self.say(
                    "hello.source_instance",
                    format!("{:#010x}", hello.hello.source_instance),
                );
                let destination = hello.hello.destination_instance;
                self.say("hello.destination_instance", format!("{destination:#010x}"));
            }
            Body::Challenge(challenge) => self.challenge(
                &challenge.challenge.cookie,
                challenge.challenge.key_id.octets(),
            ),
            Body::Response(response) => self.challenge(
                &response.challenge.cookie,
                response.challenge.key_id.octets(),
            ),
        }
    }

    fn challenge(&mut self, cookie: &[u8], key: [u8; 6]) {
        self.slip(NO_CHALLENGE);
        let body = [&[0, 0], &key[..], cookie].concat();
        self.object(64, 1, body.len());
        self.say("unknown.data", colons(&body));
    }

    fn integrity(&mut self, integrity: &Integrity) {
        self.object(4, 1, 16 + integrity.digest.len());
        // Shown as 0x80, and the flag as not set.
        let flags = if integrity.handshake { 0x80 } else { 0 };
        self.say("integrity.flags", format!("{flags:#04x}"));
        self.say("integrity.flags.handshake", 0);
        if integrity.handshake {
            self.slip(HANDSHAKE);
        }
        self.say(
            "integrity.key_identifier",
            colons(&integrity.key_id.octets()),
        );
        self.say("integrity.sequence_number", integrity.sequence);
        self.say("integrity.hash", colons(&integrity.digest));
    }

    fn ack(&mut self, ack: &MessageIdAck) {
        let c_type = match ack.kind {
            AckKind::Ack => 1,
            AckKind::Nack => 2,
        };
        self.object(24, c_type, 8);
        self.say("message_id_ack.flags", 0);
        self.say("message_id_ack.epoch", ack.epoch.number());
        self.say("message_id_ack.message_id", ack.id.0);
    }

    fn list(&mut self, list: &MessageIdList) {
        let IdEntries::Ids(ids) = &list.entries else {
            self.slip(ID_LISTS);
            let mut octets = list.epoch.number().to_be_bytes().to_vec();
            let c_type = others(&list.entries, &mut octets);
            self.object(25, c_type, octets.len());
            self.say("message_id_list.data", colons(&octets));
            return;
        };
        self.object(25, 1, 4 + 4 * ids.len());
        self.say("message_id_list.flags", 0);
        self.say("message_id_list.epoch", list.epoch.number());
        ids.iter()
            .for_each(|id| self.say("message_id_list.message_id", id.0));
    }

    fn session(&mut self, session: &Session) {
        let flags = format!("{:#04x}", u8::from(session.e_police));
        match session.destination {
            IpAddr::V4(address) => {
                self.object(1, 1, 8);
                self.say("session.ip", address);
                self.say("session.proto", session.protocol.0);
                self.say("session.flags", flags);
                self.say("session.port", session.port);
            }
            IpAddr::V6(address) => {
                self.object(1, 2, 20);
                self.say("session.destination_address", address);
                self.say("session.protocol", session.protocol.0);
                self.say("session.flags", flags);
                self.say("session.destination_port", session.port);
            }
        }
    }

    fn hop(&mut self, hop: &RsvpHop) {
        match hop.address {
            IpAddr::V4(address) => {
                self.object(3, 1, 8);
                self.say("hop.neighbor_address_ipv4", address);
            }
            IpAddr::V6(address) => {
                self.object(3, 2, 20);
                self.say("neighbor_address_ipv6", address);
            }
        }
        self.say("hop.logical_interface", hop.handle);
    }

    fn time(&mut self, time: TimeValues) {
        self.object(5, 1, 4);
        self.say("refresh_interval", time.refresh_millis);
    }

    fn confirm(&mut self, confirm: Option<&ResvConfirm>) {
        match confirm.map(|confirm| confirm.receiver) {
            Some(IpAddr::V4(address)) => {
                self.object(15, 1, 4);
                self.say("confirm.receiver_address_ipv4", address);
            }
            Some(IpAddr::V6(address)) => {
                self.object(15, 2, 16);
                self.say("confirm.receiver_address_ipv6", address);
            }
            None => {}
        }
    }

    fn error(&mut self, error: &ErrorSpec) {
        match error.node {
            IpAddr::V4(address) => {
                self.object(6, 1, 8);
                self.say("error.error_node_ipv4", address);
            }
            IpAddr::V6(address) => {
                self.object(6, 2, 20);
                self.say("error.error_node_ipv6", address);
            }
        }
        let flags = [
            (4, ErrorFlags::PATH_STATE_REMOVED, "path_state_removed"),
            (2, ErrorFlags::NOT_GUILTY, "not_guilty"),
            (1, ErrorFlags::IN_PLACE, "in_place"),
        ];
        let has = |flag| u8::from(error.flags.contains(flag));
        let octet: u8 = flags.iter().map(|(bit, flag, _)| bit * has(*flag)).sum();
        self.say("error_flags", format!("{octet:#04x}"));
        for (_, flag, name) in flags {
            self.say(&format!("error_flags.{name}"), has(flag));
        }
        self.say("error.error_code", error.code.0);
        // Class and C-Type that were not known stand there for themselves.
        match error.code {
            ErrorCode::UNKNOWN_CLASS | ErrorCode::UNKNOWN_C_TYPE => {
                self.say("class", format!("{:04x}", error.value));
            }
            _ => self.say("error_value", error.value),
        }
    }

    fn scope(&mut self, scope: Option<&Scope>) {
        let Some(scope) = scope else {
            return;
        };
        let is_v6 = scope.as_v6().is_some();
        let each = if is_v6 { 16 } else { 4 };
        self.object(7, 1 + u8::from(is_v6), each * scope.addresses().count());
        for address in scope.addresses() {
            let family = if is_v6 { 6 } else { 4 };
            self.say(&format!("scope.ipv{family}_address"), address);
        }
    }

    fn policy(&mut self, policy: &[PolicyData]) {
        for one in policy {
            let octets = one.0.body();
            self.object(14, one.0.c_type().0, octets.len());
            self.say("policy.data", colons(octets));
        }
    }

    fn unknown(&mut self, unknown: &[UnknownObject]) {
        for one in unknown {
            let (class, c_type) = (one.object_type().class.0, one.object_type().c_type.0);
            self.object(class, c_type, one.body().len());
            if !one.body().is_empty() {
                self.say("unknown.data", colons(one.body()));
            }
        }
    }

    fn sender(&mut self, sender: Option<&SenderDescriptor>) {
        let Some(sender) = sender else {
            return;
        };
        self.template(11, sender.template.0);
        self.tspec(sender.tspec.0.body());
        if let Some(adspec) = &sender.adspec {
            self.adspec(adspec.0.body());
        }
    }

    /// FILTER_SPEC or SENDER_TEMPLATE.
    fn template(&mut self, class: u8, sender: Sender) {
        match sender {
            Sender::V4(address, port) => {
                self.object(class, 1, 8);
                self.say("sender.ip", address);
                self.say("sender.port", port);
            }
            Sender::V6(address, port) => {
                self.object(class, 2, 20);
                self.say("template_filter.source_address_ipv6", address);
                self.say("template_filter.source_port", port);
            }
            Sender::V6FlowLabel(address, label) => {
                self.slip(FLOW_LABEL);
                self.object(class, 3, 20);
                let octets = [&address.octets()[..], &label.to_be_bytes()].concat();
                self.say("template_filter.data", colons(&octets));
            }
        }
    }

    fn style(&mut self, style: Style) {
        self.object(8, 1, 4);
        self.say("style.flags", "0x00");
        self.say("style.style", format!("{:#08x}", style.option_vector()));
    }

    fn flows(&mut self, flows: &Flows) {
        self.style(flows.style());
        match flows {
            Flows::Wf(flowspec) => self.flowspec(flowspec),
            Flows::Ff(list) => {
                let mut last = None;
                for FfDescriptor { flowspec, filter } in list {
                    self.descriptor(&mut last, Some(flowspec), filter);
                }
            }
            Flows::Se { flowspec, filters } => {
                self.flowspec(flowspec);
                filters
                    .iter()
                    .for_each(|filter| self.template(10, filter.0));
            }
            Flows::Unknown { items, .. } => self.items(items),
        }
    }

    fn loose(&mut self, flows: &LooseFlows) {
        self.style(flows.style());
        match flows {
            Flows::Wf(flowspec) => flowspec.iter().for_each(|flowspec| self.flowspec(flowspec)),
            Flows::Ff(list) => {
                let mut last = None;
                for FfDescriptor { flowspec, filter } in list {
                    self.descriptor(&mut last, flowspec.as_ref(), filter);
                }
            }
            Flows::Se { flowspec, filters } => {
                flowspec.iter().for_each(|flowspec| self.flowspec(flowspec));
                filters
                    .iter()
                    .for_each(|filter| self.template(10, filter.0));
            }
            Flows::Unknown { items, .. } => self.items(items),
        }
    }

    /// RFC 2205 §3.1.4: a flowspec that is the one before is left out.
    fn descriptor<'a>(
        &mut self,
        last: &mut Option<&'a FlowspecObject>,
        flowspec: Option<&'a FlowspecObject>,
        filter: &FilterSpec,
    ) {
        if let Some(flowspec) = flowspec.filter(|flowspec| *last != Some(flowspec)) {
            self.flowspec(flowspec);
            *last = Some(flowspec);
        }
        self.template(10, filter.0);
    }

    fn items(&mut self, items: &[FlowItem]) {
        for item in items {
            match item {
                FlowItem::Flowspec(flowspec) => self.flowspec(flowspec),
                FlowItem::Filter(filter) => self.template(10, filter.0),
            }
        }
    }

    /// Version, length in words, and the head of a service: `rsvp.md` §5.
    fn services(&mut self, object: &str, words: &[u32]) {
        self.say(&format!("{object}.message_format_version"), 0);
        self.say("data_length", words[0] & 0xffff);
        self.say(&format!("{object}.service_header"), words[1] >> 24);
    }

    fn parameter(&mut self, word: u32) {
        self.say("parameter", word >> 24);
        self.say("parameter_flags", format!("{:#04x}", word >> 16 & 0xff));
        self.say("parameter_length", word & 0xffff);
    }

    fn bucket(&mut self, object: &str, words: &[u32]) {
        self.parameter(words[0]);
        for (name, word) in ["token_bucket_rate", "token_bucket_size", "peak_data_rate"]
            .into_iter()
            .zip(&words[1..])
        {
            self.say(&format!("{object}.{name}"), format!("{word:08x}"));
        }
        self.say("minimum_policed_unit", words[4]);
        self.say("maximum_packet_size", words[5]);
    }

    fn tspec(&mut self, body: &[u8]) {
        let words = words(body);
        self.object(12, CType(2).0, body.len());
        self.services("tspec", &words);
        self.say("data_length", words[1] & 0xffff);
        self.bucket("tspec", &words[2..]);
    }

    fn flowspec(&mut self, flowspec: &FlowspecObject) {
        let body = flowspec.0.body();
        let words = words(body);
        self.object(9, 2, body.len());
        self.services("flowspec", &words);
        self.say("data_length", words[1] & 0xffff);
        self.bucket("flowspec", &words[2..]);
        // Guaranteed service: parameter 130, R and S.
        if let Some(rspec) = words.get(8..)
            && !rspec.is_empty()
        {
            self.parameter(rspec[0]);
            self.say("flowspec.rate", format!("{:08x}", rspec[1]));
            self.say("flowspec.slack_term", rspec[2]);
        }
    }

    fn adspec(&mut self, body: &[u8]) {
        let words = words(body);
        self.object(13, 2, body.len());
        self.say("adspec.message_format_version", 0);
        self.say("data_length", words[0] & 0xffff);
        let mut rest = &words[1..];
        while let Some((head, behind)) = rest.split_first() {
            self.say("adspec.service_header", head >> 24);
            self.say("adspec.break_bit", head >> 23 & 1);
            self.say("data_length", head & 0xffff);
            let (mut parameters, behind) = behind.split_at((head & 0xffff) as usize);
            while let [head, value, others @ ..] = parameters {
                let number = head >> 24;
                self.say("adspec.type", number);
                self.say("adspec.len", 1);
                // Bandwidth is the one that is no integer.
                if number == 6 {
                    self.say("adspec.float", format!("{value:08x}"));
                } else {
                    self.say("adspec.uint", value);
                }
                parameters = others;
            }
            rest = behind;
        }
    }
}

/// The entries of lists that it does not know, and their C-Type.
fn others(entries: &IdEntries, out: &mut Vec<u8>) -> u8 {
    let mut put = |id: u32, addresses: &[&[u8]]| {
        out.extend(id.to_be_bytes());
        addresses.iter().for_each(|octets| out.extend(*octets));
    };
    match entries {
        IdEntries::Ids(_) => unreachable!("these are known"),
        IdEntries::SrcV4(list) => {
            list.iter()
                .for_each(|one| put(one.id.0, &[&one.source.octets()]));
            2
        }
        IdEntries::SrcV6(list) => {
            list.iter()
                .for_each(|one| put(one.id.0, &[&one.source.octets()]));
            3
        }
        IdEntries::McastV4(list) => {
            for one in list {
                put(one.id.0, &[&one.source.octets(), &one.group.octets()]);
            }
            4
        }
        IdEntries::McastV6(list) => {
            for one in list {
                put(one.id.0, &[&one.source.octets(), &one.group.octets()]);
            }
            5
        }
    }
}

fn words(octets: &[u8]) -> Vec<u32> {
    let (words, rest) = octets.as_chunks::<4>();
    assert!(rest.is_empty());
    words.iter().map(|word| u32::from_be_bytes(*word)).collect()
}

/// Octets as Wireshark shows them: `01:02:03`.
fn colons(octets: &[u8]) -> String {
    let each: Vec<String> = octets.iter().map(|octet| format!("{octet:02x}")).collect();
    each.join(":")
}
