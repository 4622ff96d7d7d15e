use super::{CodePage, Event, Format, Mode, Node, Place, Reader, Structure, Type, Writer};
use crate::Random;

/// Sends `node` by `format` to a reader that gets it in portions of `portion` octets.
fn through(format: Format, node: &Node, start: usize, portion: usize) -> (Node, Vec<String>) {
    let wire = format.encode(node, start);
    let (mut reader, mut writer) = (Reader::new(format), Writer::new(format, Place::default()));
    let (mut got, mut markers) = (Node::file("", 0), Vec::new());
    let mut ended = false;
    let mut take = |events: Vec<Event>| {
        for event in events {
            match event {
                Event::Octets(octets) => writer.octets(&octets, &mut got),
                Event::EndOfRecord => writer.end_of_record(&mut got),
                Event::EndOfFile => {
                    writer.end(&mut got);
                    ended = true;
                }
                Event::Marker(text) => markers.push(String::from_utf8(text).unwrap()),
            }
        }
    };
    for piece in wire.chunks(portion) {
        take(reader.read(piece).unwrap());
    }
    take(reader.end().unwrap());
    assert!(ended);
    (got, markers)
}

#[test]
fn every_format_gives_the_file_back() {
    let mut random = Random::for_test("every_format_gives_the_file_back", 1);
    let mut texts = vec![
        Vec::new(),
        b"\n".to_vec(),
        b"a\n\nb\n".to_vec(),
        b"no end".to_vec(),
    ];
    for _ in 0..6 {
        let octets = (0..random.below(900)).map(|_| *random.pick(b"  \0\0ab\xff@\x40\n"));
        texts.push(octets.collect());
    }
    for kind in [Type::Ascii, Type::Ebcdic, Type::Image] {
        for structure in [Structure::File, Structure::Record] {
            for mode in [Mode::Stream, Mode::Block, Mode::Compressed, Mode::Deflate] {
                for (ends_apart, markers) in [(false, None), (true, Some(10)), (false, Some(100))] {
                    let format = Format {
                        kind,
                        structure,
                        mode,
                        ends_apart,
                        markers,
                        block: 50,
                        ..Format::default()
                    };
                    for text in &texts {
                        let node = Node::file(text.clone(), 0);
                        let (got, _) = through(format, &node, 0, 1 + random.below(300));
                        let mut expected = text.clone();
                        if structure == Structure::Record {
                            if kind == Type::Image {
                                // What was cut at line ends is remembered as records.
                                assert_eq!(
                                    format.records(&got, text),
                                    format.records(&node, text),
                                    "{format:?}"
                                );
                            } else if !text.is_empty() && !text.ends_with(b"\n") {
                                expected.push(b'\n');
                            }
                        }
                        assert_eq!(*got.content.unwrap(), expected, "{format:?} {text:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_marker_is_where_a_transfer_goes_on() {
    let text: Vec<u8> = (0..50)
        .flat_map(|n| format!("line {n}\n").into_bytes())
        .collect();
    let node = Node::file(text.clone(), 0);
    for mode in [Mode::Block, Mode::Compressed] {
        for structure in [Structure::File, Structure::Record] {
            let format = Format {
                mode,
                structure,
                markers: Some(64),
                ..Format::default()
            };
            let (_, markers) = through(format, &node, 0, 7);
            assert!(markers.len() > 3);
            for marker in markers {
                let place = Place::parse(&marker).unwrap();
                let (rest, _) = through(format, &node, place.offset, 1000);
                assert_eq!(
                    *rest.content.unwrap(),
                    text[place.offset..],
                    "{format:?} {marker}"
                );
            }
        }
    }
}

// RFC 959 §3.4.1–3.4.3, octet by octet.
#[test]
fn octets_are_those_of_the_rfc() {
    let node = Node::file("ab\nc\n", 0);
    let format = |mode, kind, structure| Format {
        mode,
        kind,
        structure,
        ..Format::default()
    };
    let wire = |format: Format| format.encode(&node, 0).to_vec();
    assert_eq!(
        wire(format(Mode::Stream, Type::Ascii, Structure::File)),
        b"ab\r\nc\r\n"
    );
    assert_eq!(
        wire(format(Mode::Stream, Type::Ascii, Structure::Record)),
        b"ab\xff\x01c\xff\x03"
    );
    assert_eq!(
        wire(format(Mode::Block, Type::Image, Structure::File)),
        b"\x40\0\x05ab\nc\n"
    );
    assert_eq!(
        wire(format(Mode::Block, Type::Ascii, Structure::Record)),
        b"\x80\0\x02ab\xc0\0\x01c"
    );
    assert_eq!(
        wire(format(Mode::Compressed, Type::Ebcdic, Structure::Record)),
        [0, 0x80, 2, 0x81, 0x82, 0, 0xc0, 1, 0x83]
    );
    let node = Node::file("xxxxx    \0\0", 0);
    let format = Format {
        mode: Mode::Compressed,
        ..Format::default()
    };
    assert_eq!(*format.encode(&node, 0), b"\x85x\xc4\0\x40\x02\0\0");
    assert_eq!(format.page, CodePage::Ibm1047);
}

// RFC 3659 §5.2: REST counts octets of the wire.
#[test]
fn places_count_octets_of_the_wire() {
    let format = Format::default();
    let place = |sent| {
        let place = format.place_in(b"a\nb", sent);
        (place.offset, place.after_cr)
    };
    assert_eq!(
        [0, 1, 2, 3, 4, 9].map(place),
        [
            (0, false),
            (1, false),
            (1, true),
            (2, false),
            (3, false),
            (8, false)
        ]
    );
}
