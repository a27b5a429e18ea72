//! Blocking calls off the async runtime, each with a deadline, and never more than a few at once.
//!
//! Every libvirt call blocks, some for minutes, and one to a hung daemon blocks for as long as the daemon hangs. So each
//! call gets a thread of its own (what a thread costs is little beside what a call costs), and only so many run at a
//! time; the others wait in line under their deadline. Who gives up leaves the thread behind: it still counts against the
//! limit until the call returns. Once all of them are left behind, new calls fail at once.
//!
//! The runtime's own blocking pool is not used: a stuck thread there would keep the process from ending.

use std::sync::Arc;
use std::sync::atomic::{AtomicIsize, AtomicU8, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::hypervisor::{HvError, HvResult};

/// Calls that wait for a thread.
const WAITING: usize = 1024;

/// Calls under one limit.
pub(super) struct Calls {
    most: usize,
    threads: Arc<Semaphore>,
    waiting: AtomicUsize,
    left_behind: Arc<AtomicIsize>,
}

impl Calls {
    /// At most `most` calls at a time.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            threads: Arc::new(Semaphore::new(most)),
            waiting: AtomicUsize::new(0),
            left_behind: Arc::default(),
        }
    }

    /// Runs `work`, named `what` in errors, until `deadline` from now.
    pub async fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        deadline: Duration,
        work: impl FnOnce() -> HvResult<T> + Send + 'static,
    ) -> HvResult<T> {
        let until = Instant::now() + deadline;
        let late = || {
            let seconds = deadline.as_secs_f32();
            HvError::Unavailable(format!("no answer to {what} within {seconds:.1} s"))
        };
        if self.left_behind.load(Ordering::SeqCst) >= self.most as isize {
            return Err(HvError::Unavailable(format!(
                "{} earlier calls still wait for an answer",
                self.most
            )));
        }
        let permit = self.permit(until).await?.ok_or_else(late)?;
        let watch = Arc::new(Watch {
            fate: AtomicU8::new(RUNNING),
            left_behind: Arc::clone(&self.left_behind),
        });
        let caller = Caller(Arc::clone(&watch));
        let (answer, answered) = oneshot::channel();
        std::thread::Builder::new()
            .name("hypervisor-call".to_owned())
            .spawn(move || {
                let running = Running(watch, permit);
                let result = work();
                drop(running);
                // A caller who gave up does not want it any more.
                let _ = answer.send(result);
            })
            .map_err(|error| HvError::Unavailable(format!("no thread for {what}: {error}")))?;
        let result = timeout_at(until, answered).await;
        drop(caller);
        match result {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(HvError::Unavailable(format!("{what} was broken off"))),
            Err(_) => Err(late()),
        }
    }

    /// A thread's permit, or `None` when the deadline comes first.
    async fn permit(&self, until: Instant) -> HvResult<Option<OwnedSemaphorePermit>> {
        if self.waiting.fetch_add(1, Ordering::SeqCst) >= WAITING {
            self.waiting.fetch_sub(1, Ordering::SeqCst);
            return Err(HvError::Unavailable(format!(
                "{WAITING} calls are waiting already"
            )));
        }
        let line = InLine(&self.waiting);
        let permit = timeout_at(until, Arc::clone(&self.threads).acquire_owned()).await;
        drop(line);
        Ok(permit.ok().and_then(Result::ok))
    }
}

/// One place in the line.
struct InLine<'a>(&'a AtomicUsize);

impl Drop for InLine<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

const RUNNING: u8 = 0;
const LEFT: u8 = 1;
const ENDED: u8 = 2;

/// What became of a call, seen from both ends.
struct Watch {
    fate: AtomicU8,
    left_behind: Arc<AtomicIsize>,
}

/// The end that waits. Dropped before the call ends, it leaves the thread behind.
struct Caller(Arc<Watch>);

impl Drop for Caller {
    fn drop(&mut self) {
        let left = self
            .0
            .fate
            .compare_exchange(RUNNING, LEFT, Ordering::SeqCst, Ordering::SeqCst);
        if left.is_ok() {
            self.0.left_behind.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// The end that works. Dropped (also by a panic), it gives the thread back.
struct Running(
    Arc<Watch>,
    #[expect(dead_code, reason = "held until the end")] OwnedSemaphorePermit,
);

impl Drop for Running {
    fn drop(&mut self) {
        if self.0.fate.swap(ENDED, Ordering::SeqCst) == LEFT {
            self.0.left_behind.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    const THREADS: usize = 8;

    #[tokio::test]
    async fn hung_calls_end_at_their_deadline_then_at_once_and_recover() {
        let calls = Calls::new(THREADS);
        let (release, gate) = mpsc::channel::<()>();
        let gate = Arc::new(std::sync::Mutex::new(gate));
        let hung = (0..THREADS).map(|_| {
            let gate = Arc::clone(&gate);
            calls.run("a test", Duration::from_millis(30), move || {
                let _ = gate.lock().unwrap().recv();
                Ok(())
            })
        });
        for result in futures::future::join_all(hung).await {
            let message = result.unwrap_err().to_string();
            assert!(message.contains("no answer to a test"), "{message}");
        }
        let day = Duration::from_secs(86_400);
        let refused = calls.run("another", day, || Ok(())).await.unwrap_err();
        assert!(refused.to_string().contains("earlier calls still wait"));
        drop(release);
        while calls.left_behind.load(Ordering::SeqCst) > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(calls.run("third", day, || Ok(7)).await.unwrap(), 7);
    }

    #[tokio::test]
    async fn more_calls_than_threads_wait_their_turn_and_a_panic_is_an_error() {
        let calls = Calls::new(THREADS);
        let minute = Duration::from_secs(60);
        let many = (0..100).map(|n| calls.run("a test", minute, move || Ok(n)));
        let results: HvResult<Vec<i32>> =
            futures::future::join_all(many).await.into_iter().collect();
        assert_eq!(results.unwrap(), (0..100).collect::<Vec<_>>());
        let broken = calls.run("a test", minute, || -> HvResult<()> {
            panic!("on purpose")
        });
        assert!(matches!(broken.await, Err(HvError::Unavailable(_))));
        assert_eq!(calls.threads.available_permits(), THREADS);
    }
}
