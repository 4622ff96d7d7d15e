//! Clients that hang in every way, and one that does not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::groups::server::ECHO;
use crate::lab::{Error, now, null_call, put};
use crate::readings::p99;

/// Calls of the client beside them.
const CALLS: usize = 2000;

/// Opens the slow connections and times null calls of another client beside them.
pub(crate) fn run(port: u16) -> Result<(), Error> {
    let connect = || TcpStream::connect(("127.0.0.1", port));
    let mut slow = Vec::new();
    for _ in 0..8 {
        let mut half_record = connect()?;
        half_record.write_all(&[0x80, 0, 0, 40, 0, 0, 0, 1, 0, 0])?;
        let mut half_mark = connect()?;
        half_mark.write_all(&[0x80, 0])?;
        // Asks for eight times a mebibyte and reads none of it.
        let mut deaf = connect()?;
        deaf.set_nonblocking(true)?;
        let mut call = null_call(ECHO, 1);
        call.extend_from_slice(&(1_u32 << 20).to_be_bytes());
        call.resize(call.len() + (1 << 20), 0x5a);
        let mark = 0x8000_0000 | u32::try_from(call.len())?;
        let record = [&mark.to_be_bytes(), call.as_slice()].concat();
        'asked: for _ in 0..8 {
            let mut rest = record.as_slice();
            while !rest.is_empty() {
                match deaf.write(rest) {
                    Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                    Err(_) => {
                        // The server has stopped reading: that is its right.
                        crate::lab::pause();
                        break 'asked;
                    }
                }
            }
        }
        slow.extend([half_record, half_mark, deaf]);
    }
    put("ours.slow.p99", calls(connect()?)?, "ms");
    drop(slow);
    Ok(())
}

/// The 99th percentile of null calls one after another, in milliseconds.
pub(crate) fn calls(mut stream: TcpStream) -> Result<f64, Error> {
    stream.set_nodelay(true)?;
    let record = [&[0x80, 0, 0, 40], null_call(ECHO, 0).as_slice()].concat();
    let mut took = Vec::with_capacity(CALLS);
    let mut reply = [0; 28];
    for _ in 0..CALLS {
        let since = now();
        stream.write_all(&record)?;
        stream.read_exact(&mut reply)?;
        took.push(since.elapsed().as_secs_f64() * 1000.0);
    }
    p99(&mut took).ok_or_else(|| "no calls".into())
}
