use super::*;

const PAGES: [CodePage; 11] = [
    CodePage::Cp037,
    CodePage::Cp273,
    CodePage::Cp277,
    CodePage::Cp278,
    CodePage::Cp280,
    CodePage::Cp284,
    CodePage::Cp285,
    CodePage::Cp297,
    CodePage::Cp500,
    CodePage::Cp1047,
    CodePage::Cp1140,
];

fn encoded(options: &Options, text: &[u8], chunk: usize) -> Vec<u8> {
    let mut encoder = EbcdicEncoder::new(options, options.line_end);
    let mut out = Vec::new();
    for chunk in text.chunks(chunk) {
        encoder.encode(chunk, &mut out).unwrap();
    }
    encoder.finish(&mut out).unwrap();
    out
}

fn decoded(options: &Options, wire: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    EbcdicDecoder::new(options).decode(wire, &mut out).unwrap();
    out
}

fn hex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    let octet = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.map(octet).collect()
}

#[test]
fn every_code_goes_and_comes_back() {
    let all: Vec<u8> = (0..=255).collect();
    for code_page in PAGES {
        for new_line in [NewLine::Nl, NewLine::Lf] {
            for line_end in [LineEnd::Lf, LineEnd::CrLf] {
                let options = Options {
                    code_page,
                    new_line,
                    line_end,
                    ..Options::default()
                };
                let text = decoded(&options, &all);
                for chunk in [1, 2, 3, 7, 999] {
                    assert_eq!(encoded(&options, &text, chunk), all, "{options:?}");
                }
            }
        }
    }
}

#[test]
fn text_is_what_iconv_makes_of_it() {
    // The octets were written by glibc's iconv.
    let text = "Straße für 100 £ [a|b] {x} ~!^ @#$ ñ Ç å æ ø é è ¢ ¬ \\ ` \" '";
    let golden = [
        (
            37,
            "e2a3998159854086dc9940f1f0f040b140ba814f82bb40c0a7d040a15ab0407c7b5b404940684047409c407040514054404a405f40e04079407f407d",
        ),
        (
            500,
            "e2a3998159854086dc9940f1f0f040b1404a81bb825a40c0a7d040a14f5f407c7b5b404940684047409c40704051405440b040ba40e04079407f407d",
        ),
        (
            1047,
            "e2a3998159854086dc9940f1f0f040b140ad814f82bd40c0a7d040a15a5f407c7b5b404940684047409c407040514054404a40b040e04079407f407d",
        ),
        (
            273,
            "e2a39981a1854086d09940f1f0f040b1406381bb82fc4043a7dc40594f5f40b57b5b404940684047409c40704051405440b040ba40ec4079407f407d",
        ),
        (
            277,
            "e2a3998159854086a19940f1f0f040b1409e81bb829f409ca74740dc4f5f40804a674049406840d040c0406a4051405440b040ba40e04079407f407d",
        ),
        (
            278,
            "e2a3998159854086a19940f1f0f040b140b581bb829f4043a74740dc4f5f40ec63674049406840d0409c40704079405440b040ba40e04051407f407d",
        ),
        (
            280,
            "e2a3998159854086dc9940f1f0f0407b409081bb82514044a75440584f5f40b5b15b404940684047409c4070405a40d040b040ba404840dd407f407d",
        ),
        (
            284,
            "e2a3998159854086dc9940f1f0f040b1404a814f825a40c0a7d040bdbbba407c695b406a40684047409c40704051405440b0405f40e04079407f407d",
        ),
        (
            285,
            "e2a3998159854086dc9940f1f0f0405b40b1814f82bb40c0a7d040bc5aba407c7b4a404940684047409c40704051405440b0405f40e04079407f407d",
        ),
        (
            297,
            "e2a3998159854086dc9940f1f0f0407b409081bb82b54051a75440bd4f5f4044b15b404940684047409c407040c040d040b040ba404840a0407f407d",
        ),
    ];
    for (number, wire) in golden {
        let options = Options {
            code_page: CodePage::new(number).unwrap(),
            ..Options::default()
        };
        let wire = hex(wire);
        assert_eq!(encoded(&options, text.as_bytes(), 999), wire, "{number}");
        assert_eq!(decoded(&options, &wire), text.as_bytes(), "{number}");
    }
}

#[test]
fn the_euro_is_in_1140_only() {
    let mut options = Options {
        code_page: CodePage::Cp1140,
        ..Options::default()
    };
    assert_eq!(encoded(&options, "5 €".as_bytes(), 1), [0xf5, 0x40, 0x9f]);
    assert_eq!(decoded(&options, &[0xf5, 0x40, 0x9f]), "5 €".as_bytes());
    let mut encoder = EbcdicEncoder::new(&options, LineEnd::Lf);
    assert_eq!(
        encoder.encode("x¤".as_bytes(), &mut Vec::new()),
        Err((1, CodecErrorKind::NoSuchCharacter('¤')))
    );
    options.charset = LocalCharset::Latin1;
    let fails = EbcdicDecoder::new(&options).decode(&[0x9f], &mut Vec::new());
    assert_eq!(fails, Err((0, CodecErrorKind::NoSuchCharacter('€'))));
    let fails = EbcdicEncoder::new(&options, LineEnd::Lf).encode(b"x\xa4", &mut Vec::new());
    assert_eq!(fails, Err((1, CodecErrorKind::NoSuchCharacter('¤'))));
    options.unmappable = Unmappable::Substitute;
    assert_eq!(decoded(&options, &[0x9f]), [SUB]);
    options.charset = LocalCharset::Utf8;
    options.code_page = CodePage::Cp037;
    assert_eq!(encoded(&options, "€".as_bytes(), 2), [0x3f]);
}

#[test]
fn lines_end_with_nl() {
    // RFC 959 §3.1.1.2.
    let mut options = Options::default();
    assert_eq!(
        encoded(&options, b"A\nB\r\n", 1),
        [0xc1, 0x15, 0xc2, 0x0d, 0x15]
    );
    assert_eq!(decoded(&options, &[0x25]), "\u{85}".as_bytes());
    options.line_end = LineEnd::CrLf;
    assert_eq!(
        encoded(&options, b"A\r\nB\r\r\n", 1),
        [0xc1, 0x15, 0xc2, 0x0d, 0x15]
    );
    options.new_line = NewLine::Lf;
    assert_eq!(encoded(&options, b"A\r\nB", 1), [0xc1, 0x25, 0xc2]);
}

#[test]
fn broken_utf8_is_an_error() {
    let options = Options::default();
    for bad in [
        &b"a\xff"[..],
        b"a\xc3(",
        b"a\x80",
        b"a\xed\xa0\x80",
        b"a\xf5\x80\x80\x80",
    ] {
        for chunk in [1, 9] {
            let mut encoder = EbcdicEncoder::new(&options, LineEnd::Lf);
            let mut out = Vec::new();
            let failed = bad
                .chunks(chunk)
                .any(|part| encoder.encode(part, &mut out).is_err());
            assert!(failed, "{bad:?}");
        }
    }
    let mut encoder = EbcdicEncoder::new(&options, LineEnd::Lf);
    encoder.encode(b"a\xc3", &mut Vec::new()).unwrap();
    assert_eq!(
        encoder.finish(&mut Vec::new()),
        Err(CodecErrorKind::NotUtf8)
    );
}
