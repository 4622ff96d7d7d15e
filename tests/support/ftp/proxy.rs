//! A proxy between an FTP client and a server that cuts and stalls their connections where a test wants it.
//!
//! It passes every octet as it is. The client connects to the proxy's address instead of the server's; data
//! connections come the same way, as the proxy reads the ports in 227 and 229 replies and listens on the same ports
//! of its own address. So its address is another than the server's, and the client does not use the one in a 227.
//! Ports under TLS are not read: they are told by [`FaultProxy::pass_ports`]. Data connections that the server makes
//! (PORT, EPRT) do not come this way.

use fairway_stack::option::{Linger, NoDelay, OobInline};
use fairway_stack::{Net, NetError, Task, TcpListener, TcpStream};
use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A running proxy; stopped when dropped.
pub struct FaultProxy {
    shared: Arc<Shared>,
    address: SocketAddr,
}

/// A fault: once, at the first place where it fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which connections.
    pub channel: Channel,
    /// The how-manieth of them, from 0; `None` is any.
    pub connection: Option<u64>,
    /// Whose octets are counted.
    pub sender: Sender,
    /// After what.
    pub after: After,
    /// What happens.
    pub action: Action,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// Commands and replies.
    Control,
    /// Files and listings.
    Data,
}

/// One end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The client.
    Client,
    /// The server.
    Server,
}

/// A place in a stream; what is before it is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// So many octets of a connection, 0 being its beginning.
    Octets(u64),
    /// So many commands, or whole replies, of a control connection without TLS.
    Messages(u64),
}

/// What happens to a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Both ends see its end, in order.
    Close,
    /// Both ends see a reset.
    Reset,
    /// Nothing passes any more, either way; neither end is told.
    Stall,
    /// Every connection of the proxy, control and data, is closed.
    CloseAll,
}

/// Numbers of a proxy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Passed {
    /// Control connections made.
    pub controls: u64,
    /// Data connections made.
    pub datas: u64,
    /// Octets of control connections to the server.
    pub control_to_server: u64,
    /// Octets of control connections to the client.
    pub control_to_client: u64,
    /// Octets of data connections to the server.
    pub data_to_server: u64,
    /// Octets of data connections to the client.
    pub data_to_client: u64,
    /// Faults that happened.
    pub faults: u64,
}

struct Shared {
    net: Net,
    here: IpAddr,
    server: SocketAddr,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    faults: Vec<Fault>,
    passed: Passed,
    /// Ports that data connections are taken on.
    ports: BTreeSet<u16>,
    listening: Vec<Task<()>>,
    connections: Vec<Task<()>>,
}

impl fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultProxy")
            .field("address", &self.address)
            .field("server", &self.shared.server)
            .finish_non_exhaustive()
    }
}

impl FaultProxy {
    /// Starts a proxy at `listen`, whose address is not the server's; port 0 means any free one.
    ///
    /// # Errors
    /// Those of listening.
    pub fn start(net: &Net, listen: SocketAddr, server: SocketAddr) -> Result<Self, NetError> {
        let listener = net.listen_tcp(listen)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            net: net.clone(),
            here: listen.ip(),
            server,
            state: Mutex::default(),
        });
        let task = net.spawn(accept(
            Arc::clone(&shared),
            listener,
            Channel::Control,
            server,
        ));
        shared.state().listening.push(task);
        Ok(Self { shared, address })
    }

    /// Where clients connect to.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a fault.
    pub fn fault(&self, fault: Fault) {
        self.shared.state().faults.push(fault);
    }

    /// Forgets the faults that have not happened.
    pub fn forget_faults(&self) {
        self.shared.state().faults.clear();
    }

    /// Takes data connections for these ports, for servers whose replies are under TLS.
    ///
    /// # Errors
    /// Those of listening.
    pub fn pass_ports(&self, ports: impl IntoIterator<Item = u16>) -> Result<(), NetError> {
        ports
            .into_iter()
            .try_for_each(|port| listen(&self.shared, port))
    }

    /// Closes every connection there is.
    pub fn close_connections(&self) {
        self.shared.close_connections();
    }

    /// The numbers.
    #[must_use]
    pub fn passed(&self) -> Passed {
        self.shared.state().passed
    }

    /// Ends it: nobody listens any more, every connection is closed.
    pub fn stop(&self) {
        // What a task drops may lock the state.
        let listening = std::mem::take(&mut self.shared.state().listening);
        for task in listening {
            task.abort();
        }
        self.close_connections();
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Fault {
    /// A fault of any connection of this kind.
    #[must_use]
    pub const fn new(channel: Channel, sender: Sender, after: After, action: Action) -> Self {
        Self {
            channel,
            connection: None,
            sender,
            after,
            action,
        }
    }

    /// The same, of the how-manieth one only, from 0.
    #[must_use]
    pub const fn of(mut self, connection: u64) -> Self {
        self.connection = Some(connection);
        self
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn close_connections(&self) {
        let connections = std::mem::take(&mut self.state().connections);
        for task in connections {
            task.abort();
        }
    }
}

/// Takes data connections on a port, from now on.
fn listen(shared: &Arc<Shared>, port: u16) -> Result<(), NetError> {
    let mut state = shared.state();
    if state.ports.contains(&port) {
        return Ok(());
    }
    let listener = shared.net.listen_tcp((shared.here, port).into())?;
    let _new = state.ports.insert(port);
    let server = (shared.server.ip(), port).into();
    let taking = accept(Arc::clone(shared), listener, Channel::Data, server);
    // A future of its own type would contain itself: whoever passes replies listens.
    let taking: Pin<Box<dyn Future<Output = ()> + Send>> = Box::pin(taking);
    let task = shared.net.spawn(taking);
    state.listening.push(task);
    Ok(())
}

/// Takes connections, for ever.
async fn accept(shared: Arc<Shared>, listener: TcpListener, channel: Channel, server: SocketAddr) {
    loop {
        let Ok((client, _)) = listener.accept().await else {
            continue;
        };
        let mut state = shared.state();
        let count = match channel {
            Channel::Control => &mut state.passed.controls,
            Channel::Data => &mut state.passed.datas,
        };
        let number = *count;
        *count += 1;
        let task = shared
            .net
            .spawn(pass(Arc::clone(&shared), channel, number, client, server));
        state.connections.retain(|task| !task.is_finished());
        state.connections.push(task);
    }
}

/// How a direction of a connection ended.
enum Ended {
    Orderly,
    Broken,
    By(Action),
}

/// Passes a connection on, to its end.
async fn pass(
    shared: Arc<Shared>,
    channel: Channel,
    number: u64,
    client: TcpStream,
    server: SocketAddr,
) {
    let Ok(server) = shared.net.connect_tcp(server).await else {
        return;
    };
    for stream in [&client, &server] {
        let _refused = stream.set(NoDelay, true);
        let _refused = stream.set(OobInline, true);
    }
    let lane = |sender| Lane {
        shared: &shared,
        channel,
        number,
        sender,
        octets: 0,
        messages: 0,
        line: Vec::new(),
    };
    let (mut up, mut down) = (lane(Sender::Client), lane(Sender::Server));
    let mut up = Box::pin(up.run(&client, &server));
    let mut down = Box::pin(down.run(&server, &client));
    let (mut up_ended, mut down_ended) = (false, false);
    while !(up_ended && down_ended) {
        let ended = tokio::select! { biased;
            ended = &mut up, if !up_ended => {
                up_ended = true;
                ended
            }
            ended = &mut down, if !down_ended => {
                down_ended = true;
                ended
            }
        };
        match ended {
            Ended::Orderly => {}
            Ended::Broken => break,
            Ended::By(Action::Close) => break,
            Ended::By(Action::Reset) => {
                for stream in [&client, &server] {
                    let _refused = stream.set(Linger, Some(Duration::ZERO));
                }
                break;
            }
            Ended::By(Action::Stall) => std::future::pending().await,
            Ended::By(Action::CloseAll) => {
                // This one among them, at its next wait.
                shared.close_connections();
                break;
            }
        }
    }
}

/// One direction of a connection.
struct Lane<'a> {
    shared: &'a Arc<Shared>,
    channel: Channel,
    number: u64,
    sender: Sender,
    octets: u64,
    messages: u64,
    /// The line so far.
    line: Vec<u8>,
}

impl Lane<'_> {
    async fn run(&mut self, from: &TcpStream, to: &TcpStream) -> Ended {
        let commands = (self.channel, self.sender) == (Channel::Control, Sender::Client);
        let mut buffer = vec![0; 16_384];
        loop {
            if let Some(action) = self.fault() {
                return Ended::By(action);
            }
            let room = self.room().min(buffer.len());
            let room = buffer.get_mut(..room).unwrap_or_default();
            let got = if commands {
                read_line(from, room).await
            } else {
                read(from, room).await
            };
            let count = match got {
                Ok(0) => {
                    let _gone = to.shutdown(Shutdown::Write);
                    return Ended::Orderly;
                }
                Ok(count) => count,
                Err(_) => return Ended::Broken,
            };
            let mut rest = room.get(..count).unwrap_or_default();
            while !rest.is_empty() {
                let (these, behind) = rest.split_at(self.watch(rest));
                if write(to, these).await.is_err() {
                    return Ended::Broken;
                }
                self.count(these.len());
                rest = behind;
                if let Some(action) = self.fault() {
                    return Ended::By(action);
                }
            }
        }
    }

    /// How much of `octets` may go before a fault is looked for: up to the end of a message.
    fn watch(&mut self, octets: &[u8]) -> usize {
        if self.channel == Channel::Data {
            return octets.len();
        }
        for (at, &octet) in octets.iter().enumerate() {
            self.line.push(octet);
            if octet != b'\n' {
                // What is no text has no lines.
                if self.line.len() > 65_536 {
                    self.line.clear();
                }
                continue;
            }
            let line = std::mem::take(&mut self.line);
            let last = match self.sender {
                Sender::Client => true,
                Sender::Server => ends_reply(&line),
            };
            if last {
                self.messages += 1;
                if let Some(port) = passive_port(&line).filter(|_| self.sender == Sender::Server) {
                    // Where it fails the client sees that nobody listens.
                    let _busy = listen(self.shared, port);
                }
                return at + 1;
            }
        }
        octets.len()
    }

    fn count(&mut self, octets: usize) {
        let octets = u64::try_from(octets).unwrap_or(0);
        self.octets += octets;
        let mut state = self.shared.state();
        let passed = &mut state.passed;
        *match (self.channel, self.sender) {
            (Channel::Control, Sender::Client) => &mut passed.control_to_server,
            (Channel::Control, Sender::Server) => &mut passed.control_to_client,
            (Channel::Data, Sender::Client) => &mut passed.data_to_server,
            (Channel::Data, Sender::Server) => &mut passed.data_to_client,
        } += octets;
    }

    fn fits(&self, fault: &Fault) -> bool {
        fault.channel == self.channel
            && fault.sender == self.sender
            && fault.connection.is_none_or(|number| number == self.number)
    }

    /// What is to happen here.
    fn fault(&self) -> Option<Action> {
        let mut state = self.shared.state();
        let at = state.faults.iter().position(|fault| {
            self.fits(fault)
                && match fault.after {
                    After::Octets(octets) => self.octets >= octets,
                    After::Messages(messages) => self.messages >= messages,
                }
        })?;
        state.passed.faults += 1;
        Some(state.faults.remove(at).action)
    }

    /// How many octets there are up to the next fault.
    fn room(&self) -> usize {
        let state = self.shared.state();
        let limits = state.faults.iter().filter(|fault| self.fits(fault));
        let next = limits.filter_map(|fault| match fault.after {
            After::Octets(octets) => Some(octets.saturating_sub(self.octets).max(1)),
            After::Messages(_) => None,
        });
        next.min()
            .and_then(|octets| usize::try_from(octets).ok())
            .unwrap_or(usize::MAX)
    }
}

/// Reads what is there; 0 is the end.
async fn read(from: &TcpStream, room: &mut [u8]) -> io::Result<usize> {
    loop {
        from.readable().await?;
        match from.try_read(room) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            read => return read,
        }
    }
}

/// Reads what is there up to the end of a line, octet by octet: with commands comes urgent data, where a longer read
/// stops and the runtime takes it that no more is there.
async fn read_line(from: &TcpStream, room: &mut [u8]) -> io::Result<usize> {
    let mut count = 0;
    for octet in room.chunks_mut(1) {
        if read(from, octet).await? == 0 {
            break;
        }
        count += 1;
        // In one go as far as they came in one go: ProFTPD 1.3.8 hangs over a command in single octets.
        if octet == b"\n" || from.readable_octets()? == 0 {
            break;
        }
    }
    Ok(count)
}

/// Writes all of it.
async fn write(to: &TcpStream, mut octets: &[u8]) -> io::Result<()> {
    while !octets.is_empty() {
        to.writable().await?;
        match to.try_write(octets) {
            Ok(count) => octets = octets.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether a line is a reply, or the last of one.
fn ends_reply(line: &[u8]) -> bool {
    let digits = line
        .get(..3)
        .is_some_and(|code| code.iter().all(u8::is_ascii_digit));
    digits && matches!(line.get(3), Some(b' ' | b'\r' | b'\n'))
}

/// The port in a 227 or a 229.
fn passive_port(line: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(line);
    if text.starts_with("229") {
        return text.split('|').nth(3)?.parse().ok();
    }
    let text = text.strip_prefix("227")?;
    let numbers = text
        .split(|c: char| !c.is_ascii_digit())
        .filter(|part| !part.is_empty());
    let numbers: Vec<u8> = numbers
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let &[_, _, _, _, high, low] = numbers.as_slice() else {
        return None;
    };
    Some(u16::from_be_bytes([high, low]))
}

#[cfg(test)]
mod tests {
    use super::{Action, After, Channel, Fault, FaultProxy, Sender, passive_port};
    use crate::ftp::{Config, FtpServer};
    use fairway_sim::Network;
    use fairway_stack::{Net, TcpStream};
    use std::net::IpAddr;
    use std::time::Duration;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    /// Reads up to the end of a line that starts so.
    async fn expect(control: &mut TcpStream, code: &str) -> String {
        let mut line = Vec::new();
        while !line.ends_with(b"\n") {
            line.push(control.read_u8().await.unwrap());
        }
        let line = String::from_utf8(line).unwrap();
        assert!(line.starts_with(code), "{line:?} instead of {code}");
        line
    }

    async fn ask(control: &mut TcpStream, line: &str, code: &str) -> String {
        control
            .write_all(format!("{line}\r\n").as_bytes())
            .await
            .unwrap();
        expect(control, code).await
    }

    async fn login(net: &Net, proxy: &FaultProxy) -> TcpStream {
        let mut control = net.connect_tcp(proxy.address()).await.unwrap();
        expect(&mut control, "220").await;
        ask(&mut control, "USER u1", "331").await;
        ask(&mut control, "PASS secret", "230").await;
        control
    }

    /// Gets a file; gives what came and how it ended.
    async fn get(net: &Net, control: &mut TcpStream, proxy: &FaultProxy) -> (usize, bool) {
        let line = ask(control, "EPSV", "229").await;
        let port = passive_port(line.as_bytes()).unwrap();
        let mut data = net
            .connect_tcp((proxy.address().ip(), port).into())
            .await
            .unwrap();
        ask(control, "RETR /f", "150").await;
        let mut all = Vec::new();
        let end = data.read_to_end(&mut all).await;
        (all.len(), end.is_ok())
    }

    async fn faults_happen_where_they_are_to(net: [Net; 3], host: [IpAddr; 2]) {
        let [client, between, net] = net;
        let server = FtpServer::start(&net, Config::new().listen((host[1], 0))).unwrap();
        server.files().put("/f", vec![b'x'; 100_000]);
        let proxy = FaultProxy::start(&between, (host[0], 0).into(), server.address()).unwrap();

        let mut control = login(&client, &proxy).await;
        assert_eq!(get(&client, &mut control, &proxy).await, (100_000, true));
        expect(&mut control, "226").await;
        assert_eq!(proxy.passed().data_to_client, 100_000);

        let data = |after, action| Fault::new(Channel::Data, Sender::Server, after, action);
        proxy.fault(data(After::Octets(70_000), Action::Close));
        assert_eq!(get(&client, &mut control, &proxy).await, (70_000, true));
        let _either = expect(&mut control, "").await;
        proxy.fault(data(After::Octets(1), Action::Reset));
        assert!(!get(&client, &mut control, &proxy).await.1);
        let _either = expect(&mut control, "").await;
        proxy.fault(data(After::Octets(10), Action::Stall).of(3));
        let stalled = get(&client, &mut control, &proxy);
        let limit = Duration::from_millis(100);
        client.clock().timeout(limit, stalled).await.unwrap_err();

        // Greeting, 331, 230 and no more.
        let replies = After::Messages(3);
        proxy.fault(Fault::new(Channel::Control, Sender::Server, replies, Action::Close).of(1));
        let mut control = login(&client, &proxy).await;
        control.write_all(b"NOOP\r\n").await.unwrap_or_default();
        assert!(!matches!(control.read(&mut [0]).await, Ok(1)));

        // USER, PASS, and half of the next.
        let octets = After::Octets(9 + 13 + 2);
        proxy.fault(Fault::new(
            Channel::Control,
            Sender::Client,
            octets,
            Action::CloseAll,
        ));
        let mut control = login(&client, &proxy).await;
        control.write_all(b"NOOP\r\n").await.unwrap();
        assert!(!matches!(control.read(&mut [0]).await, Ok(1)));
        assert_eq!(server.count("NOOP"), 0);
        assert_eq!((proxy.passed().controls, proxy.passed().faults), (3, 5));
    }

    #[test]
    fn faults_happen_on_simulated_hosts() {
        let network = Network::new(3);
        let [client, proxy, server] = ["client", "proxy", "server"].map(|name| network.node(name));
        network
            .segment()
            .station(&client)
            .station(&proxy)
            .station(&server)
            .build();
        network.route_all();
        let nets = [client.net(), proxy.net(), server.net()];
        let hosts = [proxy.address().into(), server.address().into()];
        network.run(faults_happen_where_they_are_to(nets, hosts));
    }

    #[test]
    fn faults_happen_on_loopback() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let net = Net::system();
        let hosts = ["127.77.3.1", "127.77.3.2"].map(|host| host.parse().unwrap());
        let nets = [net.clone(), net.clone(), net.clone()];
        let test = faults_happen_where_they_are_to(nets, hosts);
        let limit = async { net.clock().timeout(Duration::from_secs(20), test).await };
        runtime.block_on(limit).unwrap();
    }

    #[test]
    fn ports_are_read() {
        assert_eq!(
            passive_port(b"227 Entering (127,0,0,1,4,1).\r\n"),
            Some(1025)
        );
        assert_eq!(passive_port(b"227 =1,2,3,4,0,21\r\n"), Some(21));
        assert_eq!(passive_port(b"229 x (|||6446|)\r\n"), Some(6446));
        assert_eq!(passive_port(b"229 x\r\n"), None);
    }
}
