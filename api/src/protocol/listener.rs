//! Accepts connections, bounds their number and their patience, and lets them finish when the process stops.
//!
//! In place of `axum::serve`, which waits for ever for the headers of a request.

mod connections;
mod patience;

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::header::CONNECTION;
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};
use tower::ServiceExt;
use tracing::{debug, warn};

use super::{Shutdown, Stats};
pub(crate) use connections::subscriber;
use connections::{Connections, Seat};
use patience::Patient;

/// Where a connection comes from, in the extensions of each of its requests.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

/// Settings of the listener.
#[derive(Clone, Debug)]
pub struct Listen {
    /// Connections at once, sockets included; more wait in the kernel. Default 20,000.
    pub connections: usize,
    /// Connections at once from one address (`IPv6`: one /64); more are hung up on. Behind a proxy every client has
    /// its address: set `None` there. Default 256.
    pub connections_per_address: Option<usize>,
    /// For the headers of a request to arrive, and for the next request to begin. Default 10 s. A load balancer
    /// that keeps connections open needs more than its own idle time-out here.
    pub header_deadline: Duration,
    /// For a client to take something of what is written to it, else it is hung up on. Default 8 s: longer than
    /// [`Sockets::write_deadline`](super::Sockets::write_deadline), as a socket says why it closes.
    pub write_deadline: Duration,
    /// Bytes of a request's line and headers. Default 65,536.
    pub header_bytes: usize,
}

impl Default for Listen {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_address: Some(256),
            header_deadline: Duration::from_secs(10),
            write_deadline: Duration::from_secs(8),
            header_bytes: 64 * 1024,
        }
    }
}

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: u32 = 4096;
/// After an accept failed for want of something, as file descriptors.
const PAUSE: Duration = Duration::from_millis(200);

/// Opens the port.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restarted server must not wait for the connections of the one before it to be forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until the shutdown has begun and either every connection is done or the grace period is over. For the shutdown's
/// notice connections are still accepted, and each request is answered as the last one of its connection: a balancer finds at
/// `/readyz` that it is to lead them elsewhere, and none of them is lost before it has.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: Listen,
    stats: Arc<Stats>,
    shutdown: Shutdown,
) {
    let connections = Connections::new(&settings, Arc::clone(&stats));
    let take = |(stream, seat, peer): (TcpStream, Seat, SocketAddr)| {
        let stream = Patient::new(stream, seat, settings.write_deadline, Arc::clone(&stats));
        tokio::spawn(connection(stream, peer, router.clone(), settings.clone(), shutdown.clone()));
    };
    let begun = shutdown.begun();
    tokio::pin!(begun);
    let grace = loop {
        tokio::select! {
            grace = &mut begun => break grace,
            accepted = accept(&listener, &connections) => take(accepted),
        }
    };
    let notice = shutdown.notice();
    let latecomers = async {
        loop {
            take(accept(&listener, &connections).await);
        }
    };
    let _ = timeout(notice, latecomers).await;
    drop(listener);
    if timeout(grace.saturating_sub(notice), connections.done()).await.is_err() {
        warn!("some connections were not done when the grace period was over");
    }
}

/// The next connection that may be served.
async fn accept(listener: &TcpListener, connections: &Connections) -> (TcpStream, Seat, SocketAddr) {
    loop {
        let room = connections.room().await;
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small frames, each worth being on its way.
                let _ = stream.set_nodelay(true);
                if let Some(seat) = connections.admit(room, peer.ip()) {
                    return (stream, seat, peer);
                }
                debug!(%peer, "too many connections from one address");
            }
            Err(error) if is_of_the_client(&error) => {}
            Err(error) => {
                warn!(%error, "no connection could be accepted");
                sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_the_client(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

/// Answers a request. After one whose body nobody read to its end the connection is closed, and the answer says so: hyper
/// says nothing when it closes, and the client would send its next request into it.
///
/// So is the connection of whoever asks while the process is about to stop.
async fn answer(
    router: Router,
    request: Request<Incoming>,
    shutdown: Shutdown,
) -> Result<Response<Body>, Infallible> {
    let is_read = Arc::new(AtomicBool::new(request.body().is_end_stream()));
    let end = Arc::clone(&is_read);
    let ended = poll_fn(move |_| {
        end.store(true, Ordering::Relaxed);
        Poll::Ready(None)
    });
    let mut response = router.oneshot(request.map(|body| Body::new(body.with_trailers(ended)))).await?;
    let is_last = !is_read.load(Ordering::Relaxed) || shutdown.has_begun();
    if is_last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response)
}

/// Waits until the process is about to stop, and nobody need be taken by surprise by that any more.
async fn noticed(shutdown: &Shutdown) {
    shutdown.begun().await;
    sleep(shutdown.notice()).await;
}

async fn connection(stream: Patient, peer: SocketAddr, router: Router, settings: Listen, shutdown: Shutdown) {
    let end = shutdown.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        answer(router.clone(), request, end.clone())
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.header_deadline)
        .max_buf_size(settings.header_bytes)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(serving);
    let result = tokio::select! {
        result = &mut serving => result,
        () = noticed(&shutdown) => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        debug!(%peer, %error, "a connection ended with an error");
    }
}
