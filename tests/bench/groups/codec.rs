//! Encoding and decoding of mix.x: time, and instructions.

use std::path::Path;
use std::process::Command;

use crate::lab::{Error, Lab, Place, pin, talk};

pub(crate) fn run(lab: &mut Lab) -> Result<(), Error> {
    talk("codec");
    let data = lab.c_folder().to_path_buf();
    // All on one core, one after another; children inherit it.
    pin(std::process::id(), Some(0))?;
    for _ in 0..lab.repeats() {
        // The C program writes the data that the others read.
        let mut command = lab.c("codec");
        lab.measure(command.arg(&data), None);
        let mut command = lab.ours();
        lab.measure(command.arg("codec").arg(&data), None);
        let mut command = lab.rust();
        lab.measure(command.arg("codec").arg(&data), None);
    }
    let mut command = lab.ours();
    lab.measure(command.arg("bombs"), None);
    pin(std::process::id(), None)?;
    let _ = Place::Free;
    talk("codec, instructions");
    for shape in ["rec", "recs1000", "rdplus500"] {
        for way in ["enc", "dec"] {
            let times = if shape == "rec" { 2000 } else { 4 };
            let c = |times: u64| count(lab.c("codec").arg("count"), shape, way, times);
            let theirs = per_operation(c, times);
            let ours = |times: u64| count(lab.ours().arg("count").arg(&data), shape, way, times);
            let ours = per_operation(ours, times);
            for (who, value) in [("tirpc", theirs), ("ours", ours)] {
                let name = format!("{who}.count.{shape}.{way}");
                match value {
                    Ok(value) => lab.readings.add(&name, value, "instr"),
                    Err(error) => lab.notes.push(format!("{name}: {error}")),
                }
            }
        }
    }
    Ok(())
}

/// Instructions of one operation: those of many runs less those of one.
fn per_operation(count: impl Fn(u64) -> Result<f64, Error>, times: u64) -> Result<f64, Error> {
    let (once, more) = (count(1)?, count(times + 1)?);
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    Ok((more - once) / times as f64)
}

fn count(program: &Command, shape: &str, way: &str, times: u64) -> Result<f64, Error> {
    let mut command = instructions_of(Path::new(program.get_program()));
    command
        .args(program.get_args())
        .args([shape, way, &times.to_string()]);
    collected(&mut command)
}

/// Callgrind over a program.
pub(crate) fn instructions_of(program: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(program);
    command
}

/// What callgrind says it has counted.
pub(crate) fn collected(command: &mut Command) -> Result<f64, Error> {
    let output = command
        .output()
        .map_err(|error| format!("valgrind: {error}"))?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let counted = said
        .lines()
        .find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok());
    counted.ok_or_else(|| format!("callgrind counted nothing: {said}").into())
}
