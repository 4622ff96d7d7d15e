//! Generates what the demo, the benchmark and the fuzz functions use from their `.x` files.

fn main() -> Result<(), fairway_rpcgen::Error> {
    let plain = fairway_rpcgen::Builder::new();
    plain
        .clone()
        .file("bench/peers/echo.x")
        .file("bench/bombs.x")
        .file("demo/harbour.x")
        .generate()?;
    plain.borrowed(true).file("bench/peers/mix.x").generate()
}
