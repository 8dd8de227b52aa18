//! The threads that carry the traffic, each with a runtime of its own: a connection stays with the one that it
//! was given to, and so does all that is begun for it.
//!
//! In a runtime that threads share, whichever is free goes on with a connection. What belongs to that then
//! moves from the cache of one core to another's for nearly every request: a fifth of what passing it on takes.
//! What a connection asks of its thread is not known here.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread;

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

/// The threads. They end when this is dropped, and with them all that they carry.
#[derive(Debug)]
pub struct Crew {
    hands: Vec<Hand>,
}

/// One thread.
#[derive(Debug)]
struct Hand {
    runtime: Handle,
    /// Held once by each connection that it carries, and once here.
    load: Arc<()>,
    /// Lets it end.
    _end: oneshot::Sender<()>,
    /// Tells that it has.
    ended: oneshot::Receiver<()>,
}

impl Crew {
    /// So many threads.
    pub fn gather(count: usize) -> io::Result<Crew> {
        let hands = (0..count).map(Hand::hire).collect::<io::Result<_>>()?;
        Ok(Crew { hands })
    }

    /// Has the one that carries the fewest connections carry this one: there `work` is called with it.
    pub(super) fn carry<F>(
        &self,
        tcp: TcpStream,
        work: impl FnOnce(TcpStream) -> F + Send + 'static,
    ) -> io::Result<()>
    where
        F: Future<Output = ()> + Send,
    {
        let load = |hand: &&Hand| Arc::strong_count(&hand.load);
        let Some(hand) = self.hands.iter().min_by_key(load) else {
            return Err(io::Error::other("nobody carries connections"));
        };
        let load = Arc::clone(&hand.load);
        // Each runtime looks to its own connections.
        let tcp = tcp.into_std()?;
        hand.runtime.spawn(async move {
            match TcpStream::from_std(tcp) {
                Ok(tcp) => work(tcp).await,
                Err(error) => tracing::debug!("a connection cannot be carried: {error}"),
            }
            drop(load);
        });
        Ok(())
    }

    /// Ends them, and waits until they have ended.
    pub(super) async fn dismiss(self) {
        let ended: Vec<_> = self.hands.into_iter().map(|hand| hand.ended).collect();
        for ended in ended {
            let _ = ended.await; // where it panicked, it has ended too
        }
    }
}

impl Hand {
    fn hire(number: usize) -> io::Result<Hand> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ends) = oneshot::channel::<()>();
        let (tell, ended) = oneshot::channel();
        thread::Builder::new()
            .name(format!("traffic {number}"))
            .spawn(move || {
                let _ = runtime.block_on(ends);
                // What it still carries ends. A name that the system is still looking up keeps nobody.
                runtime.shutdown_background();
                let _ = tell.send(()); // or nobody waits
            })?;
        Ok(Hand {
            runtime: handle,
            load: Arc::default(),
            _end: end,
            ended,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::thread::ThreadId;

    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    /// A connection to nobody in particular.
    async fn connection(listener: &TcpListener) -> TcpStream {
        let address = listener.local_addr().unwrap();
        TcpStream::connect(address).await.unwrap()
    }

    #[tokio::test]
    async fn a_connection_goes_to_who_carries_fewest_and_stays_there() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let crew = Crew::gather(3).unwrap();
        let (tell, mut told) = mpsc::unbounded_channel();
        let mut carried: Vec<(ThreadId, oneshot::Sender<()>)> = Vec::new();
        let mut carry = async || {
            let (end, ends) = oneshot::channel::<()>();
            let tell = tell.clone();
            let work = move |_| async move {
                tell.send(thread::current().id()).unwrap();
                let _ = ends.await;
                tell.send(thread::current().id()).unwrap();
            };
            crew.carry(connection(&listener).await, work).unwrap();
            let at = told.recv().await.unwrap();
            (at, end)
        };
        for _ in 0..6 {
            carried.push(carry().await);
        }
        let of = |at: ThreadId| carried.iter().filter(|(other, _)| *other == at).count();
        let all: Vec<_> = carried.iter().map(|(at, _)| of(*at)).collect();
        assert_eq!(all, [2; 6]);
        // Whoever has less to do than the others gets the next.
        let (at, end) = carried.remove(3);
        drop(end);
        assert_eq!(told.recv().await, Some(at));
        let load = || crew.hands.iter().map(|hand| Arc::strong_count(&hand.load));
        while load().sum::<usize>() > 3 + 5 {
            tokio::task::yield_now().await;
        }
        let (tell, mut told) = mpsc::unbounded_channel();
        let work = move |_| async move { tell.send(thread::current().id()).unwrap() };
        crew.carry(connection(&listener).await, work).unwrap();
        assert_eq!(told.recv().await, Some(at));
    }

    #[tokio::test]
    async fn what_is_still_carried_ends_with_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let crew = Crew::gather(2).unwrap();
        let held = Arc::new(Mutex::new(()));
        for _ in 0..4 {
            let held = Arc::clone(&held);
            let work = move |_| async move {
                std::future::pending::<()>().await;
                drop(held);
            };
            crew.carry(connection(&listener).await, work).unwrap();
        }
        crew.dismiss().await;
        assert_eq!(Arc::strong_count(&held), 1);
    }

    #[tokio::test]
    async fn what_the_system_is_at_does_not_keep_them() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let crew = Crew::gather(1).unwrap();
        let (begin, begins) = oneshot::channel();
        let (end, ends) = oneshot::channel::<()>();
        let work = |_| async {
            let at_work = tokio::task::spawn_blocking(|| {
                begin.send(()).unwrap();
                let _ = ends.blocking_recv();
            });
            let _ = at_work.await;
        };
        crew.carry(connection(&listener).await, work).unwrap();
        begins.await.unwrap();
        crew.dismiss().await;
        end.send(()).unwrap(); // it was still at it
    }

    #[tokio::test]
    async fn without_anybody_a_connection_is_refused() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let crew = Crew::gather(0).unwrap();
        let refused = crew.carry(connection(&listener).await, |_| async {});
        assert!(refused.is_err());
    }
}
