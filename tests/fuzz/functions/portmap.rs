//! The portmapper's decoders: requests, files, addresses.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use fairway_portmap::access::Access;
use fairway_portmap::config::Config;
use fairway_portmap::core::Core;
use fairway_portmap::hosts::Rules;
use fairway_portmap::registry::Limits;
use fairway_portmap::{Portmapper, address};
use fairway_rpc::{CallError, CallOptions, Client, Procedure, Server};
use fairway_stack::Net;
use tokio::runtime::Runtime;

/// A portmapper that is asked in memory, and kept between inputs: what one registers, the next may find.
struct Fixture {
    runtime: Runtime,
    portmapper: Portmapper,
    client: Client,
    _server: Server,
}

/// Mappings it may hold.
const MAPPINGS: usize = 64;

impl Fixture {
    fn new() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let (portmapper, server, client) = runtime.block_on(async {
            let net = Net::system();
            let limits = Limits {
                mappings: MAPPINGS,
                mappings_per_owner: MAPPINGS,
                text: 100,
            };
            let portmapper = Portmapper::new(&net, Core::new(limits, Access::default()));
            let builder = Server::builder(&net).registry(portmapper.services());
            let server = builder.start().await.expect("a server without sockets");
            let client = Client::memory(&server);
            (portmapper, server, client)
        });
        Self {
            runtime,
            portmapper,
            client,
            _server: server,
        }
    }
}

thread_local! {
    static FIXTURE: RefCell<Option<Fixture>> = const { RefCell::new(None) };
}

/// Version, procedure, arguments: every request is answered or refused, none by a failure of ours; the table keeps its bounds.
pub(super) fn request(input: &[u8]) -> bool {
    let Some(([.., version, _, _, _, procedure], arguments)) = input.split_first_chunk::<8>()
    else {
        return false;
    };
    let whole = arguments.len() / 4 * 4;
    let arguments = Bytes::copy_from_slice(arguments.get(..whole).unwrap_or_default());
    let version = 2 + u32::from(*version) % 3;
    let procedure = Procedure::new(100_000, version, u32::from(*procedure) % 14);
    FIXTURE.with_borrow_mut(|fixture| {
        let fixture = fixture.get_or_insert_with(Fixture::new);
        // CALLIT is silent on any failure (RFC 1833 §3.2): its answer need not be waited for.
        let silent = procedure.procedure == 5;
        let options = if silent {
            CallOptions::default().deadline(Duration::from_millis(1))
        } else {
            CallOptions::default()
        };
        let call = fixture.client.call_raw(procedure, arguments, &options);
        let answer = fixture.runtime.block_on(call);
        assert!(fixture.portmapper.core().registry.len() <= MAPPINGS);
        match answer {
            Ok(_) => true,
            Err(CallError::GarbageArgs | CallError::ProcUnavail | CallError::Auth(_)) => false,
            Err(CallError::TimedOut) if silent => true,
            // INDIRECT says why it made no call (RFC 1833 §2.2.2); so the program may be unknown, its version too, or indirect calls off.
            Err(CallError::ProgUnavail | CallError::ProgMismatch { .. } | CallError::SystemErr)
                if procedure.procedure == 10 =>
            {
                true
            }
            Err(error) => panic!("{procedure}: {error}"),
        }
    })
}

/// Rules of hosts.allow and hosts.deny: read twice the same, with remarks on lines that are there.
pub(super) fn hosts(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else {
        return false;
    };
    let (rules, remarks) = Rules::parse(("allow", text), ("deny", text));
    assert_eq!(rules, Rules::parse(("allow", text), ("deny", text)).0);
    let lines = text.split('\n').count();
    assert!(
        remarks
            .iter()
            .all(|remark| (1..=lines).contains(&remark.line))
    );
    let callers = ["127.0.0.1", "192.0.2.7", "::1", "2001:db8::7"];
    for caller in callers.iter().filter_map(|caller| caller.parse().ok()) {
        // Nobody is refused by rules that refuse nobody.
        assert!(rules.grants(caller) || !rules.is_open());
    }
    !rules.is_open()
}

/// A configuration that is taken is taken again as it prints itself.
pub(super) fn config(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else {
        return false;
    };
    match Config::parse(Path::new("fuzz.toml"), text) {
        Ok(config) => {
            let again = Config::parse(Path::new("again.toml"), &config.to_toml());
            assert_eq!(again.expect("what it prints is a configuration"), config);
            true
        }
        Err(error) => {
            assert!(error.to_string().starts_with("fuzz.toml"));
            false
        }
    }
}

/// RFC 5665: what is an address is written as one, and read the same.
pub(super) fn universal(input: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(input) else {
        return false;
    };
    let ours = address::parse(text);
    if let Some(address) = ours {
        assert_eq!(address::parse(&address::universal(address)), Some(address));
    }
    if let Some(address) = fairway_rpc::bind::parse_universal(text) {
        let written = fairway_rpc::bind::universal(&address);
        assert_eq!(fairway_rpc::bind::parse_universal(&written), Some(address));
    }
    ours.is_some()
}
