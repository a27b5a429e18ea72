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
        timeout: Duration,
    ) -> Result<Value, CallError> {
        let silence = CallError::Timeout {
            target: target.to_owned(),
            method: incoming.method.clone(),
            seconds: 0,
        };
        match self.weather.fate(target, &incoming) {
            Fate::Arrives => self.send_call(target, incoming, timeout).await,
            Fate::Lost => {
                tokio::task::yield_now().await;
                Err(silence)
            }
            Fate::AnswerLost => {
                // As always, the work goes on whether or not its caller waits.
                let _ = self.send_call(target, incoming, timeout).await;
                Err(silence)
            }
            Fate::Doubled => {
                let (first, second) = tokio::join!(
                    self.send_call(target, incoming.clone(), timeout),
                    self.send_call(target, incoming, timeout)
                );
                first.or(second)
            }
            Fate::Echoed(after) => {
                let answer = self.send_call(target, incoming.clone(), timeout).await;
                let (bus, target) = (self.clone(), target.to_owned());
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let _ = bus.send_call(&target, incoming, timeout).await;
                });
                answer
            }
            Fate::Late(after) => {
                tokio::time::sleep(after).await;
                self.send_call(target, incoming, timeout).await
            }
        }
    }

    /// What a broker had kept back arrives now.
    pub(crate) async fn deliver(
        &self,
        target: &str,
        incoming: Incoming,
    ) -> Result<Value, CallError> {
        self.send_call(target, incoming, Duration::from_secs(20))
            .await
    }

    pub(super) async fn carry_cast(
        &self,
        target: &str,
        incoming: Incoming,
    ) -> Result<(), CallError> {
        match self.weather.fate(target, &incoming) {
            Fate::Arrives => self.send_cast(target, incoming).await,
            // A sender of casts does not learn that the broker lost one.
            Fate::Lost | Fate::AnswerLost => Ok(()),
            Fate::Doubled => {
                self.send_cast(target, incoming.clone()).await?;
                self.send_cast(target, incoming).await
            }
            fate @ (Fate::Echoed(after) | Fate::Late(after)) => {
                if fate == Fate::Echoed(after) {
                    self.send_cast(target, incoming.clone()).await?;
                }
                let (bus, target) = (self.clone(), target.to_owned());
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    let _ = bus.send_cast(&target, incoming).await;
                });
                Ok(())
            }
        }
    }
}
