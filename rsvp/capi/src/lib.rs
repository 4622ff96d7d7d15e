//! The C library `librsvp`: RAPI, the application programming interface of RSVP, in the form of The Open Group's C809
//! (`rapi.h`) and in that of OS/2 (`rsvprapi.h`).
//!
//! ```text
//!   rapi.h ──────► rapi_session …     ┐                     ┌ c809: variable-length objects ┐
//!                                     ├ ffi: pointers in ───┤                               ├─ library ─► daemon
//!   rsvprapi.h ──► os2_rapi_session … ┘      and out        └ os2: packed arrays            ┘
//! ```
//!
//! One library serves both: `rsvprapi.h` gives the calls other names. All that is unsafe is in `ffi`: it turns pointers
//! into slices and back, calls upcalls, and lets no panic out. The rest reads and writes octets of structures.
//!
//! # Installing it
//!
//! ```sh
//! cargo build --release -p fairway-rapi
//! install -m 755 target/release/librsvp.so /usr/local/lib/librsvp.so.1
//! ln -sf librsvp.so.1 /usr/local/lib/librsvp.so
//! install -m 644 rsvp/capi/include/rapi.h rsvp/capi/include/rsvprapi.h /usr/local/include/
//! install -d /usr/local/lib/pkgconfig
//! sed 's,@PREFIX@,/usr/local,; s,@VERSION@,0.1.0,' rsvp/capi/rsvp.pc.in > /usr/local/lib/pkgconfig/rsvp.pc
//! ldconfig
//! ```
//!
//! # Where it goes its own way
//!
//! * All pending events are delivered by one `rapi_dispatch`; the reference library handles one message.
//! * `rapi_getfd` gives a descriptor that stays the same when the daemon is started anew, and sessions come back.
//! * The number of sessions is the daemon's to bound (1000 of one program), not a table of 100.
//! * What the wire cannot say is refused at once: a rate of 0, m above M. As reading is liberal, m = 0 is 1.
//! * Not supported: generalized port identifiers (RFC 2207), policy data, style extensions.

mod c809;
mod code;
#[expect(unsafe_code, reason = "the calls of C, and the memory they point at")]
mod ffi;
mod fields;
mod intserv;
mod library;
mod os2;
mod sockaddr;
mod text;
mod upcall;
