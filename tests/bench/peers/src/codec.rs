use crate::time;
use std::hint::black_box;

mod fast {
    include!(concat!(env!("OUT_DIR"), "/fast.rs"));
}
mod generated {
    include!(concat!(env!("OUT_DIR"), "/xdrgen.rs"));
}

fn same(who: &str, got: &[u8], want: &[u8]) {
    assert!(got == want, "{who}: encoded bytes differ from libtirpc's");
}

/// rust-xdr (xdr-codec + xdrgen 0.4): decode, encode.
macro_rules! xdr_codec_case {
    ($name:literal, $ty:ty, $wire:expr) => {{
        let wire: &[u8] = $wire;
        let v: $ty = xdr_codec::unpack(&mut &wire[..]).unwrap();
        let mut out = Vec::with_capacity(wire.len() + 64);
        xdr_codec::pack(&v, &mut out).unwrap();
        same(concat!("xdr-codec ", $name), &out, wire);
        time(concat!("rust.xdr-codec.", $name, ".encode"), wire.len(), || {
            out.clear();
            xdr_codec::pack(black_box(&v), &mut out).unwrap();
        });
        time(concat!("rust.xdr-codec.", $name, ".decode"), wire.len(), || {
            let v: $ty = xdr_codec::unpack(&mut black_box(&wire[..])).unwrap();
            black_box(&v);
        });
    }};
}

/// nfs3_types and onc-xdr: Pack/Unpack derive, same shape of trait.
macro_rules! pack_case {
    ($who:literal, $name:literal, $ty:ty, $tr:path, $tu:path, $wire:expr) => {{
        use $tr as P;
        use $tu as U;
        let wire: &[u8] = $wire;
        let (v, _) = <$ty as U>::unpack(&mut &wire[..]).unwrap();
        let mut out = Vec::with_capacity(wire.len() + 64);
        P::pack(&v, &mut out).unwrap();
        same(concat!($who, " ", $name), &out, wire);
        time(concat!("rust.", $who, ".", $name, ".encode"), wire.len(), || {
            out.clear();
            P::pack(black_box(&v), &mut out).unwrap();
        });
        time(concat!("rust.", $who, ".", $name, ".decode"), wire.len(), || {
            let (v, _) = <$ty as U>::unpack(&mut black_box(&wire[..])).unwrap();
            black_box(&v);
        });
    }};
}

/// fastxdr has no encoder: decode only, borrowing from a Bytes.
macro_rules! fast_case {
    ($name:literal, $ty:ty, $wire:expr) => {{
        use std::convert::TryFrom;
        let b = bytes05::Bytes::copy_from_slice($wire);
        // Its generated code loses the padding of strings inside arrays, so
        // some valid inputs do not decode.
        match <$ty>::try_from(b.clone()) {
            Err(e) => eprintln!("fastxdr {}: cannot decode valid data: {e:?}", $name),
            Ok(_) => time(concat!("rust.fastxdr.", $name, ".decode"), b.len(), || {
                let v = <$ty>::try_from(black_box(b.clone())).unwrap();
                black_box(&v);
            }),
        }
    }};
}

mod oncx {
    use onc_xdr::{Opaque, Pack, Unpack, XdrCodec};

    #[derive(XdrCodec, Clone, Copy)]
    #[repr(u32)]
    pub enum Kind {
        Plain = 1,
        Dir = 2,
        Link = 5,
    }

    #[derive(XdrCodec)]
    pub struct Rec {
        pub id: u32,
        pub delta: i32,
        pub size: u64,
        pub stamp: i64,
        pub kind: Kind,
        pub live: bool,
        pub score: f64,
        pub ratio: f32,
        pub name: Opaque<'static>,
        pub note: Opaque<'static>,
        pub fh: Opaque<'static>,
        pub verf: [u8; 8],
        pub tag: Vec<u32>,
    }

    /// The crate has no array of structs; its users write this by hand.
    pub struct Recs(pub Vec<Rec>);
    impl Pack for Recs {
        fn packed_size(&self) -> usize {
            4 + self.0.iter().map(Pack::packed_size).sum::<usize>()
        }
        fn pack(&self, out: &mut impl std::io::Write) -> onc_xdr::Result<usize> {
            let mut n = (self.0.len() as u32).pack(out)?;
            for r in &self.0 {
                n += r.pack(out)?;
            }
            Ok(n)
        }
    }
    impl Unpack for Recs {
        fn unpack(input: &mut impl std::io::Read) -> onc_xdr::Result<(Self, usize)> {
            let (n, mut used) = u32::unpack(input)?;
            let mut v = onc_xdr::vec_with_capacity(n as usize);
            for _ in 0..n {
                let (r, k) = Rec::unpack(input)?;
                used += k;
                v.push(r);
            }
            Ok((Recs(v), used))
        }
    }

    #[derive(XdrCodec, Clone, Copy)]
    pub struct Pair {
        pub a: u32,
        pub b: u32,
    }

    #[derive(XdrCodec, Clone, Copy)]
    pub struct Attr {
        pub ftype: u32,
        pub mode: u32,
        pub nlink: u32,
        pub uid: u32,
        pub gid: u32,
        pub size: u64,
        pub used: u64,
        pub rdev: Pair,
        pub fsid: u64,
        pub fileid: u64,
        pub atime: Pair,
        pub mtime: Pair,
        pub ctime: Pair,
    }

    #[derive(XdrCodec)]
    pub enum Maybe<T: Pack + Unpack> {
        #[xdr(1)]
        Some(T),
        #[xdr(0)]
        None,
    }

    #[derive(XdrCodec)]
    pub struct Entry {
        pub fileid: u64,
        pub name: Opaque<'static>,
        pub cookie: u64,
        pub attr: Maybe<Attr>,
        pub fh: Maybe<Opaque<'static>>,
    }

    #[derive(XdrCodec)]
    pub struct Rdp {
        pub dir: Maybe<Attr>,
        pub verf: [u8; 8],
        pub entries: onc_xdr::List<Entry>,
        pub eof: bool,
    }
}

/// The RPC call header with AUTH_SYS and a short body, with onc-rpc.
fn header() {
    use onc_rpc::{auth::{AuthFlavor, AuthUnixParams}, CallBody, MessageType, RpcMessage};
    let payload = [7u8; 64];
    let auth = AuthUnixParams::new(1, b"client.example".as_slice(), 1000, 1000, [4u32, 24, 27, 30]);
    let msg = RpcMessage::new(
        42,
        MessageType::Call(CallBody::new(
            100003, 3, 1,
            AuthFlavor::AuthUnix(auth),
            AuthFlavor::AuthNone(None),
            payload.as_slice(),
        )),
    );
    let wire = msg.serialise().unwrap();
    let mut out = Vec::with_capacity(wire.len());
    time("rust.onc-rpc.callhdr.encode", wire.len(), || {
        out.clear();
        black_box(&msg).serialise_into(&mut out).unwrap();
    });
    time("rust.onc-rpc.callhdr.decode", wire.len(), || {
        black_box(RpcMessage::try_from(black_box(wire.as_slice())).unwrap());
    });
}

pub fn run(dir: &str) {
    let get = |n: &str| std::fs::read(format!("{dir}/{n}.bin")).unwrap();
    let (rec, recs, rdp, blob) = (get("rec"), get("recs1000"), get("rdplus500"), get("blob1m"));

    crate::limit::run(&rec, &recs, &rdp);
    xdr_codec_case!("rec", generated::rec, &rec);
    xdr_codec_case!("recs1000", generated::recs, &recs);
    xdr_codec_case!("rdplus500", generated::rdp_res, &rdp);
    xdr_codec_case!("blob1m", generated::blob, &blob);

    fast_case!("rec", fast::xdr::rec<bytes05::Bytes>, &rec);
    fast_case!("recs1000", fast::xdr::recs<bytes05::Bytes>, &recs);
    fast_case!("rdplus500", fast::xdr::rdp_res<bytes05::Bytes>, &rdp);
    fast_case!("blob1m", fast::xdr::blob<bytes05::Bytes>, &blob);

    pack_case!("onc-xdr", "rec", oncx::Rec, onc_xdr::Pack, onc_xdr::Unpack, &rec);
    pack_case!("onc-xdr", "recs1000", oncx::Recs, onc_xdr::Pack, onc_xdr::Unpack, &recs);
    pack_case!("onc-xdr", "rdplus500", oncx::Rdp, onc_xdr::Pack, onc_xdr::Unpack, &rdp);
    pack_case!("onc-xdr", "blob1m", onc_xdr::Opaque<'static>, onc_xdr::Pack, onc_xdr::Unpack, &blob);

    {
        use nfs3_types::xdr_codec::{Opaque, Pack, Unpack};
        pack_case!("nfs3_types", "rdplus500", nfs3_types::nfs3::READDIRPLUS3resok<'static>, Pack, Unpack, &rdp);
        pack_case!("nfs3_types", "blob1m", Opaque<'static>, Pack, Unpack, &blob);
    }


    header();
}
