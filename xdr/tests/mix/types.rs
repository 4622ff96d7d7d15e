// As rpcgen writes it from mix.x, with --borrowed.

/// `const REC_NAME_MAX = 255;`
pub const REC_NAME_MAX: u32 = 255;

/// `const REC_FH_MAX = 64;`
pub const REC_FH_MAX: u32 = 64;

/// `enum rec_kind { REC_PLAIN = 1, REC_DIR = 2, REC_LINK = 5 };`
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecKind(pub i32);

impl RecKind {
    /// `REC_PLAIN = 1`
    pub const REC_PLAIN: Self = Self(1);
    /// `REC_DIR = 2`
    pub const REC_DIR: Self = Self(2);
    /// `REC_LINK = 5`
    pub const REC_LINK: Self = Self(5);
}

impl ::core::fmt::Debug for RecKind {
    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
        match *self {
            Self::REC_PLAIN => f.write_str("REC_PLAIN"),
            Self::REC_DIR => f.write_str("REC_DIR"),
            Self::REC_LINK => f.write_str("REC_LINK"),
            Self(other) => ::core::fmt::Display::fmt(&other, f),
        }
    }
}

impl ::fairway_xdr::XdrEnum for RecKind {
    const NAME: &'static str = "rec_kind";

    #[inline]
    fn from_i32(number: i32) -> Option<Self> {
        matches!(number, 1 | 2 | 5).then_some(Self(number))
    }

    #[inline]
    fn from_i32_lax(number: i32) -> Self {
        Self(number)
    }

    #[inline]
    fn to_i32(self) -> i32 {
        self.0
    }
}

/// `typedef unsigned int u32_t;`
pub type U32T = u32;

/// `typedef u32_t tags<16>;`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Tags(pub Vec<U32T>);

impl ::fairway_xdr::Encode for Tags {
    #[inline]
    fn encoded_len(&self) -> usize {
        ::fairway_xdr::array_len(&self.0)
    }

    #[inline]
    fn encode(&self, e: &mut ::fairway_xdr::Encoder) -> Result<(), ::fairway_xdr::EncodeError> {
        e.array(&self.0, 16)
    }
}

impl<'de> ::fairway_xdr::Decode<'de> for Tags {
    const MIN_LEN: usize = 4;

    #[inline]
    fn decode(d: &mut ::fairway_xdr::Decoder<'de>) -> Result<Self, ::fairway_xdr::DecodeError> {
        Ok(Self(d.array(16)?))
    }
}

/// `typedef opaque verf8[8];`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Verf8(pub [u8; 8]);

impl Verf8 {
    #[inline]
    fn read(run: &::fairway_xdr::Run<'_, 8>) -> Self {
        Self(run.octets::<0, 8>())
    }

    #[inline]
    fn write(&self) -> ::fairway_xdr::RunMut<8> {
        let mut run = ::fairway_xdr::RunMut::<8>::new();
        run.octets::<0, 8>(&self.0);
        run
    }
}

impl ::fairway_xdr::Encode for Verf8 {
    #[inline]
    fn fixed_len() -> Option<usize> {
        Some(8)
    }

    #[inline]
    fn encoded_len(&self) -> usize {
        8
    }

    #[inline]
    fn encode(&self, e: &mut ::fairway_xdr::Encoder) -> Result<(), ::fairway_xdr::EncodeError> {
        e.put_run(self.write());
        Ok(())
    }
}

impl<'de> ::fairway_xdr::Decode<'de> for Verf8 {
    const MIN_LEN: usize = 8;

    #[inline]
    fn decode(d: &mut ::fairway_xdr::Decoder<'de>) -> Result<Self, ::fairway_xdr::DecodeError> {
        Ok(Self::read(&d.run::<8>()?))
    }
}

/// `typedef opaque handle<REC_FH_MAX>;`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Handle(pub ::fairway_xdr::Bytes);

impl ::fairway_xdr::Encode for Handle {
    #[inline]
    fn encoded_len(&self) -> usize {
        ::fairway_xdr::opaque_len(self.0.len())
    }

    #[inline]
    fn encode(&self, e: &mut ::fairway_xdr::Encoder) -> Result<(), ::fairway_xdr::EncodeError> {
        e.shared(&self.0, REC_FH_MAX)
    }
}

impl<'de> ::fairway_xdr::Decode<'de> for Handle {
    const MIN_LEN: usize = 4;

    #[inline]
    fn decode(d: &mut ::fairway_xdr::Decoder<'de>) -> Result<Self, ::fairway_xdr::DecodeError> {
        Ok(Self(d.opaque(REC_FH_MAX)?))
    }
}

/// `typedef opaque handle<REC_FH_MAX>;`, borrowed
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HandleRef<'a>(pub &'a [u8]);

impl ::fairway_xdr::Encode for HandleRef<'_> {
    #[inline]
    fn encoded_len(&self) -> usize {
        ::fairway_xdr::opaque_len(self.0.len())
    }

    #[inline]
    fn encode(&self, e: &mut ::fairway_xdr::Encoder) -> Result<(), ::fairway_xdr::EncodeError> {
        e.opaque(self.0, REC_FH_MAX)
    }
}

impl<'a> ::fairway_xdr::Decode<'a> for HandleRef<'a> {
    const MIN_LEN: usize = 4;

    #[inline]
    fn decode(d: &mut ::fairway_xdr::Decoder<'a>) -> Result<Self, ::fairway_xdr::DecodeError> {
        Ok(Self(d.bytes_ref(REC_FH_MAX)?))
    }
}

/// `typedef opaque blob<>;`
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Blob(pub ::fairway_xdr::Bytes);

impl ::fairway_xdr::Encode for Blob {
    #[inline]
    fn encoded_len(&self) -> usize {
        ::fairway_xdr::opaque_len(self.0.len())
    }

    #[inline]
    fn encode(&self, e: &mut ::fairway_xdr::Encoder) -> Result<(), ::fairway_xdr::EncodeError> {
        e.shared(&self.0, u32::MAX)
    }
}

impl<'de> ::fairway_xdr::Decode<'de> for Blob {
    const MIN_LEN: usize = 4;

    #[inline]
    fn decode(d: &mut ::fairway_xdr::Decoder<'de>) -> Result<Self, ::fairway_xdr::DecodeError> {
        Ok(Self(d.opaque(u32::MAX)?))
    }
}

/// Both forms of a type that holds strings or opaque data.
macro_rules! both_forms {
    (
        $(#[$doc:meta])* $owned:ident $borrowed:ident {
            $($field:ident: $owned_type:ty | $borrowed_type:ty,)*
        }
        len |$v:ident| $len:expr;
        encode |$w:ident, $e:ident| $encode:block
        min $min:literal;
        decode |$d:ident $(, $string:ident)?| $decode:block
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $owned {
            $(pub $field: $owned_type,)*
        }

        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $borrowed<'a> {
            $(pub $field: $borrowed_type,)*
        }

        both_forms!(@codec [] [$owned] [string] [$v $len] [$w $e $encode] $min [$d $($string)? ; $decode]);
        both_forms!(@codec ['a] [$borrowed<'a>] [str_ref] [$v $len] [$w $e $encode] $min [$d $($string)? ; $decode]);
    };
    (@codec [$($life:lifetime)?] [$type:ty] [$read:ident] [$v:ident $len:expr] [$w:ident $e:ident $encode:block]
     $min:literal [$d:ident $($string:ident)? ; $decode:block]) => {
        impl<$($life)?> ::fairway_xdr::Encode for $type {
            #[inline]
            fn encoded_len(&self) -> usize {
                let $v = self;
                $len
            }

            #[inline]
            fn encode(&self, $e: &mut ::fairway_xdr::Encoder) -> Result<(), ::fairway_xdr::EncodeError> {
                let $w = self;
                $encode
            }
        }

        both_forms!(@decode [$($life)?] [$type] [$read] $min [$d $($string)? ; $decode]);
    };
    (@decode [] [$type:ty] [$read:ident] $min:literal [$d:ident $($string:ident)? ; $decode:block]) => {
        impl<'de> ::fairway_xdr::Decode<'de> for $type {
            both_forms!(@body ['de] [$read] $min [$d $($string)? ; $decode]);
        }
    };
    (@decode [$life:lifetime] [$type:ty] [$read:ident] $min:literal [$d:ident $($string:ident)? ; $decode:block]) => {
        impl<$life> ::fairway_xdr::Decode<$life> for $type {
            both_forms!(@body [$life] [$read] $min [$d $($string)? ; $decode]);
        }
    };
    (@body [$life:lifetime] [$read:ident] $min:literal [$d:ident $($string:ident)? ; $decode:block]) => {
        const MIN_LEN: usize = $min;

        #[inline]
        fn decode($d: &mut ::fairway_xdr::Decoder<$life>) -> Result<Self, ::fairway_xdr::DecodeError> {
            $(macro_rules! $string { ($max:expr) => { $d.$read($max) } })?
            $decode
        }
    };
}

both_forms! {
    /// `struct rec { … };`
    Rec RecRef {
        id: u32 | u32,
        delta: i32 | i32,
        size: u64 | u64,
        stamp: i64 | i64,
        kind: RecKind | RecKind,
        live: bool | bool,
        score: f64 | f64,
        ratio: f32 | f32,
        name: String | &'a str,
        note: String | &'a str,
        fh: Handle | HandleRef<'a>,
        verf: Verf8 | Verf8,
        tag: Tags | Tags,
    }
    len |v| ::fairway_xdr::sum([
        52,
        ::fairway_xdr::string_len(v.name.len()),
        ::fairway_xdr::string_len(v.note.len()),
        ::fairway_xdr::Encode::encoded_len(&v.fh),
        ::fairway_xdr::Encode::encoded_len(&v.tag),
    ]);
    encode |v, e| {
        let mut run = ::fairway_xdr::RunMut::<44>::new();
        run.u32::<0>(v.id);
        run.i32::<4>(v.delta);
        run.u64::<8>(v.size);
        run.i64::<16>(v.stamp);
        run.enumeration::<24, RecKind>(v.kind);
        run.bool::<28>(v.live);
        run.f64::<32>(v.score);
        run.f32::<40>(v.ratio);
        e.put_run(run);
        e.string(v.name.as_ref(), REC_NAME_MAX).map_err(|error| error.field("name"))?;
        e.string(v.note.as_ref(), u32::MAX).map_err(|error| error.field("note"))?;
        ::fairway_xdr::Encode::encode(&v.fh, e).map_err(|error| error.field("fh"))?;
        e.put_run(v.verf.write());
        ::fairway_xdr::Encode::encode(&v.tag, e).map_err(|error| error.field("tag"))?;
        Ok(())
    }
    min 68;
    decode |d, string| {
        let run = d.run::<44>().map_err(|error| error.field("id"))?;
        let id = run.u32::<0>();
        let delta = run.i32::<4>();
        let size = run.u64::<8>();
        let stamp = run.i64::<16>();
        let kind = run.enumeration::<24, RecKind>().map_err(|error| error.field("kind"))?;
        let live = run.bool::<28>().map_err(|error| error.field("live"))?;
        let score = run.f64::<32>();
        let ratio = run.f32::<40>();
        let name = string!(REC_NAME_MAX).map_err(|error| error.field("name"))?;
        let note = string!(u32::MAX).map_err(|error| error.field("note"))?;
        let fh = ::fairway_xdr::Decode::decode(d).map_err(|error| error.field("fh"))?;
        let run = d.run::<8>().map_err(|error| error.field("verf"))?;
        let verf = Verf8::read(&run.part::<0, 8>());
        let tag = ::fairway_xdr::Decode::decode(d).map_err(|error| error.field("tag"))?;
        Ok(Self { id, delta, size, stamp, kind, live, score, ratio, name, note, fh, verf, tag })
    }
}

/// `typedef rec recs<>;`
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recs(pub Vec<Rec>);

/// `typedef rec recs<>;`, borrowed
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecsRef<'a>(pub Vec<RecRef<'a>>);

macro_rules! recs {
    ($life:lifetime [$($param:lifetime)?] $type:ty) => {
        impl<$($param)?> ::fairway_xdr::Encode for $type {
            #[inline]
            fn encoded_len(&self) -> usize {
                ::fairway_xdr::array_len(&self.0)
            }

            #[inline]
            fn encode(&self, e: &mut ::fairway_xdr::Encoder) -> Result<(), ::fairway_xdr::EncodeError> {
                e.array(&self.0, u32::MAX)
            }
        }

        impl<$life> ::fairway_xdr::Decode<$life> for $type {
            const MIN_LEN: usize = 4;

            #[inline]
            fn decode(d: &mut ::fairway_xdr::Decoder<$life>) -> Result<Self, ::fairway_xdr::DecodeError> {
                Ok(Self(d.array(u32::MAX)?))
            }
        }
    };
}
recs!('de [] Recs);
recs!('a ['a] RecsRef<'a>);

/// `struct n3time { unsigned int seconds; unsigned int nseconds; };`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct N3time {
    pub seconds: u32,
    pub nseconds: u32,
}

impl N3time {
    #[inline]
    fn read(run: &::fairway_xdr::Run<'_, 8>) -> Self {
        Self {
            seconds: run.u32::<0>(),
            nseconds: run.u32::<4>(),
        }
    }

    #[inline]
    fn write(&self) -> ::fairway_xdr::RunMut<8> {
        let mut run = ::fairway_xdr::RunMut::<8>::new();
        run.u32::<0>(self.seconds);
        run.u32::<4>(self.nseconds);
        run
    }
}

/// `struct n3spec { unsigned int specdata1; unsigned int specdata2; };`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct N3spec {
    pub specdata1: u32,
    pub specdata2: u32,
}

impl N3spec {
    #[inline]
    fn read(run: &::fairway_xdr::Run<'_, 8>) -> Self {
        Self {
            specdata1: run.u32::<0>(),
            specdata2: run.u32::<4>(),
        }
    }

    #[inline]
    fn write(&self) -> ::fairway_xdr::RunMut<8> {
        let mut run = ::fairway_xdr::RunMut::<8>::new();
        run.u32::<0>(self.specdata1);
        run.u32::<4>(self.specdata2);
        run
    }
}

/// `struct n3fattr { … };`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct N3fattr {
    pub ftype: u32,
    pub mode: u32,
    pub nlink: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    pub used: u64,
    pub rdev: N3spec,
    pub fsid: u64,
    pub fileid: u64,
    pub atime: N3time,
    pub mtime: N3time,
    pub ctime: N3time,
}

impl N3fattr {
    #[inline]
    fn read(run: &::fairway_xdr::Run<'_, 84>) -> Self {
        Self {
            ftype: run.u32::<0>(),
            mode: run.u32::<4>(),
            nlink: run.u32::<8>(),
            uid: run.u32::<12>(),
            gid: run.u32::<16>(),
            size: run.u64::<20>(),
            used: run.u64::<28>(),
            rdev: N3spec::read(&run.part::<36, 8>()),
            fsid: run.u64::<44>(),
            fileid: run.u64::<52>(),
            atime: N3time::read(&run.part::<60, 8>()),
            mtime: N3time::read(&run.part::<68, 8>()),
            ctime: N3time::read(&run.part::<76, 8>()),
        }
    }

    #[inline]
    fn write(&self) -> ::fairway_xdr::RunMut<84> {
        let mut run = ::fairway_xdr::RunMut::<84>::new();
        run.u32::<0>(self.ftype);
        run.u32::<4>(self.mode);
        run.u32::<8>(self.nlink);
        run.u32::<12>(self.uid);
        run.u32::<16>(self.gid);
        run.u64::<20>(self.size);
        run.u64::<28>(self.used);
        run.part::<36, 8>(self.rdev.write());
        run.u64::<44>(self.fsid);
        run.u64::<52>(self.fileid);
        run.part::<60, 8>(self.atime.write());
        run.part::<68, 8>(self.mtime.write());
        run.part::<76, 8>(self.ctime.write());
        run
    }
}

impl ::fairway_xdr::Encode for N3fattr {
    #[inline]
    fn fixed_len() -> Option<usize> {
        Some(84)
    }

    #[inline]
    fn encoded_len(&self) -> usize {
        84
    }

    #[inline]
    fn encode(&self, e: &mut ::fairway_xdr::Encoder) -> Result<(), ::fairway_xdr::EncodeError> {
        e.put_run(self.write());
        Ok(())
    }
}

impl<'de> ::fairway_xdr::Decode<'de> for N3fattr {
    const MIN_LEN: usize = 84;

    #[inline]
    fn decode(d: &mut ::fairway_xdr::Decoder<'de>) -> Result<Self, ::fairway_xdr::DecodeError> {
        Ok(Self::read(&d.run::<84>()?))
    }
}

/// `union n3post_attr switch (bool attributes_follow) { … };`
#[derive(Clone, Debug, PartialEq)]
pub enum N3postAttr {
    /// `case TRUE: n3fattr attributes;`
    True(N3fattr),
    /// `case FALSE: void;`
    False,
}

impl ::fairway_xdr::Encode for N3postAttr {
    #[inline]
    fn encoded_len(&self) -> usize {
        match self {
            Self::True(_) => 88,
            Self::False => 4,
        }
    }

    #[inline]
    fn encode(&self, e: &mut ::fairway_xdr::Encoder) -> Result<(), ::fairway_xdr::EncodeError> {
        match self {
            Self::True(value) => {
                let mut run = ::fairway_xdr::RunMut::<88>::new();
                run.bool::<0>(true);
                run.part::<4, 84>(value.write());
                e.put_run(run);
                Ok(())
            }
            Self::False => {
                e.bool(false);
                Ok(())
            }
        }
    }
}

impl<'de> ::fairway_xdr::Decode<'de> for N3postAttr {
    const MIN_LEN: usize = 4;

    #[inline(always)]
    fn decode(d: &mut ::fairway_xdr::Decoder<'de>) -> Result<Self, ::fairway_xdr::DecodeError> {
        Ok(
            match d.bool().map_err(|error| error.field("attributes_follow"))? {
                true => Self::True(
                    ::fairway_xdr::Decode::decode(d).map_err(|error| error.field("attributes"))?,
                ),
                false => Self::False,
            },
        )
    }
}

macro_rules! post_fh {
    ($life:lifetime [$($param:lifetime)?] $name:ident $type:ty, $handle:ty) => {
        /// `union n3post_fh switch (bool handle_follows) { … };`
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name $(<$param>)? {
            /// `case TRUE: handle fh;`
            True($handle),
            /// `case FALSE: void;`
            False,
        }

        impl<$($param)?> ::fairway_xdr::Encode for $type {
            #[inline]
            fn encoded_len(&self) -> usize {
                match self {
                    Self::True(value) => ::fairway_xdr::sum([4, ::fairway_xdr::Encode::encoded_len(value)]),
                    Self::False => 4,
                }
            }

            #[inline]
            fn encode(&self, e: &mut ::fairway_xdr::Encoder) -> Result<(), ::fairway_xdr::EncodeError> {
                match self {
                    Self::True(value) => {
                        e.bool(true);
                        ::fairway_xdr::Encode::encode(value, e).map_err(|error| error.field("fh"))
                    }
                    Self::False => {
                        e.bool(false);
                        Ok(())
                    }
                }
            }
        }

        impl<$life> ::fairway_xdr::Decode<$life> for $type {
            const MIN_LEN: usize = 4;

            #[inline]
            fn decode(d: &mut ::fairway_xdr::Decoder<$life>) -> Result<Self, ::fairway_xdr::DecodeError> {
                Ok(match d.bool().map_err(|error| error.field("handle_follows"))? {
                    true => Self::True(::fairway_xdr::Decode::decode(d).map_err(|error| error.field("fh"))?),
                    false => Self::False,
                })
            }
        }
    };
}
post_fh!('de [] N3postFh N3postFh, Handle);
post_fh!('a ['a] N3postFhRef N3postFhRef<'a>, HandleRef<'a>);

both_forms! {
    /// `struct n3entryplus { … n3entryplus *nextentry; };`: a list node, without its link
    N3entryplus N3entryplusRef {
        fileid: u64 | u64,
        name: String | &'a str,
        cookie: u64 | u64,
        name_attributes: N3postAttr | N3postAttr,
        name_handle: N3postFh | N3postFhRef<'a>,
    }
    len |v| ::fairway_xdr::sum([
        16,
        ::fairway_xdr::string_len(v.name.len()),
        ::fairway_xdr::Encode::encoded_len(&v.name_attributes),
        ::fairway_xdr::Encode::encoded_len(&v.name_handle),
    ]);
    encode |v, e| {
        e.u64(v.fileid);
        e.string(v.name.as_ref(), u32::MAX).map_err(|error| error.field("name"))?;
        e.u64(v.cookie);
        ::fairway_xdr::Encode::encode(&v.name_attributes, e).map_err(|error| error.field("name_attributes"))?;
        ::fairway_xdr::Encode::encode(&v.name_handle, e).map_err(|error| error.field("name_handle"))?;
        Ok(())
    }
    min 28;
    decode |d, string| {
        let fileid = d.u64().map_err(|error| error.field("fileid"))?;
        let name = string!(u32::MAX).map_err(|error| error.field("name"))?;
        let cookie = d.u64().map_err(|error| error.field("cookie"))?;
        let name_attributes = ::fairway_xdr::Decode::decode(d).map_err(|error| error.field("name_attributes"))?;
        let name_handle = ::fairway_xdr::Decode::decode(d).map_err(|error| error.field("name_handle"))?;
        Ok(Self { fileid, name, cookie, name_attributes, name_handle })
    }
}

both_forms! {
    /// `struct rdp_res { … };`
    RdpRes RdpResRef {
        dir_attributes: N3postAttr | N3postAttr,
        cookieverf: Verf8 | Verf8,
        entries: Vec<N3entryplus> | Vec<N3entryplusRef<'a>>,
        eof: bool | bool,
    }
    len |v| ::fairway_xdr::sum([
        12,
        ::fairway_xdr::Encode::encoded_len(&v.dir_attributes),
        ::fairway_xdr::list_len(&v.entries),
    ]);
    encode |v, e| {
        ::fairway_xdr::Encode::encode(&v.dir_attributes, e).map_err(|error| error.field("dir_attributes"))?;
        e.put_run(v.cookieverf.write());
        e.list(&v.entries).map_err(|error| error.field("entries"))?;
        e.bool(v.eof);
        Ok(())
    }
    min 20;
    decode |d| {
        let dir_attributes = ::fairway_xdr::Decode::decode(d).map_err(|error| error.field("dir_attributes"))?;
        let run = d.run::<8>().map_err(|error| error.field("cookieverf"))?;
        let cookieverf = Verf8::read(&run.part::<0, 8>());
        let entries = d.list().map_err(|error| error.field("entries"))?;
        let eof = d.bool().map_err(|error| error.field("eof"))?;
        Ok(Self { dir_attributes, cookieverf, entries, eof })
    }
}
