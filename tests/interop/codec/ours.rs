//! Half of the codec comparison that speaks for Fairway: see `oracle.c` for the questions and answers.

use std::io::{BufReader, BufWriter, Read, Write};

use fairway_xdr::{DecodeErrorKind, DecodeOwned, Decoder, Encode, Encoder, Mode};

/// What is answered about one input: verdict, octets consumed, octets.
pub type Answer = (u32, usize, Vec<u8>);

/// Decodes `input` as a `T` and encodes it again.
pub fn answer<T: DecodeOwned + Encode>(input: &[u8], mode: Mode) -> Answer {
    let mut decoder = Decoder::new(input).with_mode(mode);
    let value = match T::decode(&mut decoder) {
        Ok(value) => value,
        Err(error) => return (0, decoder.offset(), kind(error.kind()).into()),
    };
    let mut encoder = Encoder::new().with_mode(mode);
    match value.encode(&mut encoder) {
        Ok(()) => {
            let octets = encoder.into_vec();
            // Exact in strict mode, an upper bound in lax mode.
            assert!(octets.len() <= value.encoded_len());
            assert!(matches!(mode, Mode::Lax) || octets.len() == value.encoded_len());
            (1, decoder.offset(), octets)
        }
        Err(error) => (2, decoder.offset(), error.to_string().into_bytes()),
    }
}

/// Name of an error's kind.
fn kind(kind: &DecodeErrorKind) -> String {
    let text = format!("{kind:?}");
    let end = text.find([' ', '(', '{']).unwrap_or(text.len());
    text[..end].to_owned()
}

/// Answers questions until the input ends.
pub fn run(functions: &[fn(&[u8], Mode) -> Answer]) -> std::io::Result<()> {
    let (mut questions, mut answers) = (
        BufReader::new(std::io::stdin().lock()),
        BufWriter::new(std::io::stdout().lock()),
    );
    loop {
        let mut word = || -> std::io::Result<u32> {
            let mut word = [0; 4];
            questions.read_exact(&mut word)?;
            Ok(u32::from_be_bytes(word))
        };
        let function = match word() {
            Ok(function) => function,
            Err(_) => return Ok(()),
        };
        if function == u32::MAX {
            answers.flush()?;
            continue;
        }
        let mode = if word()? == 0 { Mode::Strict } else { Mode::Lax };
        let mut input = vec![0; word()? as usize];
        questions.read_exact(&mut input)?;
        let (verdict, consumed, octets) = functions[function as usize](&input, mode);
        for number in [verdict, consumed as u32, octets.len() as u32] {
            answers.write_all(&number.to_be_bytes())?;
        }
        answers.write_all(&octets)?;
    }
}
