//! The connections to the upstream that speak HTTP/1.1: each carries one exchange at a time, and rests until
//! there is another.
//!
//! How a connection is made is not known here.

use std::array;
use std::future::Future;
use std::mem::take;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::runtime::Handle;

use super::cause::{BoxError, Failure};
use super::wire::{Line, Wire};
use super::{Carrier, Lost, lock};
use crate::proxy::relay::Upload;

/// How much of a connection is held each way, and so the longest head of a response. A client that takes
/// nothing has as much wait here for it as in its own connection.
const HELD: usize = 128 * 1024;

/// The connections that rest. Clones share them.
#[derive(Clone)]
pub(super) struct Pool(Arc<Resting>);

/// A connection on which an exchange is under way. When this is dropped, it rests as soon as it can.
pub(in crate::proxy) struct Lease {
    connection: Option<Connection>,
    pool: Weak<Resting>,
}

struct Connection {
    sender: SendRequest<Upload>,
    line: Line,
    /// The drawer of the thread that looks to it.
    home: usize,
}

struct Resting {
    /// How long a connection rests before it is closed; zero for not at all.
    most: Duration,
    drawers: [Mutex<State>; DRAWERS],
}

/// In how many drawers the connections rest. A thread has one for itself where there are no more threads than that.
const DRAWERS: usize = 64;

thread_local! {
    /// The drawer of this thread.
    static DRAWER: usize = {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        NEXT.fetch_add(1, Ordering::Relaxed) % DRAWERS
    };
}

#[derive(Default)]
struct State {
    /// The one that came last is the last.
    connections: Vec<(Instant, Connection)>,
    closer: Closer,
}

/// Whether there is a task that closes connections that rest for too long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Closer {
    #[default]
    None,
    Waits,
}

impl Pool {
    /// An empty one.
    pub(super) fn new(most: Duration) -> Pool {
        Pool(Arc::new(Resting {
            most,
            drawers: array::from_fn(|_| Mutex::default()),
        }))
    }

    /// Sends a request, taken from where it is, on a connection that rests, or on one that `connect` makes. A connection that has ended
    /// before it took the request is left for another.
    pub(super) async fn request<C>(
        &self,
        request: &mut Request<Upload>,
        connect: impl Fn() -> C,
    ) -> Result<(Response<Incoming>, Lease), Lost>
    where
        C: Future<Output = Result<Wire, BoxError>>,
    {
        loop {
            let (mut connection, carrier) = if let Some(connection) = self.0.take() {
                (connection, Carrier::Used)
            } else {
                // In a box, as is all that is seldom done: whoever waits for a request is moved with all
                // that it may ever hold.
                let begun = Box::pin(begin(connect())).await;
                (begun.map_err(Lost::before)?, Carrier::Fresh)
            };
            let mut error = match connection.sender.try_send_request(take(request)).await {
                Ok(mut response) => {
                    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
                        response.extensions_mut().insert(connection.line.clone());
                    }
                    let lease = Lease {
                        connection: Some(connection),
                        pool: Arc::downgrade(&self.0),
                    };
                    return Ok((response, lease));
                }
                Err(error) => error,
            };
            match error.take_message() {
                Some(unsent) if carrier == Carrier::Used => *request = unsent,
                _ => {
                    let failure = Failure::Answer(error.into_error());
                    return Err(Lost { failure, carrier });
                }
            }
        }
    }
}

/// A connection of HTTP/1.1, where one comes about.
async fn begin(
    connecting: impl Future<Output = Result<Wire, BoxError>>,
) -> Result<Connection, Failure> {
    let wire = connecting.await.map_err(Failure::Connect)?;
    let line = wire.line();
    let mut builder = Builder::new();
    builder.preserve_header_case(true).max_buf_size(HELD);
    let made = builder.handshake(TokioIo::new(wire)).await;
    let (sender, connection) = made.map_err(Failure::Answer)?;
    tokio::spawn(async move {
        // Whoever waits for an answer hears of it too.
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!("a connection to the upstream: {error}");
        }
    });
    let home = own_drawer();
    Ok(Connection { sender, line, home })
}

impl Drop for Lease {
    fn drop(&mut self) {
        let (Some(mut connection), Some(pool)) = (self.connection.take(), self.pool.upgrade())
        else {
            return;
        };
        if connection.sender.is_ready() {
            pool.put(connection);
        } else if !connection.sender.is_closed()
            && let Ok(runtime) = Handle::try_current()
        {
            // The end of the exchange is on its way; or it broke off, and the connection ends.
            runtime.spawn(async move {
                if connection.sender.ready().await.is_ok() {
                    pool.put(connection);
                }
            });
        }
    }
}

impl Resting {
    /// The connection that has rested for the shortest time. One that this thread looks to is better than one for
    /// which another has to be woken, and that is better than a new one.
    fn take(&self) -> Option<Connection> {
        let (before, own) = self.drawers.split_at_checked(own_drawer())?;
        own.iter().chain(before).find_map(|drawer| {
            let mut state = lock(drawer);
            while let Some((since, connection)) = state.connections.pop() {
                if since.elapsed() >= self.most {
                    state.connections.clear(); // the others have rested for longer
                } else if connection.sender.is_ready() {
                    return Some(connection);
                }
            }
            None
        })
    }

    fn put(self: Arc<Self>, connection: Connection) {
        if self.most.is_zero() {
            return;
        }
        let home = connection.home;
        let Some(drawer) = self.drawer(home) else {
            return;
        };
        let mut state = lock(drawer);
        state.connections.push((Instant::now(), connection));
        if state.closer == Closer::None
            && let Ok(runtime) = Handle::try_current()
        {
            state.closer = Closer::Waits;
            runtime.spawn(close(Arc::downgrade(&self), home, self.most));
        }
    }

    fn drawer(&self, number: usize) -> Option<&Mutex<State>> {
        self.drawers.get(number)
    }

    /// Closes what has rested for too long in a drawer; how long it is until the next has.
    fn close(&self, drawer: usize) -> Option<Duration> {
        let mut state = lock(self.drawer(drawer)?);
        let all = &mut state.connections;
        let over = all.partition_point(|(since, _)| since.elapsed() >= self.most);
        all.drain(..over);
        let next = all
            .first()
            .map(|(since, _)| self.most.saturating_sub(since.elapsed()));
        if next.is_none() {
            state.closer = Closer::None;
        }
        next
    }
}

/// The number of this thread's drawer.
fn own_drawer() -> usize {
    DRAWER.with(|own| *own)
}

/// Closes connections that rest for too long in a drawer, as long as there are any.
async fn close(pool: Weak<Resting>, drawer: usize, first: Duration) {
    let mut next = Some(first);
    while let Some(wait) = next {
        tokio::time::sleep(wait).await;
        next = pool.upgrade().and_then(|pool| pool.close(drawer));
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::{SocketAddr, TcpListener};
    use std::thread;

    use bytes::Bytes;
    use http_body_util::BodyExt as _;
    use tokio::net::TcpStream;
    use tokio::runtime;
    use tokio::sync::oneshot;
    use tokio_util::either::Either;

    use super::*;

    /// A service that answers each request with the number of its connection.
    fn service() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for (number, tcp) in listener.incoming().enumerate() {
                thread::spawn(move || {
                    let mut tcp = tcp.unwrap();
                    let lines = BufReader::new(tcp.try_clone().unwrap()).lines();
                    for line in lines {
                        if line.unwrap().is_empty() {
                            write!(tcp, "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n{number}")
                                .unwrap();
                        }
                    }
                });
            }
        });
        address
    }

    /// A thread whose runtime goes on until the sender is dropped.
    fn hire() -> (Handle, oneshot::Sender<()>) {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        let (end, ends) = oneshot::channel();
        thread::spawn(move || runtime.block_on(ends));
        (handle, end)
    }

    /// Asks for something: which connection has the answer, and what keeps it from the next.
    async fn ask(pool: Pool, address: SocketAddr) -> (Bytes, Lease) {
        let connect = || async move {
            let tcp = TcpStream::connect(address).await?;
            Ok(Wire::new(Either::Left(tcp)))
        };
        let mut request = Request::new(Upload::default());
        let asked = pool.request(&mut request, connect).await;
        let (response, lease) = asked.map_err(drop).unwrap();
        let answer = response.into_body().collect().await.unwrap();
        (answer.to_bytes(), lease)
    }

    /// Waits until so many connections rest.
    async fn rest(pool: &Pool, most: usize) {
        let drawers = || pool.0.drawers.iter();
        let resting = || drawers().map(|drawer| lock(drawer).connections.len());
        while resting().sum::<usize>() < most {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_thread_takes_its_own_connection_and_anothers_rather_than_none() {
        let address = service();
        let pool = Pool::new(Duration::from_secs(60));
        let ((one, _one), (other, _other)) = (hire(), hire());
        let ask = async |by: &Handle| by.spawn(ask(pool.clone(), address)).await.unwrap();
        let (first, its) = ask(&one).await;
        let (second, others) = ask(&other).await;
        assert_eq!((&*first, &*second), (&b"0"[..], &b"1"[..]));
        drop(its);
        rest(&pool, 1).await;
        drop(others); // which rests for the shorter time
        rest(&pool, 2).await;
        let (own, _its) = ask(&one).await;
        let (anothers, _others) = ask(&one).await;
        assert_eq!((own, anothers), (first, second));
    }
}
