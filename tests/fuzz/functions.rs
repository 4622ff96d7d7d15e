//! One function per decoder, with what it promises about every input.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a broken promise is reported by a panic"
)]

mod ftp;
mod native;
mod portmap;
mod rapi;
mod rsvp;
mod socks;
mod wire;

use bytes::{Bytes, BytesMut};
use fairway_rpc::RecordLimits;
use fairway_rpc::msg::{CallHeader, ReplyHeader};
use fairway_rpc::record::RecordReader;
use fairway_rpcgen::Builder;
use fairway_tests::generated::mix;
use fairway_tests::{Random, damaged, damaged_text, noise};
use fairway_xdr::{Decode, DecodeOwned, Decoder, Encode, Encoder, Limits, Mode};

/// A decoder under test.
#[derive(Debug)]
pub(crate) struct Function {
    /// Its name, and that of its corpus.
    pub(crate) name: &'static str,
    /// Gives `true` if the input was understood; panics if a promise is broken.
    pub(crate) run: fn(&[u8]) -> bool,
    /// The most octets it may allocate in all, freed ones included, for an input of so many octets.
    pub(crate) most_memory: fn(usize) -> usize,
    pub(crate) input: Input,
}

/// What its inputs look like.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// XDR and headers: words of four octets.
    Words,
    /// Text, with words that mean something in it.
    Text(&'static [&'static str]),
}

impl Input {
    /// Makes an input from what the function has understood so far, at most `longest` octets.
    pub(crate) fn make(self, random: &mut Random, pool: &[Vec<u8>], longest: usize) -> Vec<u8> {
        let mut input = match self {
            _ if pool.is_empty() => noise(random, 64),
            Self::Words if random.below(8) == 0 => noise(random, 64),
            Self::Words => damaged(random, pool),
            Self::Text(words) => damaged_text(random, pool, words),
        };
        input.truncate(longest);
        input
    }
}

/// Budget of the decoders under test.
const BUDGET: usize = 1 << 20;

/// A decoder may take its budget, once for the value and again for what its vectors have grown from; an encoder the length twice.
fn decoded(input: usize) -> usize {
    3 * BUDGET + 8 * input + 4096
}

/// In proportion to the input.
fn in_proportion(input: usize) -> usize {
    64 * input + (64 << 10)
}

/// The first input brings a server up; a list of the whole table is an answer.
fn served(input: usize) -> usize {
    64 * input + (1 << 20)
}

/// What is read is read some times over, and each line makes a few small things.
fn listed(input: usize) -> usize {
    512 * input + (256 << 10)
}

/// The state of zlib, twice each way, and files of their largest size.
fn coded(input: usize) -> usize {
    256 * input + (16 << 20)
}

/// Both nodes keep what they hear and repeat what they say, each some times over.
fn neighbourly(input: usize) -> usize {
    4096 * input + (1 << 20)
}

/// A configuration is printed and read again.
fn parsed(input: usize) -> usize {
    1024 * input + (1 << 20)
}

/// A compiler keeps a tree, a model and the output.
fn compiled(input: usize) -> usize {
    (16 << 10) * input + (4 << 20)
}

/// Hosts are made anew for each input, and the first fills the store of buffers.
fn simulated(input: usize) -> usize {
    (32 << 10) * input + (32 << 20)
}

/// Every function.
pub(crate) const FUNCTIONS: &[Function] = &[
    Function {
        name: "mix-owned",
        run: mix_owned,
        most_memory: decoded,
        input: Input::Words,
    },
    Function {
        name: "mix-borrowed",
        run: mix_borrowed,
        most_memory: |input| 2 * decoded(input),
        input: Input::Words,
    },
    Function {
        name: "rpc-message",
        run: rpc_message,
        most_memory: in_proportion,
        input: Input::Words,
    },
    Function {
        name: "record-reader",
        run: record_reader,
        most_memory: in_proportion,
        input: Input::Words,
    },
    Function {
        name: "rpcbind-request",
        run: portmap::request,
        most_memory: served,
        input: Input::Words,
    },
    Function {
        name: "hosts",
        run: portmap::hosts,
        most_memory: in_proportion,
        input: Input::Text(HOSTS_WORDS),
    },
    Function {
        name: "portmapd-toml",
        run: portmap::config,
        most_memory: parsed,
        input: Input::Text(TOML_WORDS),
    },
    Function {
        name: "universal-address",
        run: portmap::universal,
        most_memory: in_proportion,
        input: Input::Text(&[
            ".", "..", "0", "255", "256", ":", "::", "[", "%", "-", "+", " ", "01", "/",
        ]),
    },
    Function {
        name: "x-parser",
        run: x_parser,
        most_memory: compiled,
        input: Input::Text(X_WORDS),
    },
    Function {
        name: "wire",
        run: wire::decode,
        most_memory: in_proportion,
        input: Input::Words,
    },
    Function {
        name: "socks-handshake",
        run: socks::handshake,
        most_memory: in_proportion,
        input: Input::Words,
    },
    Function {
        name: "native-frames",
        run: native::frames,
        most_memory: simulated,
        input: Input::Words,
    },
    Function {
        name: "native-calls",
        run: native::calls,
        most_memory: simulated,
        input: Input::Words,
    },
    Function {
        name: "native-stream",
        run: native::stream,
        most_memory: simulated,
        input: Input::Words,
    },
    Function {
        name: "ftp-replies",
        run: ftp::replies,
        most_memory: in_proportion,
        input: Input::Text(ftp::REPLY_WORDS),
    },
    Function {
        name: "ftp-lists",
        run: ftp::lists,
        most_memory: listed,
        input: Input::Text(ftp::LIST_WORDS),
    },
    Function {
        name: "ftp-session",
        run: ftp::session,
        most_memory: listed,
        input: Input::Text(ftp::SESSION_WORDS),
    },
    Function {
        name: "ftp-codecs",
        run: ftp::codecs,
        most_memory: coded,
        input: Input::Words,
    },
    Function {
        name: "ftp-tls-records",
        run: ftp::tls,
        most_memory: simulated,
        input: Input::Words,
    },
    Function {
        name: "rsvp-objects",
        run: rsvp::objects,
        most_memory: listed,
        input: Input::Words,
    },
    Function {
        name: "rsvp-neighbours",
        run: rsvp::neighbours,
        most_memory: neighbourly,
        input: Input::Words,
    },
    Function {
        name: "rapi-calls",
        run: rapi::calls,
        most_memory: served,
        input: Input::Words,
    },
    Function {
        name: "rapi-events",
        run: rapi::events,
        most_memory: served,
        input: Input::Words,
    },
];

/// What means something in hosts.allow and hosts.deny.
const HOSTS_WORDS: &[&str] = &[
    "rpcbind",
    "ALL",
    "EXCEPT",
    ":",
    ",",
    " ",
    "\\\n",
    "\n",
    "#",
    "192.0.2.",
    "192.0.2.0/255.255.255.0",
    "192.0.2.0/24",
    "[2001:db8::]/32",
    ".example",
    "LOCAL",
    "KNOWN",
    "UNKNOWN",
    "PARANOID",
    "allow",
    "deny",
    "spawn x",
    "@netgroup",
    "/etc/file",
    "127.",
    "*",
    "?",
    "]",
    "[",
];

/// What means something in the daemon's configuration.
const TOML_WORDS: &[&str] = &[
    "port = 1",
    "listen = [",
    "]",
    "\"",
    "\n",
    "=",
    "[limits]",
    "\"::1\"",
    "\"127.0.0.1\"",
    "true",
    "false",
    "-1",
    "99999999999999999999",
    "'",
    "trusted = [\"192.0.2.0/24\"]",
    "#",
    ",",
    "user = []",
    "\"30s\"",
    "0",
    ".",
    "insecure",
    "\"\"\"",
];

/// What means something in a `.x` file.
const X_WORDS: &[&str] = &[
    "struct",
    "union",
    "switch",
    "case",
    "default",
    "enum",
    "typedef",
    "const",
    "program",
    "version",
    "string",
    "opaque",
    "unsigned",
    "hyper",
    "quadruple",
    "void",
    "bool",
    "int",
    "*",
    "<",
    ">",
    "[",
    "]",
    "{",
    "}",
    "(",
    ")",
    ";",
    ":",
    "=",
    ",",
    "-",
    "0x",
    "4294967296",
    "-1",
    "\n#define A A\n",
    "\n#include \"a.x\"\n",
    "\n#if 1\n",
    "\n#ifdef X\n",
    "\n#else\n",
    "\n#endif\n",
    "\n%",
    "/*",
    "*/",
    "//",
    "\"",
    "'",
    "\\\n",
    "TRUE",
    "next",
    "a",
    "b",
    " ",
    "<2>",
    "[3]",
    "struct a *",
    "##",
    "defined(A)",
    "namespace",
    "\0",
    "\u{fc}",
];

fn limits() -> Limits {
    Limits {
        memory: BUDGET,
        ..Limits::DEFAULT
    }
}

/// The first octet says which type, the octets from the fourth on are the value.
fn parted(input: &[u8]) -> Option<(u8, &[u8])> {
    let (head, value) = input.split_first_chunk::<4>()?;
    let [.., which] = head;
    Some((*which, value))
}

/// What strict decoding takes is what encoding gives; what lax decoding takes is stable after one round.
fn mix_owned(input: &[u8]) -> bool {
    let Some((which, value)) = parted(input) else {
        return false;
    };
    match which % 4 {
        0 => owned::<mix::Rec>(value),
        1 => owned::<mix::Recs>(value),
        2 => owned::<mix::RdpRes>(value),
        _ => owned::<mix::Blob>(value),
    }
}

fn owned<T: DecodeOwned + Encode + PartialEq + std::fmt::Debug>(input: &[u8]) -> bool {
    let shared = Bytes::copy_from_slice(input);
    let mut decoder = Decoder::shared(&shared).with_limits(limits());
    let Ok(value) = T::decode(&mut decoder) else {
        lax::<T>(input);
        return false;
    };
    let mut encoder = Encoder::with_capacity(value.encoded_len());
    value
        .encode(&mut encoder)
        .expect("what was decoded can be encoded");
    assert_eq!(encoder.len(), value.encoded_len());
    assert_eq!(
        Some(encoder.into_vec().as_slice()),
        input.get(..decoder.offset())
    );
    true
}

fn lax<T: DecodeOwned + Encode>(input: &[u8]) {
    let decode = |octets: &[u8]| {
        let mut decoder = Decoder::new(octets)
            .with_limits(limits())
            .with_mode(Mode::Lax);
        let value = T::decode(&mut decoder).ok()?;
        let mut encoder = Encoder::new().with_mode(Mode::Lax);
        value
            .encode(&mut encoder)
            .expect("what was decoded can be encoded");
        assert!(encoder.len() <= value.encoded_len());
        Some(encoder.into_vec())
    };
    if let Some(once) = decode(input) {
        assert_eq!(decode(&once).as_deref(), Some(once.as_slice()));
    }
}

/// Borrowed types take what owned types take.
fn mix_borrowed(input: &[u8]) -> bool {
    let Some((which, value)) = parted(input) else {
        return false;
    };
    match which % 3 {
        0 => borrowed::<mix::Rec, mix::RecRef<'_>>(value),
        1 => borrowed::<mix::Recs, mix::RecsRef<'_>>(value),
        _ => borrowed::<mix::RdpRes, mix::RdpResRef<'_>>(value),
    }
}

fn borrowed<'a, T: DecodeOwned + Encode, R: Decode<'a> + Encode>(input: &'a [u8]) -> bool {
    // The budget is not the same: a borrowed value takes less memory.
    let (mut one, mut other) = (
        Decoder::new(input),
        Decoder::new(input).with_limits(limits()),
    );
    let (owned, borrowed) = (T::decode(&mut one), R::decode(&mut other));
    match (owned, borrowed) {
        (Ok(owned), Ok(borrowed)) => {
            assert_eq!(one.offset(), other.offset());
            let octets = |value: &dyn Encode| {
                let mut encoder = Encoder::new();
                value
                    .encode(&mut encoder)
                    .expect("what was decoded can be encoded");
                encoder.into_vec()
            };
            assert_eq!(octets(&owned), octets(&borrowed));
            true
        }
        (Err(one), Err(other)) => {
            assert_eq!(one.kind(), other.kind());
            assert_eq!(one.offset(), other.offset());
            false
        }
        (owned, borrowed) => panic!("owned {:?}, borrowed {:?}", owned.err(), borrowed.err()),
    }
}

/// A header that is understood is written as it came.
fn rpc_message(input: &[u8]) -> bool {
    let record = Bytes::copy_from_slice(input);
    let head_of = |rest: &Bytes| input.get(..input.len() - rest.len());
    let mut understood = false;
    if let Ok((header, arguments)) = CallHeader::parse(&record) {
        let mut encoder = Encoder::new();
        header.put(&mut encoder);
        assert_eq!(encoder.len(), header.encoded_len());
        assert_eq!(head_of(&arguments), Some(encoder.into_vec().as_slice()));
        drop(fairway_rpc::AuthSys::from_body(header.credential.body()));
        understood = true;
    }
    if let Ok((header, results)) = ReplyHeader::parse(&record) {
        assert!(!understood, "a call and a reply");
        let mut encoder = Encoder::new();
        header.put(&mut encoder);
        assert_eq!(encoder.len(), header.encoded_len());
        assert_eq!(head_of(&results), Some(encoder.into_vec().as_slice()));
        assert_eq!(ReplyHeader::peek(input), Some((header.xid, Some(false))));
        understood = true;
    }
    understood
}

/// Records do not depend on how the octets come, and none is over the limits.
fn record_reader(input: &[u8]) -> bool {
    let limits = RecordLimits {
        max_record: 1000,
        max_fragments: 16,
    };
    let read = |step: usize| {
        let (mut reader, mut buffer) = (RecordReader::new(limits), BytesMut::new());
        let mut records = Vec::new();
        for piece in input.chunks(step) {
            buffer.extend_from_slice(piece);
            loop {
                match reader.next(&mut buffer) {
                    Ok(Some(record)) => {
                        assert!(record.len() <= limits.max_record);
                        records.push(record);
                    }
                    Ok(None) => break,
                    Err(error) => return (records, Some(error)),
                }
            }
            assert!(
                buffer.len() <= limits.max_record + 4,
                "keeps more than a record"
            );
        }
        (records, None)
    };
    let whole = read(input.len().max(1));
    for step in [1, 3, 7] {
        assert_eq!(whole, read(step));
    }
    !whole.0.is_empty()
}

/// Right or wrong, the answer is the same twice; errors lie within the file.
fn x_parser(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else {
        return false;
    };
    let generate = || {
        let builder = Builder::new().text("fuzz.x", text).borrowed(true);
        builder.generate_to_string()
    };
    match (generate(), generate()) {
        (Ok(one), Ok(other)) => {
            assert_eq!(one, other);
            true
        }
        (Err(one), Err(other)) => {
            assert_eq!(one.to_string(), other.to_string());
            if let fairway_rpcgen::Error::Invalid(errors) = one {
                assert!(!errors.is_empty());
                let lines = u32::try_from(text.split('\n').count()).unwrap_or(u32::MAX);
                // `#line` says otherwise where it stands.
                let told = text.contains('#');
                assert!(errors.iter().all(|error| error.line <= lines || told));
            }
            false
        }
        _ => panic!("an error, and none the second time"),
    }
}
