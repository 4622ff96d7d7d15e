//! Counters for Prometheus: `GET /metrics`, and nothing else.
//!
//! A connection gets a few seconds and a few KiB for its question, and is closed after the answer. There are few at a time.

use core::fmt::Write as _;
use core::time::Duration;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use fairway_stack::{Clock, Net, NetError, Task, TcpStream};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{mpsc, oneshot};

/// Connections at a time; others are closed unheard.
const CONNECTIONS: usize = 8;
/// Octets of a question.
const QUESTION: usize = 8 << 10;
/// Time for question and answer.
const WITHIN: Duration = Duration::from_secs(5);
/// After an error of accepting.
const PAUSE: Duration = Duration::from_millis(100);

/// Whoever asks.
#[derive(Debug)]
pub(super) struct Asked(oneshot::Sender<String>);

impl Asked {
    /// Answers; the other end may have gone.
    pub(super) fn answer(self, text: String) {
        let _ = self.0.send(text);
    }
}

/// Listens, until it is dropped.
#[derive(Debug)]
pub(super) struct Listener {
    asked: mpsc::Receiver<Asked>,
    task: Task<()>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The next question; waits for ever where nobody listens.
///
/// # Cancel safety
/// None is lost.
pub(super) async fn asked(listener: Option<&mut Listener>) -> Asked {
    if let Some(listener) = listener
        && let Some(asked) = listener.asked.recv().await
    {
        return asked;
    }
    core::future::pending().await
}

impl Listener {
    /// Listens there.
    ///
    /// # Errors
    /// Those of [`Net::listen_tcp`].
    pub(super) fn open(net: &Net, address: SocketAddr) -> Result<Self, NetError> {
        let listener = net.listen_tcp(address)?;
        let (sender, asked) = mpsc::channel(CONNECTIONS);
        let (net_of_task, clock) = (net.clone(), net.clock());
        let open = Arc::new(AtomicUsize::new(0));
        let task = net.spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else {
                    clock.sleep(PAUSE).await;
                    continue;
                };
                if open.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS {
                    open.fetch_sub(1, Ordering::Relaxed);
                    continue;
                }
                let (clock, sender, open) = (clock.clone(), sender.clone(), Arc::clone(&open));
                let serving = net_of_task.spawn(async move {
                    serve(&clock, stream, &sender).await;
                    open.fetch_sub(1, Ordering::Relaxed);
                });
                serving.detach();
            }
        });
        Ok(Self { asked, task })
    }
}

/// One question, one answer. Whoever goes early has no answer.
async fn serve(clock: &Clock, mut stream: TcpStream, sender: &mpsc::Sender<Asked>) {
    let conversation = async {
        let mut question = Vec::new();
        while !question.windows(4).any(|end| end == b"\r\n\r\n") {
            if question.len() >= QUESTION || stream.read_buf(&mut question).await.ok()? == 0 {
                return None;
            }
        }
        let text = match path_of(&question) {
            Some("/metrics") => {
                let (answer, wait) = oneshot::channel();
                sender.send(Asked(answer)).await.ok()?;
                wait.await.ok()
            }
            _ => None,
        };
        stream
            .write_all(response(text.as_deref()).as_bytes())
            .await
            .ok()?;
        stream.shutdown(std::net::Shutdown::Write).ok()
    };
    let _late = clock.timeout(WITHIN, conversation).await;
}

/// What is asked for, if it is by GET.
fn path_of(question: &[u8]) -> Option<&str> {
    let line = question.split(|octet| *octet == b'\r').next()?;
    let mut words = core::str::from_utf8(line).ok()?.split(' ');
    (words.next() == Some("GET")).then_some(())?;
    words.next()
}

fn response(text: Option<&str>) -> String {
    let (status, text) = match text {
        Some(text) => ("200 OK", text),
        None => ("404 Not Found", "only GET /metrics\n"),
    };
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

/// Metrics as text.
#[derive(Debug, Default)]
pub(super) struct Text(String);

impl Text {
    /// A family: its name, what it is, and its values, each with its labels.
    pub(super) fn family<'a>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        values: impl IntoIterator<Item = (Vec<(&'a str, String)>, f64)>,
    ) {
        let out = &mut self.0;
        // Writing to a string does not fail.
        let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            out.push_str(name);
            for (at, (label, text)) in labels.iter().enumerate() {
                let opening = if at == 0 { '{' } else { ',' };
                let _ = write!(out, "{opening}{label}=\"");
                for c in text.chars() {
                    match c {
                        '\\' | '"' => {
                            out.push('\\');
                            out.push(c);
                        }
                        '\n' => out.push_str("\\n"),
                        c => out.push(c),
                    }
                }
                out.push('"');
            }
            if !labels.is_empty() {
                out.push('}');
            }
            let _ = writeln!(out, " {value}");
        }
    }

    /// The whole.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_get_has_a_path() {
        assert_eq!(
            path_of(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"),
            Some("/metrics")
        );
        for other in [
            &b"POST /metrics HTTP/1.1\r\n\r\n"[..],
            b"\r\n\r\n",
            b"GET\r\n\r\n",
            b"\xff\xff \r\n",
        ] {
            assert_eq!(path_of(other), None);
        }
    }

    #[test]
    fn labels_are_escaped() {
        let mut text = Text::default();
        text.family("up", "gauge", "It is.", [(vec![], 1.0)]);
        text.family(
            "messages_total",
            "counter",
            "They came.",
            [(
                vec![("type", "a\"b\n".to_owned()), ("way", "in".to_owned())],
                3.0,
            )],
        );
        assert_eq!(
            text.finish(),
            "# HELP up It is.\n# TYPE up gauge\nup 1\n# HELP messages_total They came.\n# TYPE messages_total counter\nmessages_total{type=\"a\\\"b\\n\",way=\"in\"} 3\n"
        );
    }
}
