//! What callers and servers rely on, whatever carries the messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::{Notify, Semaphore};

use super::lab::wait::wait_for_async;
use crate::bus::dedupe::Dedupe;
use crate::bus::faults::Fate;
use crate::bus::{
    Bus, CallError, Fault, FaultKind, Handler, Incoming, MAX_MESSAGE, Message, Rpc, Serving,
};
use crate::ids::OperationId;

/// Long enough for anything on a machine that compiles meanwhile.
pub(super) const LONG: Duration = Duration::from_secs(60);

/// Does what it is told and answers how often it was asked so far; the topic of most tests.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// Answer at once.
    Count,
    /// Answer when the test says so ([`Server::gate`]).
    Wait,
    /// Refuse.
    Refuse,
    /// Panic.
    Panic,
}

impl Rpc for Ask {
    const TOPIC: &'static str = "compute";
    const METHOD: &'static str = "ask";
    type Reply = usize;
}

/// A text there and back.
#[derive(Serialize, Deserialize)]
struct Echo {
    text: String,
    /// How often the text is repeated in the answer.
    times: usize,
}

impl Rpc for Echo {
    const TOPIC: &'static str = "compute";
    const METHOD: &'static str = "echo";
    type Reply = String;
}

/// A message for the shared queue.
#[derive(Serialize, Deserialize)]
struct Tick;

impl Message for Tick {
    const TOPIC: &'static str = "compute";
    const METHOD: &'static str = "tick";
}

/// A server that counts.
pub(super) struct Server {
    /// Requests begun.
    pub(super) begun: AtomicUsize,
    /// Told whenever one is.
    pub(super) news: Notify,
    /// Lets requests that wait go on.
    pub(super) gate: Semaphore,
    dedupe: Dedupe,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            begun: AtomicUsize::new(0),
            news: Notify::new(),
            gate: Semaphore::new(0),
            dedupe: Dedupe::default(),
        }
    }
}

impl Server {
    pub(super) fn count(&self) -> usize {
        self.begun.load(Ordering::SeqCst)
    }

    /// Waits until it was asked this often.
    pub(super) async fn asked(&self, count: usize) {
        let asked = async {
            loop {
                let news = self.news.notified();
                if self.count() >= count {
                    return;
                }
                news.await;
            }
        };
        let seen = tokio::time::timeout(LONG, asked).await;
        seen.unwrap_or_else(|_| panic!("asked {} times instead of {count}", self.count()));
    }

    async fn work(&self, incoming: &Incoming) -> Result<Value, Fault> {
        let count = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        self.news.notify_waiters();
        if incoming.method == Echo::METHOD {
            let echo: Echo = incoming.parse()?;
            return Ok(Value::from(echo.text.repeat(echo.times)));
        }
        if incoming.method == Tick::METHOD {
            return Ok(Value::Null);
        }
        match incoming.parse()? {
            Ask::Count => {}
            Ask::Wait => self
                .gate
                .acquire()
                .await
                .expect("it is never closed")
                .forget(),
            Ask::Refuse => return Err(Fault::new(FaultKind::Refused, "no")),
            Ask::Panic => panic!("a panic that belongs to a test"),
        }
        Ok(Value::from(count))
    }
}

#[async_trait]
impl Handler for Server {
    async fn handle(&self, incoming: Incoming) -> Result<Value, Fault> {
        self.dedupe.run(&incoming, self.work(&incoming)).await
    }
}

/// A bus from both ends.
pub(super) struct Ends {
    /// Who asks.
    pub(super) asker: Bus,
    /// Who serves.
    pub(super) server: Bus,
}

impl Ends {
    /// Serves as `host`, and waits until that is known.
    pub(super) async fn serve(&self, host: &str) -> (Arc<Server>, Serving) {
        let server = Arc::new(Server::default());
        let serving = self.server.serve("compute", host, server.clone());
        let moment = Duration::from_secs(5);
        wait_for_async("the server to be reached", LONG, async || {
            let answer = self.asker.call(host, None, &Ask::Count, moment).await;
            answer.ok()
        })
        .await;
        server.begun.store(0, Ordering::SeqCst);
        (server, serving)
    }

    pub(super) async fn ask(&self, host: &str, ask: Ask) -> Result<usize, CallError> {
        self.asker.call(host, None, &ask, LONG).await
    }
}

/// Everything, one after the other.
pub(super) async fn all(ends: &Ends) {
    answers_and_faults(ends).await;
    nobody_there(ends).await;
    patience_and_running_work(ends).await;
    turns(ends).await;
    everybody(ends).await;
    repeats(ends).await;
    sizes(ends).await;
    many(ends).await;
    weather(ends).await;
}

async fn answers_and_faults(ends: &Ends) {
    let (server, _serving) = ends.serve("a1").await;
    assert_eq!(ends.ask("a1", Ask::Count).await.unwrap(), 1);
    assert!(
        matches!(ends.ask("a1", Ask::Refuse).await, Err(CallError::Fault(fault)) if fault == Fault::new(FaultKind::Refused, "no"))
    );
    // What panics answers, and the server goes on.
    assert!(
        matches!(ends.ask("a1", Ask::Panic).await, Err(CallError::Fault(fault)) if fault.kind == FaultKind::Unavailable)
    );
    assert_eq!(ends.ask("a1", Ask::Count).await.unwrap(), 4);
    assert_eq!(server.count(), 4);
}

async fn nobody_there(ends: &Ends) {
    // Never there.
    let begun = Instant::now();
    let answer = ends.ask("b0", Ask::Count).await;
    assert!(
        matches!(&answer, Err(CallError::NoServer(queue)) if queue == "compute.b0"),
        "{answer:?}"
    );
    assert!(begun.elapsed() < LONG / 2, "{:?}", begun.elapsed());
    // Gone: its queue may be there still.
    let (_, serving) = ends.serve("b1").await;
    drop(serving);
    wait_for_async("the host to be known as gone", LONG, async || {
        let second = Duration::from_secs(1);
        let answer = ends.asker.call("b1", None, &Ask::Count, second).await;
        matches!(answer, Err(CallError::NoServer(_))).then_some(())
    })
    .await;
    // And back.
    let _again = ends.serve("b1").await;
}

async fn patience_and_running_work(ends: &Ends) {
    let (server, serving) = ends.serve("c1").await;
    let short = Duration::from_millis(300);
    let answer = ends.asker.call("c1", None, &Ask::Wait, short).await;
    assert!(
        matches!(&answer, Err(CallError::Timeout { target, .. }) if target == "compute.c1"),
        "{answer:?}"
    );
    // The work goes on without its caller; another one's is answered although the server stops meanwhile.
    server.asked(1).await;
    let waits = ends.ask("c1", Ask::Wait);
    let ends_meanwhile = async {
        server.asked(2).await;
        drop(serving);
        server.gate.add_permits(2);
    };
    let (answer, ()) = tokio::join!(waits, ends_meanwhile);
    assert_eq!(answer.unwrap(), 2);
}

async fn turns(ends: &Ends) {
    let (one, _one) = ends.serve("d1").await;
    let (other, _other) = ends.serve("d2").await;
    for _ in 0..40 {
        ends.asker.cast(&Tick).await.unwrap();
    }
    wait_for_async("all to arrive", LONG, async || {
        (one.count() + other.count() >= 40).then_some(())
    })
    .await;
    assert!(
        one.count() > 0 && other.count() > 0,
        "{} and {}",
        one.count(),
        other.count()
    );
    // A host's own queue is its own.
    let before = other.count();
    for _ in 0..10 {
        ends.asker.cast_to("d2", &Tick).await.unwrap();
    }
    other.asked(before + 10).await;
    assert_eq!(one.count() + other.count(), 50);
}

async fn everybody(ends: &Ends) {
    let (one, _one) = ends.serve("e1").await;
    let (other, _other) = ends.serve("e2").await;
    // Lossy: a server that has just come may not be heard of yet.
    wait_for_async("all to hear it", LONG, async || {
        ends.asker.cast_all(&Tick).unwrap();
        (one.count() > 0 && other.count() > 0).then_some(())
    })
    .await;
}

async fn repeats(ends: &Ends) {
    let (server, _serving) = ends.serve("e1").await;
    let operation = Some(OperationId::new());
    server.gate.add_permits(1);
    let ask = || ends.asker.call("e1", operation, &Ask::Wait, LONG);
    let (first, second, third) = tokio::join!(ask(), ask(), ask());
    let answers = [first, second, third].map(Result::unwrap);
    assert_eq!((answers, server.count()), ([1; 3], 1));
    assert_eq!(ask().await.unwrap(), 1);
}

async fn sizes(ends: &Ends) {
    let (_, _serving) = ends.serve("f1").await;
    let echo = async |length: usize, times: usize| {
        let text = "x".repeat(length);
        ends.asker
            .call("f1", None, &Echo { text, times }, LONG)
            .await
    };
    assert_eq!(echo(5 << 20, 1).await.unwrap().len(), 5 << 20);
    assert!(matches!(
        echo(MAX_MESSAGE, 1).await,
        Err(CallError::Malformed { reason, .. }) if reason.contains("larger")
    ));
    assert!(matches!(
        echo(1 << 20, 9).await,
        Err(CallError::Fault(fault)) if fault.message.contains("larger")
    ));
    assert_eq!(echo(1, 1).await.unwrap(), "x");
}

async fn many(ends: &Ends) {
    let (server, _serving) = ends.serve("g1").await;
    let asks = (0..300).map(|_| ends.ask("g1", Ask::Count));
    let answers = futures::future::join_all(asks).await;
    let mut answers: Vec<usize> = answers.into_iter().map(Result::unwrap).collect();
    answers.sort_unstable();
    assert_eq!(answers, (1..=300).collect::<Vec<_>>());
    assert_eq!(server.count(), 300);
}

async fn weather(ends: &Ends) {
    let (server, _serving) = ends.serve("h1").await;
    let moment = Duration::from_millis(1);
    for (fate, answered, arrivals) in [
        (Fate::Arrives, true, 1),
        (Fate::Lost, false, 0),
        (Fate::AnswerLost, false, 1),
        (Fate::Doubled, true, 2),
        (Fate::Echoed(moment), true, 2),
        (Fate::Late(moment), true, 1),
    ] {
        server.begun.store(0, Ordering::SeqCst);
        let sky = move |_: &str, _: &Incoming| fate;
        ends.asker.weather.turn(Some(Arc::new(sky)));
        let answer = ends.ask("h1", Ask::Count).await;
        assert_eq!(answer.is_ok(), answered, "{fate:?}: {answer:?}");
        server.asked(arrivals).await;
        assert_eq!(server.count(), arrivals, "{fate:?}");
    }
    ends.asker.weather.turn(None);
}

#[tokio::test]
async fn local_has_the_semantics() {
    let bus = Bus::local();
    let ends = Ends {
        asker: bus.clone(),
        server: bus.clone(),
    };
    all(&ends).await;
    let (_, _serving) = ends.serve("z1").await;
    let health = bus.health().await;
    assert_eq!(
        (health.kind, health.connected, health.waiting()),
        ("local", true, 0)
    );
    let names: Vec<&str> = health
        .queues
        .iter()
        .map(|queue| queue.name.as_str())
        .collect();
    assert_eq!(names, ["compute", "compute.z1"]);
}
