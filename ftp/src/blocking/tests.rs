use super::Client;
use super::engine::Engine;
use crate::{ErrorNumber, Server};
use std::time::Duration;

#[test]
fn handles_can_be_sent_and_shared() {
    fn sent<T: Send + Sync>() {}
    sent::<Client>();
    sent::<super::Site>();
    sent::<super::Calls>();
    sent::<super::Get>();
}

#[test]
fn a_future_is_run_on_the_callers_thread_or_the_engines() {
    let engine = Engine::start().unwrap();
    let here = std::thread::current().id();
    assert_eq!(engine.wait(async { std::thread::current().id() }), here);
    let there = engine.run(async { Ok(std::thread::current().id()) });
    assert_ne!(there.unwrap(), here);
}

#[test]
fn works_within_another_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let client = Client::new().unwrap();
    runtime.unwrap().block_on(async {
        // More turns than a task's budget has.
        let engine = &client.engine;
        engine.wait(async {
            for _ in 0..1000 {
                let (sender, mut receiver) = tokio::sync::mpsc::channel(1);
                sender.send(()).await.unwrap();
                receiver.recv().await.unwrap();
            }
        });
        let site = client.site(Server::new("127.0.0.1").on_port(1));
        assert_eq!(site.noop().unwrap_err().number(), ErrorNumber::CONNECT);
        drop((site, client));
    });
}

#[test]
fn a_call_that_could_never_end_panics() {
    let client = Client::new().unwrap();
    let inner = client.clone();
    let (told, tell) = std::sync::mpsc::channel();
    client.engine.enter(|| {
        tokio::spawn(async move {
            let call = std::panic::AssertUnwindSafe(|| inner.close());
            told.send(std::panic::catch_unwind(call).is_err()).unwrap();
        })
    });
    assert!(tell.recv_timeout(Duration::from_secs(10)).unwrap());
}
