//! Our codec on mix.x, timed as the peers time theirs.

use std::hint::black_box;
use std::path::Path;

use bytes::Bytes;
use fairway_rpc::msg::CallHeader;
use fairway_rpc::{AuthSys, OpaqueAuth, Procedure};
use fairway_xdr::{Decode, DecodeOwned, Decoder, Encode, Encoder};

use crate::lab::{Error, env_number, now, put};
use crate::readings::median;
use fairway_tests::generated::mix::{Blob, RdpRes, RdpResRef, Rec, RecRef, Recs, RecsRef};

const ROUNDS: usize = 9;

/// Times every shape, with the data that libtirpc wrote into `folder`.
pub(crate) fn run(folder: &Path) -> Result<(), Error> {
    let data = |name: &str| std::fs::read(folder.join(format!("{name}.bin")));
    shape::<Rec>("rec", &data("rec")?, |wire| borrow::<RecRef<'_>>(wire))?;
    shape::<Recs>("recs1000", &data("recs1000")?, |wire| {
        borrow::<RecsRef<'_>>(wire)
    })?;
    shape::<RdpRes>("rdplus500", &data("rdplus500")?, |wire| {
        borrow::<RdpResRef<'_>>(wire)
    })?;
    blob(&data("blob1m")?)?;
    call_header()
}

fn borrow<'a, T: Decode<'a>>(wire: &'a [u8]) -> bool {
    black_box(T::decode(&mut Decoder::new(wire))).is_ok()
}

fn shape<T: Encode + DecodeOwned>(
    name: &str,
    wire: &[u8],
    borrow: for<'a> fn(&'a [u8]) -> bool,
) -> Result<(), Error> {
    let value = T::decode(&mut Decoder::new(wire))?;
    let mut encoder = Encoder::with_capacity(wire.len());
    value.encode(&mut encoder)?;
    if encoder.segments().flatten().ne(wire) || !borrow(wire) {
        return Err(format!("{name}: other octets than libtirpc's").into());
    }
    time(&format!("ours.xdr.{name}.encode"), wire.len(), || {
        encoder.clear();
        black_box(black_box(&value).encode(&mut encoder)).is_ok()
    });
    time(&format!("ours.xdr.{name}.decode"), wire.len(), || {
        black_box(T::decode(&mut Decoder::new(black_box(wire)))).is_ok()
    });
    time(&format!("ours.xdr.{name}.borrow"), wire.len(), || {
        borrow(black_box(wire))
    });
    Ok(())
}

/// A mebibyte that is neither copied when it comes nor when it goes.
fn blob(wire: &[u8]) -> Result<(), Error> {
    let wire = Bytes::copy_from_slice(wire);
    let value = Blob::decode(&mut Decoder::shared(&wire))?;
    let mut encoder = Encoder::segmented(64);
    value.encode(&mut encoder)?;
    if encoder.segments().flatten().ne(wire.iter()) {
        return Err("blob1m: other octets than libtirpc's".into());
    }
    time("ours.xdr.blob1m.borrow", wire.len(), || {
        black_box(Blob::decode(&mut Decoder::shared(black_box(&wire)))).is_ok()
    });
    time("ours.xdr.blob1m.segmented", wire.len(), || {
        encoder.clear();
        let done = black_box(&value).encode(&mut encoder).is_ok();
        done && encoder.segments().map(<[u8]>::len).sum::<usize>() == wire.len()
    });
    time("ours.xdr.blob1m.decode", wire.len(), || {
        black_box(Blob::decode(&mut Decoder::new(black_box(&wire)))).is_ok()
    });
    Ok(())
}

/// A call's header with AUTH_SYS before 64 octets of arguments, as onc-rpc is timed: parts that are kept are slices of the record.
fn call_header() -> Result<(), Error> {
    let user = AuthSys {
        stamp: 1,
        machine_name: "client.example".to_owned(),
        uid: 1000,
        gid: 1000,
        gids: vec![4, 24, 27, 30],
    };
    let arguments = [7; 64];
    let header = CallHeader {
        xid: 42,
        procedure: Procedure::new(100_003, 3, 1),
        credential: user.to_credential()?,
        verifier: OpaqueAuth::NONE,
    };
    let mut encoder = Encoder::new();
    let mut encode = |header: &CallHeader| {
        encoder.clear();
        header.put(&mut encoder);
        encoder.fixed_opaque(&arguments);
        encoder.len()
    };
    let length = encode(&header);
    time("ours.callhdr.encode", length, || {
        black_box(encode(black_box(&header))) == length
    });
    let record = encoder.into_bytes();
    time("ours.callhdr.decode", length, || {
        black_box(CallHeader::parse(black_box(&record))).is_ok()
    });
    time("ours.callhdr.decode.user", length, || {
        let parsed = CallHeader::parse(black_box(&record));
        black_box(parsed.map(|(header, _)| AuthSys::from_body(header.credential.body()))).is_ok()
    });
    Ok(())
}

/// Prints how long `operation` takes: the median of some rounds of `BENCH_MB` megabytes on the wire each, and the best.
fn time(name: &str, wire: usize, mut operation: impl FnMut() -> bool) {
    #[expect(clippy::cast_precision_loss, reason = "a length")]
    let times = (env_number("BENCH_MB", 48.0) * 1e6 / wire as f64).ceil();
    let mut rounds = Vec::with_capacity(ROUNDS);
    let mut right = true;
    for _ in 0..ROUNDS {
        let since = now();
        let mut left = times;
        while left > 0.0 {
            right &= operation();
            left -= 1.0;
        }
        rounds.push(since.elapsed().as_secs_f64() / times);
    }
    if let (true, Some(median)) = (right, median(&rounds)) {
        put(name, median * 1e9, "ns");
        let best = rounds.iter().copied().fold(f64::INFINITY, f64::min);
        put(&format!("{name}.best"), best * 1e9, "ns");
    }
}

/// Does one operation `times` times and nothing else, for counting instructions.
pub(crate) fn count(folder: &Path, shape: &str, way: &str, times: u64) -> Result<(), Error> {
    let wire = std::fs::read(folder.join(format!("{shape}.bin")))?;
    match shape {
        "rec" => count_of::<Rec>(&wire, way, times),
        "recs1000" => count_of::<Recs>(&wire, way, times),
        "rdplus500" => count_of::<RdpRes>(&wire, way, times),
        _ => Err(format!("no shape {shape}").into()),
    }
}

fn count_of<T: Encode + DecodeOwned>(wire: &[u8], way: &str, times: u64) -> Result<(), Error> {
    let value = T::decode(&mut Decoder::new(wire))?;
    let mut encoder = Encoder::with_capacity(wire.len());
    for _ in 0..times {
        if way == "enc" {
            encoder.clear();
            black_box(&value).encode(&mut encoder)?;
            black_box(encoder.len());
        } else {
            black_box(T::decode(&mut Decoder::new(black_box(wire)))?);
        }
    }
    Ok(())
}
