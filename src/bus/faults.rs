//! What a broker may do to a message, for tests: lose it, lose its answer, deliver it twice, deliver it late.
//!
//! A [`Bus`] in fair weather is the bus itself. Under a [`Sky`] each message meets a [`Fate`]; a caller whose message or
//! answer is lost learns it at once as a deadline that has passed, so that no test waits for one.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use super::{Bus, CallError, Incoming};

/// What becomes of one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It arrives, and so does its answer.
    Arrives,
    /// It never arrives.
    Lost,
    /// It is worked on, and nobody learns the answer.
    AnswerLost,
    /// It arrives twice at the same time.
    Doubled,
    /// It arrives, and once more this long after it was answered.
    Echoed(Duration),
    /// It arrives after this long.
    Late(Duration),
}

/// Decides about each message by queue and content.
pub type Sky = Arc<dyn Fn(&str, &Incoming) -> Fate + Send + Sync>;

/// The sky over a bus; clear unless a test says otherwise. Clones share it.
#[derive(Clone, Default)]
pub struct Weather {
    sky: Arc<Mutex<Option<Sky>>>,
}

impl Weather {
    /// From now on messages meet what `sky` says.
    pub fn turn(&self, sky: Option<Sky>) {
        *self.sky.lock().unwrap_or_else(PoisonError::into_inner) = sky;
    }

    fn fate(&self, target: &str, incoming: &Incoming) -> Fate {
        let sky = self
            .sky
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        sky.map_or(Fate::Arrives, |sky| sky(target, incoming))
    }
}

impl Bus {
    pub(super) async fn carry_call(
        &self,
        target: &str,
        incoming: Incoming,
    ) -> Result<Value, CallError> {
        let silence = CallError::Timeout {
            target: target.to_owned(),
            method: incoming.method.clone(),
            seconds: 0,
        };
        match self.weather.fate(target, &incoming) {
            Fate::Arrives => self.local.call(target, incoming).await,
            Fate::Lost => {
                tokio::task::yield_now().await;
                Err(silence)
            }
            Fate::AnswerLost => {
                // As always, the work goes on whether or not its caller waits.
                let _ = self.local.call(target, incoming).await;
                Err(silence)
            }
            Fate::Doubled => {
                let (first, second) = tokio::join!(
                    self.local.call(target, incoming.clone()),
                    self.local.call(target, incoming)
                );
                first.or(second)
            }
            Fate::Echoed(after) => {
                let answer = self.local.call(target, incoming.clone()).await;
                let (bus, target) = (self.local.clone(), target.to_owned());
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let _ = bus.call(&target, incoming).await;
                });
                answer
            }
            Fate::Late(after) => {
                tokio::time::sleep(after).await;
                self.local.call(target, incoming).await
            }
        }
    }

    pub(super) async fn carry_cast(
        &self,
        target: &str,
        incoming: Incoming,
    ) -> Result<(), CallError> {
        match self.weather.fate(target, &incoming) {
            Fate::Arrives => self.local.cast(target, incoming).await,
            // A sender of casts does not learn that the broker lost one.
            Fate::Lost | Fate::AnswerLost => Ok(()),
            Fate::Doubled => {
                self.local.cast(target, incoming.clone()).await?;
                self.local.cast(target, incoming).await
            }
            fate @ (Fate::Echoed(after) | Fate::Late(after)) => {
                if fate == Fate::Echoed(after) {
                    self.local.cast(target, incoming.clone()).await?;
                }
                let (bus, target) = (self.local.clone(), target.to_owned());
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let _ = bus.cast(&target, incoming).await;
                });
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use serde::{Deserialize, Serialize};

    use super::super::{Fault, Handler, Rpc};
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Count;

    impl Rpc for Count {
        const TOPIC: &'static str = "t";
        const METHOD: &'static str = "count";
        type Reply = usize;
    }

    #[derive(Default)]
    struct Counter(AtomicUsize);

    #[async_trait]
    impl Handler for Counter {
        async fn handle(&self, _: Incoming) -> Result<Value, Fault> {
            Ok(Value::from(self.0.fetch_add(1, Ordering::SeqCst) + 1))
        }
    }

    #[tokio::test]
    async fn each_fate_is_what_it_says() {
        let moment = Duration::from_millis(1);
        for (fate, answered, arrivals) in [
            (Fate::Arrives, true, 1),
            (Fate::Lost, false, 0),
            (Fate::AnswerLost, false, 1),
            (Fate::Doubled, true, 2),
            (Fate::Echoed(moment), true, 2),
            (Fate::Late(moment), true, 1),
        ] {
            let bus = Bus::local();
            let counter = Arc::new(Counter::default());
            let _serving = bus.serve("t", "n1", counter.clone());
            bus.weather.turn(Some(Arc::new(move |_, _| fate)));
            let answer = bus.call("n1", None, &Count, Duration::from_secs(20)).await;
            assert_eq!(answer.is_ok(), answered, "{fate:?}");
            let arrived = async {
                while counter.0.load(Ordering::SeqCst) < arrivals {
                    tokio::task::yield_now().await;
                }
            };
            tokio::time::timeout(Duration::from_secs(20), arrived)
                .await
                .expect("all arrive");
            assert_eq!(counter.0.load(Ordering::SeqCst), arrivals, "{fate:?}");
        }
    }
}
