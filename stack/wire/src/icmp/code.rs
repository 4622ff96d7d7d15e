//! Types and codes: RFC 792, RFC 950, RFC 1122 §3.2.2, RFC 1256, RFC 1812 §5.2.7.

use crate::numbers;

numbers! {
    /// The type octet (IANA "ICMP Type Numbers"); unknown ones survive and print as numbers.
    Type(u8), "{}" {
        /// Echo reply, RFC 792.
        ECHO_REPLY = 0, "echo-reply";
        /// Destination unreachable, RFC 792.
        DESTINATION_UNREACHABLE = 3, "unreachable";
        /// Source quench, RFC 792.
        SOURCE_QUENCH = 4, "source-quench";
        /// Redirect, RFC 792.
        REDIRECT = 5, "redirect";
        /// Echo, RFC 792.
        ECHO_REQUEST = 8, "echo-request";
        /// Router advertisement, RFC 1256.
        ROUTER_ADVERTISEMENT = 9, "router-advertisement";
        /// Router solicitation, RFC 1256.
        ROUTER_SOLICITATION = 10, "router-solicitation";
        /// Time exceeded, RFC 792.
        TIME_EXCEEDED = 11, "time-exceeded";
        /// Parameter problem, RFC 792.
        PARAMETER_PROBLEM = 12, "parameter-problem";
        /// Timestamp, RFC 792.
        TIMESTAMP_REQUEST = 13, "timestamp-request";
        /// Timestamp reply, RFC 792.
        TIMESTAMP_REPLY = 14, "timestamp-reply";
        /// Information request, RFC 792.
        INFORMATION_REQUEST = 15, "information-request";
        /// Information reply, RFC 792.
        INFORMATION_REPLY = 16, "information-reply";
        /// Address mask request, RFC 950.
        ADDRESS_MASK_REQUEST = 17, "mask-request";
        /// Address mask reply, RFC 950.
        ADDRESS_MASK_REPLY = 18, "mask-reply";
    }
}

numbers! {
    /// Why a destination cannot be reached (RFC 792, RFC 1122 §3.2.2.1, RFC 1812 §5.2.7.1).
    UnreachableCode(u8), "{}" {
        /// No route to the network.
        NET = 0, "net";
        /// The host does not answer.
        HOST = 1, "host";
        /// The host does not know the protocol.
        PROTOCOL = 2, "protocol";
        /// Nobody listens at the port.
        PORT = 3, "port";
        /// Too large for the next hop, and "don't fragment" is set.
        FRAGMENTATION_NEEDED = 4, "need-frag";
        /// A source route leads nowhere.
        SOURCE_ROUTE_FAILED = 5, "source-route-failed";
        /// The network is not known.
        NET_UNKNOWN = 6, "net-unknown";
        /// The host is not known.
        HOST_UNKNOWN = 7, "host-unknown";
        /// The source host is isolated.
        SOURCE_ISOLATED = 8, "source-isolated";
        /// The network is forbidden.
        NET_PROHIBITED = 9, "net-prohibited";
        /// The host is forbidden.
        HOST_PROHIBITED = 10, "host-prohibited";
        /// No route to the network for this type of service.
        NET_TOS = 11, "net-tos";
        /// No route to the host for this type of service.
        HOST_TOS = 12, "host-tos";
        /// A filter forbids it.
        ADMIN_PROHIBITED = 13, "admin-prohibited";
        /// The host has too low a precedence.
        HOST_PRECEDENCE = 14, "host-precedence";
        /// A cutoff of precedence is in effect.
        PRECEDENCE_CUTOFF = 15, "precedence-cutoff";
    }
}

numbers! {
    /// Which packets should take another router (RFC 792).
    RedirectCode(u8), "{}" {
        /// Those to the network.
        NET = 0, "net";
        /// Those to the host.
        HOST = 1, "host";
        /// Those to the network with this type of service.
        NET_TOS = 2, "net-tos";
        /// Those to the host with this type of service.
        HOST_TOS = 3, "host-tos";
    }
}

numbers! {
    /// Where time ran out (RFC 792).
    TimeExceededCode(u8), "{}" {
        /// The time to live, in transit.
        TTL = 0, "ttl";
        /// The time for reassembly, at the destination.
        REASSEMBLY = 1, "reassembly";
    }
}

numbers! {
    /// What is wrong with a packet (RFC 792, RFC 1122 §3.2.2.5).
    ParameterCode(u8), "{}" {
        /// The octet that the pointer tells.
        POINTER = 0, "pointer";
        /// An option is missing.
        MISSING_OPTION = 1, "missing-option";
        /// A length is wrong.
        LENGTH = 2, "length";
    }
}
