//! Where the back ends differ, and why: the one table that tests and documentation go by.

/// Declares the differences: `Name: "what", "on the system", "on native", "why";`.
macro_rules! differences {
    ($($name:ident: $what:literal, $system:literal, $native:literal, $why:literal;)+) => {
        /// A difference between the machine's stack and ours.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Difference {
            $($name,)+
        }

        /// What it is about, what either does, and the reason.
        pub(crate) const DIFFERENCES: &[[&str; 4]] = &[$([$what, $system, $native, $why]),+];
    };
}

differences! {
    Ipv6: "IPv6",
        "both families",
        "`AfNoSupport`",
        "the engine speaks IPv4 only as yet; types and seams are there";
    SendElsewhere: "sending from a connected datagram socket to somebody else (SND-8)",
        "sends",
        "`IsConn`",
        "the native stack does as BSD; Linux allows it";
    SameConnection: "a connection with the four numbers of another (PRT-2)",
        "`AddrNotAvail`",
        "`AddrInUse`",
        "the native stack says what the reference says; Linux has its own word for it";
    UrgentAnnounced: "urgent data for which there is no room yet (OOB-5)",
        "is told of when it has arrived",
        "is told of when the peer announces it",
        "Linux polls for the octet, not for its announcement";
    LoopbackBroadcast: "127.255.255.255 (TYP-4)",
        "a broadcast address",
        "an address of the host, like the rest of 127.0.0.0/8",
        "the loopback interface reaches nobody but the host itself";
    Management: "changing interfaces, routes, neighbours, queues; ways; counters, parameters, messages (section 8, 10, 11)",
        "`OpNotSupp`",
        "everything",
        "the RSVP daemon, which is the first program that needs netlink, speaks it itself";
    DatagramEnd: "shutting down the receiving of datagrams (SHD-1)",
        "`OpNotSupp`",
        "gives empty datagrams",
        "Linux goes on saying that there is something to receive, and gives nothing";
    LocalFiles: "paths of local sockets (LIP-2)",
        "files, in directories that must exist",
        "keys of a name space, gone with their socket",
        "the reference wants no file-system entry (section 15)";
    Users: "credentials of local peers",
        "those of the process",
        "user and group 0, no process",
        "programs of a native host are its superuser's, and are no processes of their own";
    Directories: "files",
        "on disk, in directories that must exist, guarded by modes",
        "in memory, in directories that come to be when used; modes are remembered only",
        "a simulated host begins with nothing, and its programs are its superuser's";
}

#[test]
fn every_difference_has_a_reason() {
    for [what, system, native, why] in DIFFERENCES {
        assert_ne!(system, native, "{what}");
        assert!(!why.is_empty(), "{what}");
    }
}
