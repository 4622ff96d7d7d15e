//! Input that breaks decoders which recurse.

use fairway_xdr::{DecodeErrorKind, from_slice};

use crate::lab::{Error, put};
use fairway_tests::generated::bombs::{Deep, Items};

/// Stack of the thread that decodes the list.
const STACK_KIB: usize = 64;

/// Decodes a list of a million entries on a small stack, and a tree of 100 000 levels.
pub(crate) fn run() -> Result<(), Error> {
    let mut list = Vec::new();
    for number in 0..1_000_000_u32 {
        list.extend_from_slice(&1_u32.to_be_bytes());
        list.extend_from_slice(&number.to_be_bytes());
    }
    list.extend_from_slice(&0_u32.to_be_bytes());
    let decoded = std::thread::Builder::new()
        .stack_size(STACK_KIB * 1024)
        .spawn(move || from_slice::<Items>(&list).map(|items| items.first.len()))?
        .join()
        .map_err(|_| "the decoder panicked")??;
    if decoded != 1_000_000 {
        return Err(format!("{decoded} entries of a million").into());
    }
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    put("ours.bombs.list.stack", STACK_KIB as f64, "KiB");
    let deep = 1_u32.to_be_bytes().repeat(100_000);
    let refused = match from_slice::<Deep>(&deep) {
        Err(error) => matches!(error.kind(), DecodeErrorKind::Depth { .. }),
        Ok(_) => false,
    };
    put(
        "ours.bombs.depth.refused",
        f64::from(u8::from(refused)),
        "yes",
    );
    Ok(())
}
