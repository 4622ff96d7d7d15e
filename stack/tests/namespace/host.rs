//! A host: a thread in a network name space, which runs what it is given.

use fairway_stack::{Clock, Net};
use nix::sched::{CloneFlags, unshare};
use std::future::Future;
use std::process::Command;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;

type Job = Box<dyn FnOnce(&tokio::runtime::Runtime) + Send>;

pub(crate) struct Host {
    name: &'static str,
    thread: i32,
    jobs: Option<Sender<Job>>,
    worker: Option<JoinHandle<()>>,
}

/// A test's future on a host, whose result can be waited for.
pub(crate) struct Running<T>(Receiver<T>);

impl<T> Running<T> {
    /// The result, or the panic of what did not give one.
    pub(crate) fn result(self) -> T {
        self.0
            .recv_timeout(crate::LIMIT * 2)
            .expect("the host's part gave a result")
    }
}

impl Host {
    pub(crate) fn try_new(name: &'static str) -> Result<Self, String> {
        let (jobs, todo) = channel::<Job>();
        let (started, start) = channel();
        let worker = std::thread::spawn(move || {
            let made = unshare(CloneFlags::CLONE_NEWNET).map_err(|error| error.to_string());
            let entered = made.is_ok();
            started
                .send(made.map(|()| nix::unistd::gettid().as_raw()))
                .unwrap();
            if entered {
                let runtime = tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap();
                for job in todo {
                    job(&runtime);
                }
            }
        });
        let thread = start.recv().unwrap()?;
        let host = Self {
            name,
            thread,
            jobs: Some(jobs),
            worker: Some(worker),
        };
        host.try_ip("link set lo up")?;
        Ok(host)
    }

    /// Starts a part of a test on this host.
    pub(crate) fn start<T, F>(&self, part: impl FnOnce(Net) -> F + Send + 'static) -> Running<T>
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        let (done, result) = channel();
        let job: Job = Box::new(move |runtime| {
            runtime.block_on(async {
                let net = Net::system();
                let clock: Clock = net.clock();
                let part = clock
                    .timeout(crate::LIMIT, part(net))
                    .await
                    .expect("the host's part hangs");
                let _ = done.send(part);
            });
        });
        self.jobs.as_ref().unwrap().send(job).unwrap();
        Running(result)
    }

    /// Runs a part of a test on this host to its end.
    pub(crate) fn run<T, F>(&self, part: impl FnOnce(Net) -> F + Send + 'static) -> T
    where
        T: Send + 'static,
        F: Future<Output = T>,
    {
        self.start(part).result()
    }

    /// Runs `ip` with `arguments` here.
    pub(crate) fn ip(&self, arguments: &str) {
        self.try_ip(arguments).unwrap();
    }

    fn try_ip(&self, arguments: &str) -> Result<(), String> {
        let words: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
        let what = format!("{}: ip {arguments}", self.name);
        self.run(move |_| async move {
            // A child has the name space of the thread that starts it.
            let output = Command::new("ip")
                .args(words)
                .output()
                .map_err(|error| format!("{what}: {error}"))?;
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            if output.status.success() {
                Ok(())
            } else {
                Err(format!("{what}: {text}"))
            }
        })
    }

    pub(crate) fn sysctl(&self, name: &str, value: &'static str) {
        let path = format!("/proc/sys/{name}");
        self.run(move |_| async move { std::fs::write(path, value).unwrap() });
    }

    /// A cable between two hosts: an interface on each, up.
    pub(crate) fn join((one, one_name): (&Self, &str), (other, other_name): (&Self, &str)) {
        let (thread, name) = (other.thread, other_name);
        one.ip(&format!(
            "link add {one_name} type veth peer name {name} netns {thread}"
        ));
        for (host, name) in [(one, one_name), (other, other_name)] {
            host.sysctl(&format!("net/ipv6/conf/{name}/accept_dad"), "0");
            host.ip(&format!("link set {name} up"));
        }
    }

    pub(crate) fn address(&self, interface: &str, addresses: &[&str]) {
        for address in addresses {
            let nodad = if address.contains(':') { "nodad" } else { "" };
            self.ip(&format!("address add {address} dev {interface} {nodad}"));
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(worker) = self.worker.take() {
            let _ = worker.join();
        }
    }
}
