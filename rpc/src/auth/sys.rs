//! AUTH_SYS, RFC 5531 appendix A.

use std::time::UNIX_EPOCH;

use bytes::Bytes;
use fairway_stack::Net;
use fairway_xdr::{Decode, DecodeError, Decoder, Encode, EncodeError, Encoder, opaque_len};

use super::{AuthFault, CallHead, ClientAuth, Ticket};
use crate::error::AuthStat;
use crate::msg::{AuthFlavor, OpaqueAuth};

/// The most octets in a machine name, RFC 5531 appendix A: `string machinename<255>`.
pub const MAX_MACHINE_NAME: u32 = 255;

/// The most further groups, RFC 5531 appendix A: `unsigned int gids<16>`.
pub const MAX_GROUPS: u32 = 16;

/// `authsys_parms`, RFC 5531 appendix A: who the caller says they are.
///
/// As a [`ClientAuth`] it sends itself as the credential. Nothing proves it: whoever can send to a
/// server can claim any user. The numbers come from the caller's own machine and mean something
/// only to a server that shares them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuthSys {
    /// A number of the caller's choice; when the credential was made, usually.
    pub stamp: u32,
    /// The caller's machine, at most [`MAX_MACHINE_NAME`] octets.
    pub machine_name: String,
    /// The effective user.
    pub uid: u32,
    /// The effective group.
    pub gid: u32,
    /// Further groups, at most [`MAX_GROUPS`].
    pub gids: Vec<u32>,
}

impl AuthSys {
    /// The credential of this process: the machine's name, the effective user and group, and the
    /// first 16 further groups (`authunix_create_default`).
    ///
    /// The host's name is cut after 255 octets, as the wire has no room for more.
    #[must_use]
    pub fn current(net: &Net) -> Self {
        let mut machine_name = net.host_name();
        let mut end = machine_name.len().min(255);
        while !machine_name.is_char_boundary(end) {
            end -= 1;
        }
        machine_name.truncate(end);
        let since = net.clock().wall().duration_since(UNIX_EPOCH);
        let seconds = since.map_or(0, |span| span.as_secs() & u64::from(u32::MAX));
        let groups = nix::unistd::getgroups().unwrap_or_default();
        Self {
            stamp: u32::try_from(seconds).unwrap_or(0),
            machine_name,
            uid: nix::unistd::geteuid().as_raw(),
            gid: nix::unistd::getegid().as_raw(),
            gids: groups.iter().take(16).map(|gid| gid.as_raw()).collect(),
        }
    }

    /// The credential with this body.
    ///
    /// # Errors
    /// The name or the groups are longer than the wire allows.
    pub fn to_credential(&self) -> Result<OpaqueAuth, EncodeError> {
        let mut e = Encoder::with_capacity(self.encoded_len());
        self.encode(&mut e)?;
        // 20 + 256 + 64 octets at most: always fits.
        Ok(OpaqueAuth::new(AuthFlavor::SYS, e.into_bytes()).unwrap_or_default())
    }

    /// Reads a credential's body, which must hold this and nothing else.
    ///
    /// # Errors
    /// It is cut short, over a bound or has octets left over: a server answers AUTH_BADCRED.
    pub fn from_body(body: &Bytes) -> Result<Self, DecodeError> {
        let mut d = Decoder::new(body);
        let parms = Self::decode(&mut d)?;
        d.finish()?;
        Ok(parms)
    }
}

impl Encode for AuthSys {
    fn encoded_len(&self) -> usize {
        opaque_len(self.machine_name.len())
            .saturating_add(16)
            .saturating_add(self.gids.len().saturating_mul(4))
    }

    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.u32(self.stamp);
        e.string(&self.machine_name, MAX_MACHINE_NAME)?;
        e.u32(self.uid);
        e.u32(self.gid);
        e.array(&self.gids, MAX_GROUPS)
    }
}

impl<'de> Decode<'de> for AuthSys {
    const MIN_LEN: usize = 20;

    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError> {
        Ok(Self {
            stamp: d.u32()?,
            // Host names in other encodings exist and are of no weight: show what can be shown.
            machine_name: String::from_utf8_lossy(d.bytes_ref(MAX_MACHINE_NAME)?).into_owned(),
            uid: d.u32()?,
            gid: d.u32()?,
            gids: d.array(MAX_GROUPS)?,
        })
    }
}

impl ClientAuth for AuthSys {
    fn credential(&self, _: &CallHead) -> Result<(OpaqueAuth, Ticket), AuthFault> {
        match self.to_credential() {
            Ok(credential) => Ok((credential, Ticket(0))),
            Err(_) => Err(AuthFault(AuthStat::BADCRED)),
        }
    }

    fn check_verifier(&self, _: Ticket, verifier: &OpaqueAuth) -> Result<(), AuthFault> {
        // RFC 5531 appendix A: the reply's verifier is AUTH_NONE or AUTH_SHORT. The shorthand is not
        // used here: AuthShort does.
        match verifier.flavor() {
            AuthFlavor::NONE | AuthFlavor::SYS | AuthFlavor::SHORT => Ok(()),
            _ => Err(AuthFault(AuthStat::INVALIDRESP)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairway_xdr::to_vec;

    /// RFC 5531 appendix A.
    mod appendix_a {
        use super::*;

        fn parms() -> AuthSys {
            AuthSys {
                stamp: 7,
                machine_name: "host1".into(),
                uid: 1000,
                gid: 100,
                gids: vec![4, 27],
            }
        }

        #[test]
        fn has_these_octets() {
            let golden = [
                0, 0, 0, 7, 0, 0, 0, 5, b'h', b'o', b's', b't', b'1', 0, 0, 0, 0, 0, 3, 0xe8, 0, 0,
                0, 100, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 27,
            ];
            assert_eq!(to_vec(&parms()).unwrap(), golden);
            assert_eq!(parms().encoded_len(), golden.len());
            let body = Bytes::copy_from_slice(&golden);
            assert_eq!(AuthSys::from_body(&body).unwrap(), parms());
            for end in 0..golden.len() {
                assert!(AuthSys::from_body(&body.slice(..end)).is_err());
            }
            let more = Bytes::from([&golden[..], &[0; 4]].concat());
            assert!(AuthSys::from_body(&more).is_err());
        }

        #[test]
        fn bounds_hold_both_ways() {
            let mut most = AuthSys {
                machine_name: "m".repeat(255),
                gids: (0..16).collect(),
                ..AuthSys::default()
            };
            let credential = most.to_credential().unwrap();
            assert_eq!(AuthSys::from_body(credential.body()).unwrap(), most);
            most.gids.push(16);
            assert!(most.to_credential().is_err());
            most.gids.clear();
            most.machine_name.push('m');
            assert!(most.to_credential().is_err());
            let mut many = to_vec(&parms()).unwrap();
            many.truncate(24);
            many.extend(17u32.to_be_bytes());
            many.extend([0; 68]);
            assert!(AuthSys::from_body(&many.into()).is_err());
        }

        #[test]
        fn names_that_are_not_utf_8_are_shown_as_far_as_they_go() {
            let mut octets = to_vec(&parms()).unwrap();
            octets[8] = 0xff;
            let shown = AuthSys::from_body(&octets.into()).unwrap();
            assert_eq!(shown.machine_name, "\u{fffd}ost1");
        }
    }

    #[tokio::test]
    async fn current_is_this_process() {
        let net = Net::system();
        let current = AuthSys::current(&net);
        assert_eq!(current.uid, nix::unistd::geteuid().as_raw());
        assert_eq!(current.gid, nix::unistd::getegid().as_raw());
        assert!(current.gids.len() <= 16);
        assert!(current.to_credential().is_ok());
    }
}
