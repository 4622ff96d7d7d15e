//! What rpcgen makes of the `.x` files of the demo, the benchmark and the fuzz functions.

/// `bench/peers/echo.x`: the service that is measured.
#[allow(
    clippy::allow_attributes,
    clippy::pedantic,
    missing_docs,
    reason = "generated"
)]
pub mod echo {
    include!(concat!(env!("OUT_DIR"), "/echo.rs"));
}

/// `bench/peers/mix.x`: types of every kind, owned and borrowed.
#[allow(
    clippy::allow_attributes,
    clippy::pedantic,
    missing_docs,
    reason = "generated"
)]
pub mod mix {
    include!(concat!(env!("OUT_DIR"), "/mix.rs"));
}

/// `bench/bombs.x`: what breaks decoders that recurse.
#[allow(
    clippy::allow_attributes,
    clippy::pedantic,
    missing_docs,
    reason = "generated"
)]
pub mod bombs {
    include!(concat!(env!("OUT_DIR"), "/bombs.rs"));
}

/// `demo/harbour.x`: the service of the demo.
#[allow(
    clippy::allow_attributes,
    clippy::pedantic,
    missing_docs,
    reason = "generated"
)]
pub mod harbour {
    include!(concat!(env!("OUT_DIR"), "/harbour.rs"));
}
