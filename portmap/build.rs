//! Turns the protocol's description into Rust.

fn main() -> Result<(), fairway_rpcgen::Error> {
    fairway_rpcgen::Builder::new()
        .file("x/pmap.x")
        .file("x/rpcb.x")
        .generate()
}
