//! What the output does: the golden files, compiled in, against octets of libtirpc and against each other.
#![expect(clippy::unwrap_used, reason = "tests may: a panic is how they fail")]

use fairway_xdr::{DecodeErrorKind, Decoder, Encode, EncodeErrorKind, Limits, from_slice, to_vec};

/// Hand-written types that extern.x refers to.
#[path = "../testdata/output/foreign.rs"]
#[expect(unreachable_pub, reason = "stands for another module of a user's")]
mod foreign;

macro_rules! generated {
    ($($name:ident $file:literal,)*) => { $(
        #[allow(
            dead_code,
            missing_docs,
            unnameable_types,
            unreachable_pub,
            clippy::allow_attributes,
            clippy::indexing_slicing,
            clippy::missing_errors_doc,
            clippy::semicolon_if_nothing_returned,
            clippy::needless_pass_by_value,
            reason = "generated code keeps the default lints, not ours"
        )]
        mod $name {
            include!(concat!("../testdata/output/", $file));
        }
    )* };
}

generated! {
    echo "echo.rs",
    mix "mix.rs",
    zoo "zoo.rs",
    outside "extern.rs",
    long "long.rs",
}

/// Encodes, checks the length that was promised, and decodes again.
#[track_caller]
fn round_trip<T>(value: &T) -> Vec<u8>
where
    T: Encode + fairway_xdr::DecodeOwned + PartialEq + std::fmt::Debug,
{
    let octets = to_vec(value).unwrap();
    assert_eq!(value.encoded_len(), octets.len(), "{value:?}");
    assert_eq!(&from_slice::<T>(&octets).unwrap(), value);
    assert!(<T as fairway_xdr::Decode<'_>>::MIN_LEN <= octets.len());
    if let Some(fixed) = T::fixed_len() {
        assert_eq!(fixed, octets.len());
    }
    for len in 0..octets.len() {
        assert!(
            from_slice::<T>(octets.get(..len).unwrap()).is_err(),
            "cut to {len}: {value:?}"
        );
    }
    octets
}

/// The octets that libtirpc writes by the code of the C rpcgen, for values that its benchmark fills in.
mod libtirpc {
    use super::*;
    use fairway_xdr::Decode;
    use mix::*;

    const REC: &[u8] = include_bytes!("../testdata/output/rec.xdr");
    const RECS: &[u8] = include_bytes!("../testdata/output/recs.xdr");
    const RDP_RES: &[u8] = include_bytes!("../testdata/output/rdp_res.xdr");

    #[test]
    fn a_struct_is_read_as_it_was_meant() {
        let rec: Rec = from_slice(REC).unwrap();
        assert_eq!(
            (rec.id, rec.delta, rec.size),
            (7, -49, 7 * 0x1_0000_0000 + 7 * 4096)
        );
        assert_eq!(
            (rec.stamp, rec.kind, rec.live),
            (-3_000_000_000 + 7, RecKind::REC_DIR, true)
        );
        assert_eq!((rec.score, rec.ratio), (3.5, 1.75));
        assert_eq!(rec.name, "record-name-000007.dat");
        assert_eq!(rec.note, "a note of moderate length about item 7, no more");
        assert_eq!(rec.fh.as_ref(), (7..7 + 25).collect::<Vec<u8>>());
        assert_eq!(rec.verf.0, [21, 22, 23, 24, 25, 26, 27, 28]);
        assert_eq!(rec.tag.0, [70, 71]);
        assert_eq!(round_trip(&rec), REC);
    }

    #[test]
    fn arrays_and_lists_come_back_with_the_same_octets() {
        let recs: Recs = from_slice(RECS).unwrap();
        assert_eq!(recs.len(), 3);
        assert_eq!(round_trip(&recs), RECS);
        let res: RdpRes = from_slice(RDP_RES).unwrap();
        assert_eq!((res.entries.len(), res.eof), (9, true));
        assert_eq!(
            res.entries.get(7).unwrap().name_attributes,
            N3postAttr::False
        );
        assert_eq!(round_trip(&res), RDP_RES);
    }

    #[test]
    fn borrowed_types_hold_slices_of_the_input() {
        let mut d = Decoder::new(RDP_RES);
        let res = RdpResRef::decode(&mut d).unwrap();
        d.finish().unwrap();
        let name = res.entries.get(3).unwrap().name;
        assert_eq!(name, "file-00003.txt");
        assert!(RDP_RES.as_ptr_range().contains(&name.as_ptr()));
        assert_eq!(to_vec(&res).unwrap(), RDP_RES);
    }

    #[test]
    fn errors_name_the_member_and_the_octet() {
        let mut octets = REC.to_vec();
        *octets.get_mut(27).unwrap() = 3;
        let error = from_slice::<Rec>(&octets).unwrap_err();
        assert_eq!(error.to_string(), "kind at octet 24: 3 is no rec_kind");
        let mut octets = RDP_RES.to_vec();
        *octets.get_mut(99).unwrap() = 7;
        let error = from_slice::<RdpRes>(&octets).unwrap_err();
        assert_eq!(error.to_string(), "entries at octet 96: 7 is no bool");
    }
}

mod shapes {
    use super::*;
    use fairway_xdr::{Chain, Quad};
    use zoo::*;

    fn node(value: i32) -> Node {
        Node { value }
    }

    fn chain(values: &[i32]) -> Chain<Node> {
        let mut nodes = values.iter().map(|&value| node(value));
        Chain {
            first: nodes.next().unwrap(),
            rest: nodes.collect(),
        }
    }

    fn entry(name: &str) -> Entry {
        Entry {
            name: name.to_owned(),
        }
    }

    #[test]
    fn constants_keep_their_values() {
        assert_eq!((BIG, NEG64, NEG, OCT), (u64::MAX, i64::MIN, -5, 0o755));
        assert_eq!(GREETING, "a \"quoted\" \\ string\n");
        assert_eq!((LOWER_CASE, WIDE), (7, 5_000_000_000));
    }

    #[test]
    fn enums_know_their_names() {
        assert_eq!(Color::BLUE, Color::AZURE);
        assert_eq!(
            format!("{:?} {} {}", Color::BLUE, Color(0), Color(77)),
            "blue GREEN 77"
        );
        round_trip(&Color::TYPE);
        let error = from_slice::<Color>(&[0, 0, 0, 77]).unwrap_err();
        assert!(matches!(
            error.kind(),
            DecodeErrorKind::Enum { value: 77, .. }
        ));
        for value in [1, 3, 5, 7, 100, i32::MIN, 101, 102, 800_000] {
            round_trip(&Sparse(value));
        }
        for value in [0, 2, 99, 103, i32::MAX] {
            assert!(from_slice::<Sparse>(&value.to_be_bytes()).is_err());
        }
    }

    #[test]
    fn runs_between_other_members() {
        let value = RunMix {
            a: -1,
            b: true,
            n: NameT("name".into()),
            c: 2,
            d: i64::MIN,
            t: TagT([1, 2, 3, 4, 5]),
            q: *b"12345678",
            v: [1, -2, 3],
            s: "text".into(),
            k: Color::RED,
            o: One { x: 9 },
            f: Floats {
                a: 1.5,
                b: -2.5,
                c: Quad::from(3.25),
            },
            w: [0.5, 1.5, 2.5, 3.5],
            tail: Ints(vec![1, 2, 3]),
        };
        let octets = round_trip(&value);
        // TagT's three octets of padding are checked, in the run too.
        let at = octets
            .windows(5)
            .position(|octets| octets == [1, 2, 3, 4, 5])
            .unwrap()
            + 5;
        let mut wrong = octets;
        *wrong.get_mut(at).unwrap() = 1;
        let error = from_slice::<RunMix>(&wrong).unwrap_err();
        assert!(matches!(error.kind(), DecodeErrorKind::Padding), "{error}");
    }

    #[test]
    fn fixed_structs_are_one_run() {
        let value = FixedMix {
            a: TagT([9; 5]),
            b: LongTag([7; 40]),
            c: Grid([1, 2, 3, 4, 5, 6]),
            d: Grids([Grid([7; 6]), Grid([8; 6])]),
            f: Flags([true; 40]),
            g: -7,
            p: Pair([Color::RED, Color::GREEN]),
        };
        assert_eq!(round_trip(&value).len(), 8 + 40 + 48 + 96 + 160 + 4 + 8);
        round_trip(&Narrow {
            a: -128,
            b: 255,
            c: -32768,
            d: 65535,
            e: 1,
            f: 2,
            g: 3,
        });
        // A char is 4 octets; what does not fit is refused.
        let mut octets = round_trip(&Narrow::default());
        *octets.get_mut(2).unwrap() = 1;
        let error = from_slice::<Narrow>(&octets).unwrap_err();
        assert_eq!(error.path().to_string(), "a");
    }

    #[test]
    fn defaults_are_zeros_where_arrays_are_long() {
        assert_eq!(LongTag::default().0, [0; 40]);
        assert_eq!(Flags::default().0, [false; 40]);
        assert_eq!(Reals::default().0, [0.0; 64]);
        assert_eq!(round_trip(&LongRun::default()), [0; 1208]);
        assert_eq!(round_trip(&Empty {}), []);
    }

    #[test]
    fn lists_are_vectors() {
        let value = Holder {
            list: vec![node(1), node(2)],
            direct: chain(&[3]),
            via: EntryList(vec![entry("a")]),
            also: vec![],
            many: vec![chain(&[4, 5]), chain(&[6])],
            few: [chain(&[7]), chain(&[8, 9, 10])],
        };
        round_trip(&value);
        round_trip(&UList::Case1(vec![]));
        round_trip(&UList::Case2(chain(&[1, 2])));
        round_trip(&UList::Case3(Chain {
            first: entry("x"),
            rest: vec![entry("y")],
        }));
        round_trip(&UList::Default(4, vec![node(1)]));
        round_trip(&Lonely {});
    }

    /// S2: a million entries, no stack.
    #[test]
    fn a_million_entries_are_a_loop() {
        let many: Vec<Node> = (0..1_000_000).map(node).collect();
        let octets = to_vec(&UList::Case1(many)).unwrap();
        let UList::Case1(back) = from_slice(&octets).unwrap() else {
            unreachable!()
        };
        assert_eq!(back.len(), 1_000_000);
        assert_eq!(back.last().unwrap().value, 999_999);
    }

    #[test]
    fn trees_and_mutual_recursion_are_boxed() {
        let leaf = |value| {
            Some(Box::new(Tree {
                value,
                left: None,
                right: None,
            }))
        };
        round_trip(&Tree {
            value: 1,
            left: leaf(2),
            right: leaf(3),
        });
        round_trip(&Ping {
            other: Some(Box::new(Pong {
                other: Some(Box::new(Ping { other: None })),
                x: 5,
            })),
        });
        let kids = vec![Multi {
            kids: vec![],
            label: "kid".into(),
        }];
        round_trip(&Multi {
            kids,
            label: "top".into(),
        });
        round_trip(&RecU::Case0(Box::new(RecU::Case2(Box::new([
            RecU::Case1(1),
            RecU::Default(9),
        ])))));
        round_trip(&RecOpt::True(Some(Box::new(RecOpt::True(Some(Box::new(
            RecOpt::False,
        )))))));
        round_trip(&Backwards {
            next: Some(Box::new(Backwards { next: None, v: 1 })),
            v: 2,
        });
    }

    /// S2: depth bombs, over each way to recurse.
    #[test]
    fn depth_is_limited() {
        let too_deep =
            |error: fairway_xdr::DecodeError| matches!(error.kind(), DecodeErrorKind::Depth { .. });
        // Tree: value, then TRUE for the left one, again and again.
        let tree = [0, 0, 0, 1, 0, 0, 0, 1].repeat(100_000);
        assert!(too_deep(from_slice::<Tree>(&tree).unwrap_err()));
        // Multi: one kid that has one kid.
        let multi = [0, 0, 0, 1].repeat(100_000);
        assert!(too_deep(from_slice::<Multi>(&multi).unwrap_err()));
        // RecU: case 0 within case 0.
        let union = [0; 400_000];
        assert!(too_deep(from_slice::<RecU>(&union).unwrap_err()));
        let limit = usize::from(Limits::DEFAULT.max_depth);
        assert!(
            from_slice::<RecU>(&[vec![0; 4 * (limit - 2)], vec![0, 0, 0, 1, 0, 0, 0, 5]].concat())
                .is_ok()
        );
    }

    #[test]
    fn unions_have_a_variant_for_each_label() {
        round_trip(&ByBool::True(1));
        round_trip(&ByBool::False("no".into()));
        round_trip(&ByBoolDefault::Default(false));
        round_trip(&ByBoolAll::False);
        assert_eq!(
            round_trip(&ByInt::CaseNeg3(7)),
            [0xff, 0xff, 0xff, 0xfd, 0, 0, 0, 7]
        );
        round_trip(&ByInt::Case4(7));
        round_trip(&ByInt::Case16);
        round_trip(&ByInt::Default(5, "five".into()));
        round_trip(&ByUint::Case4294967295([1, 2, 3]));
        round_trip(&ByUint::Case2(vec![1, 2].into()));
        round_trip(&ByEnum::Blue(Names(vec![NameT("n".into())])));
        round_trip(&ByEnumDefault::Default(Color::TYPE, 5));
        round_trip(&ByEnumDefault::Red(Maybe(Some(4))));
        round_trip(&ByChar::CaseA(1));
        round_trip(&ByChar::CaseZ(0.5));
        round_trip(&ByChar::Case43);
        round_trip(&ByShort::Default(65535, vec![9].into()));
        round_trip(&AllSame::Only);
        round_trip(&Scalars::Case9(Empty {}));
        round_trip(&Scalars::Case11([1, 2, 3]));
        round_trip(&Scalars::Case13(Some(Color::RED)));
        round_trip(&BigRun::Case1(Box::new([3; 900])));
        round_trip(&BigRun::Case2(Flags([true; 40])));
        round_trip(&BigRun::Default(8, Default::default()));
        round_trip(&BigOpt::Case1(Box::default()));
    }

    #[test]
    fn unions_refuse_what_they_do_not_list() {
        let error = from_slice::<ByEnum>(&[0, 0, 0, 6]).unwrap_err();
        assert!(
            matches!(error.kind(), DecodeErrorKind::Arm { .. }),
            "{error}"
        );
        let error = from_slice::<ByChar>(&[0, 0, 0, 98]).unwrap_err();
        assert!(
            matches!(error.kind(), DecodeErrorKind::Arm { .. }),
            "{error}"
        );
        for value in [
            ByInt::Default(-3, String::new()),
            ByInt::Default(16, String::new()),
        ] {
            let error = to_vec(&value).unwrap_err();
            assert!(
                matches!(error.kind(), EncodeErrorKind::ListedCase { .. }),
                "{error}"
            );
        }
        assert!(to_vec(&ByBoolAll::Default(true)).is_err());
        assert!(to_vec(&ByEnumDefault::Default(Color::GREEN, 1)).is_err());
    }

    #[test]
    fn bounds_hold_both_ways() {
        let long = NameT("x".repeat(13));
        let error = to_vec(&long).unwrap_err();
        assert!(
            matches!(error.kind(), EncodeErrorKind::TooLong { .. }),
            "{error}"
        );
        let octets = to_vec(&fairway_xdr::Text("x".repeat(13))).unwrap();
        let error = from_slice::<NameT>(&octets).unwrap_err();
        assert!(
            matches!(error.kind(), DecodeErrorKind::TooLong { .. }),
            "{error}"
        );
        let short = Huge(vec![1; 99_999].into());
        let error = to_vec(&short).unwrap_err();
        assert!(
            matches!(error.kind(), EncodeErrorKind::WrongLength { .. }),
            "{error}"
        );
        let huge = Huge(vec![1; 100_000].into());
        assert_eq!(to_vec(&huge).unwrap(), vec![1; 100_000]);
        assert_eq!(from_slice::<Huge>(&vec![1; 100_000]).unwrap(), huge);
    }

    #[test]
    fn anonymous_types_are_named_after_their_member() {
        let value = Outer {
            inner: OuterInner {
                x: 1,
                u: OuterInnerU::Case1(2),
            },
            kind: OuterKind::OUT_B,
            many: vec![OuterMany { s: "s".into() }],
        };
        round_trip(&value);
        round_trip(&Tunion::Ta(1));
        round_trip(&Tstruct { a: 1, b: 2 });
    }

    #[test]
    fn newtypes_convert_and_dereference() {
        let names: Ints = vec![1, 2].into();
        assert_eq!(names.len(), 2);
        let back: Vec<i32> = names.into();
        assert_eq!(back, [1, 2]);
    }
}

mod externs {
    use super::*;
    use foreign::{Address, Kind};
    use outside::*;

    #[test]
    fn types_from_elsewhere_are_used_as_they_are() {
        let value = Peer {
            here: Address(1),
            weight: 2,
            more: vec![Address(3)],
            maybe: Some(Address(4)),
        };
        assert_eq!(round_trip(&value).len(), 4 + 4 + 8 + 8);
        round_trip(&ByKind::KindA(Address(5)));
        round_trip(&ByKind::Default(Kind(9), vec![1].into()));
        assert!(to_vec(&ByKind::Default(Kind(2), vec![].into())).is_err());
        assert!(from_slice::<PlainKind>(&[0, 0, 0, 10]).is_err());
    }
}

/// Generated client and generated server, over memory.
mod calls {
    use super::*;
    use fairway_rpc::{
        Args, CallContext, CallError, CallFuture, Client, ClientConfig, ConnectError, Refusal,
        Reply, Server, Service, Transport,
    };
    use fairway_stack::Net;
    use fairway_xdr::Text;
    use zoo::*;

    struct Echo;

    impl echo::EchoV1 for Echo {
        async fn blob(
            &self,
            _: &CallContext,
            arg: echo::EchoBlob,
        ) -> Result<Reply<echo::EchoBlob>, Refusal> {
            Ok(arg.into())
        }

        async fn stat(&self, _: &CallContext, arg: u32) -> Result<Reply<echo::EchoStat>, Refusal> {
            Ok(echo::EchoStat { calls: arg, pad: 1 }.into())
        }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(future)
    }

    #[test]
    fn reach_the_method_and_come_back() {
        run(async {
            let net = Net::system();
            let server = Server::builder(&net)
                .service(echo::EchoV1Service::new(Echo))
                .start()
                .await
                .unwrap();
            let client = echo::EchoV1Client::new(Client::memory(&server));
            client.null().await.unwrap();
            let blob = echo::EchoBlob(vec![7; 5000].into());
            assert_eq!(client.blob(&blob).await.unwrap(), blob);
            assert_eq!(
                client.stat(9).await.unwrap(),
                echo::EchoStat { calls: 9, pad: 1 }
            );
            server.shutdown(std::time::Duration::ZERO).await;
        });
    }

    /// A portmapper that knows nothing but `ECHO_PROG` over TCP, at this port (RFC 1833 §2.1: RPCBPROC_GETADDR).
    struct Mapper(u16);

    impl Service for Mapper {
        fn program(&self) -> u32 {
            100_000
        }

        fn version(&self) -> u32 {
            4
        }

        fn call(&self, cx: CallContext, args: Args) -> CallFuture {
            let [high, low] = self.0.to_be_bytes();
            Box::pin(async move {
                let (program, version, netid, ..) =
                    args.decode::<(u32, u32, Text, Text, Text)>()?;
                let known = (program, version, &netid.0[..]) == (echo::ECHO_PROG, 1, "tcp");
                let address = if known {
                    format!("127.0.0.1.{high}.{low}")
                } else {
                    String::new()
                };
                cx.reply(Reply::Value(Text(address)))
            })
        }
    }

    #[test]
    fn are_found_by_the_portmapper_of_their_host() {
        run(async {
            let net = Net::system();
            let any = "127.0.0.1:0".parse().unwrap();
            let server = Server::builder(&net)
                .service(echo::EchoV1Service::new(Echo))
                .listen_tcp(any);
            let server = server.start().await.unwrap();
            let mapper = Server::builder(&net)
                .service(Mapper(server.tcp_addr().unwrap().port()))
                .listen_tcp(any);
            let mapper = mapper.start().await.unwrap();
            let config = ClientConfig::new().portmapper_port(mapper.tcp_addr().unwrap().port());
            let client =
                echo::EchoV1Client::dial(&net, "127.0.0.1", Transport::Tcp, config.clone()).await;
            assert_eq!(client.unwrap().stat(9).await.unwrap().calls, 9);

            let error = ZooV2Client::dial(&net, "127.0.0.1", Transport::Tcp, config).await;
            assert!(matches!(error, Err(ConnectError::NotRegistered { .. })));
        });
    }

    struct Keeper;

    /// The procedures that a test calls; the others are unknown.
    impl ZooV2 for Keeper {
        async fn echo(&self, _: &CallContext) -> Result<Reply<String>, Refusal> {
            Ok("text".to_owned().into())
        }

        async fn zero(&self, _: &CallContext, arg: i32) -> Result<Reply<i32>, Refusal> {
            if arg == 0 {
                Err(Refusal::ProcUnavail)
            } else {
                Ok((-arg).into())
            }
        }

        async fn few(
            &self,
            _: &CallContext,
            word: ZooFewWord,
            numbers: ZooFewNumbers,
            key: ZooFewKey,
        ) -> Result<Reply<i32>, Refusal> {
            assert_eq!(*key, [1, 2, 3, 4]);
            Ok((i32::try_from(word.len()).unwrap() + numbers.iter().sum::<i32>()).into())
        }
    }

    #[test]
    fn text_results_and_refusals() {
        run(async {
            let net = Net::system();
            let server = Server::builder(&net)
                .service(ZooV2Service::new(Keeper))
                .start()
                .await
                .unwrap();
            let client = ZooV2Client::new(Client::memory(&server));
            assert_eq!(client.echo().await.unwrap(), "text");
            assert_eq!(client.zero(5).await.unwrap(), -5);
            assert!(matches!(
                client.zero(0).await.unwrap_err(),
                CallError::ProcUnavail
            ));
            let other = ZooV1Client::new(Client::memory(&server));
            let error = other.add(1, 2).await.unwrap_err();
            assert!(
                matches!(error, CallError::ProgMismatch { low: 2, high: 2 }),
                "{error}"
            );
            server.shutdown(std::time::Duration::ZERO).await;
        });
    }

    /// RFC 4506 §4.11, §4.13: a length beyond the maximum is an error; arguments with a bound are no exception.
    #[test]
    fn bounds_of_arguments_hold_on_both_sides() {
        run(async {
            let net = Net::system();
            let server = Server::builder(&net)
                .service(ZooV2Service::new(Keeper))
                .start()
                .await
                .unwrap();
            let connection = Client::memory(&server);
            let client = ZooV2Client::new(connection.clone());
            let few = |word: &str, numbers: &[i32]| {
                let arguments = (
                    ZooFewWord(word.to_owned()),
                    ZooFewNumbers(numbers.to_vec()),
                    ZooFewKey([1, 2, 3, 4]),
                );
                let client = client.clone();
                async move {
                    let (word, numbers, key) = arguments;
                    client.few(&word, &numbers, &key).await
                }
            };
            assert_eq!(few("eight888", &[20, 3]).await.unwrap(), 31);
            for (word, numbers) in [("nine99999", &[1][..]), ("one", &[1, 2, 3])] {
                let error = few(word, numbers).await.unwrap_err();
                assert!(matches!(error, CallError::Encode(_)), "{error}");
                // A client that does not look: the same octets, without the bounds.
                let arguments = (
                    Text(word.to_owned()),
                    fairway_xdr::Array(numbers.to_vec()),
                    ZooFewKey([1, 2, 3, 4]),
                );
                let procedure = fairway_rpc::Procedure::new(ZOO_PROG, ZOO_V2, ZOO_FEW);
                let options = fairway_rpc::CallOptions::default();
                let answer: Result<i32, _> = connection.call(procedure, &arguments, &options).await;
                let error = answer.unwrap_err();
                assert!(matches!(error, CallError::GarbageArgs), "{error}");
            }
            server.shutdown(std::time::Duration::ZERO).await;
        });
    }
}
