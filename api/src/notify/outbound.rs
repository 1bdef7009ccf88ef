//! How addresses that people gave are called. They are anybody's words: none may lead into the network that this server
//! stands in, by whatever name.

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::dns::Name;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use roomm8_db::notification::endpoint::address::Reach;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::lookup_host;
use tower::Service;
use url::Url;

/// The most of an answer that is taken in: its head, and what of its body came along. Nobody reads the body.
const ANSWER_BYTES: usize = 64 * 1_024;
/// How long a connection is kept for the next call.
const IDLE: Duration = Duration::from_secs(30);

/// Calls addresses that people gave.
#[derive(Debug)]
pub struct Outbound {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    reach: Reach,
}

impl Outbound {
    /// Calls those within reach, and nobody else.
    ///
    /// # Errors
    /// If this machine has no certificates to know others by.
    pub fn new(reach: Reach) -> anyhow::Result<Self> {
        let mut tcp = HttpConnector::new_with_resolver(Resolver { reach });
        // It is not asked for the scheme: whether that may be http is said below.
        tcp.enforce_http(false);
        let tls = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(rustls::crypto::ring::default_provider())
            .context("nobody can be called by https: install the certificates of the public authorities")?;
        let tls = match reach {
            Reach::Public => tls.https_only(),
            Reach::Anywhere => tls.https_or_http(),
        };
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(1)
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .http1_max_buf_size(ANSWER_BYTES)
            .build(tls.enable_http1().wrap_connector(tcp));
        Ok(Self { client, reach })
    }

    /// Sends this there, and says with which status it was answered. A redirection is an answer too, and not followed: it
    /// leads where nobody has checked. Dropped, it hangs up; its caller says how long it may take.
    ///
    /// # Errors
    /// If the URL may not be called or nobody answers there. Only the host is named: who knows the whole URL may write to
    /// whomever it belongs to.
    pub(super) async fn post(
        &self,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> anyhow::Result<StatusCode> {
        let host = url.host_str().unwrap_or("nobody");
        // Again, and not only when it was given: what may be called may have changed, and the client asks the resolver, which
        // checks addresses, only for names.
        self.reach.allow(url).map_err(|refusal| anyhow!("the URL of {host} {refusal}"))?;
        let mut request = Request::post(url.as_str())
            .body(Full::new(body))
            .with_context(|| format!("the URL of {host} cannot be sent"))?;
        *request.headers_mut() = headers;
        let answer = self.client.request(request).await.with_context(|| format!("{host} did not answer"))?;
        Ok(answer.status())
    }
}

/// Finds the addresses of a name, and of these keeps who may be called. The client connects to what it is told here and asks
/// nobody again: a name cannot be one address when checked and another when called.
#[derive(Debug, Clone)]
struct Resolver {
    reach: Reach,
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let reach = self.reach;
        Box::pin(async move {
            // The client puts in the port.
            let found = lookup_host((name.as_str(), 0)).await?;
            let within: Vec<_> = found.filter(|address| reach.includes(address.ip())).collect();
            if within.is_empty() {
                return Err(io::Error::other("it has no address that can be reached from the internet"));
            }
            Ok(within.into_iter())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::response::Redirect;
    use axum::routing::post;
    use futures_util::stream;
    use std::convert::Infallible;
    use std::net::TcpListener as Listener;
    use tokio::io::AsyncReadExt as _;
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    const SOON: Duration = Duration::from_secs(10);

    fn outbound(reach: Reach) -> Outbound {
        Outbound::new(reach).unwrap()
    }

    async fn serve(router: Router) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret?a=b", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Url::parse(&url).unwrap()
    }

    async fn call(url: &Url) -> anyhow::Result<StatusCode> {
        let headers = HeaderMap::from_iter([(http::header::AUTHORIZATION, "key".parse().unwrap())]);
        let outbound = outbound(Reach::Anywhere);
        timeout(SOON, outbound.post(url, headers, Bytes::from_static(b"words"))).await.unwrap()
    }

    #[tokio::test]
    async fn a_call_arrives_whole() {
        let (sender, mut calls) = mpsc::unbounded_channel();
        let take = async move |headers: HeaderMap, body: Bytes| {
            sender.send((headers, body)).unwrap();
            StatusCode::CREATED
        };
        let url = serve(Router::new().route("/secret", post(take))).await;
        assert_eq!(call(&url).await.unwrap(), StatusCode::CREATED);
        let (headers, body) = calls.recv().await.unwrap();
        assert_eq!((&headers["authorization"], &body[..]), (&"key".parse().unwrap(), b"words".as_slice()));
        assert_eq!(headers["host"], url.authority());
    }

    #[tokio::test]
    async fn a_redirection_is_not_followed() {
        let (sender, mut calls) = mpsc::unbounded_channel();
        let take = async move || sender.send(()).unwrap();
        let router = Router::new()
            .route("/secret", post(async || Redirect::temporary("/elsewhere")))
            .route("/elsewhere", post(take));
        let url = serve(router).await;
        assert_eq!(call(&url).await.unwrap(), StatusCode::TEMPORARY_REDIRECT);
        assert!(calls.try_recv().is_err());
    }

    #[tokio::test]
    async fn an_endless_answer_is_not_read() {
        let endless =
            async || Body::from_stream(stream::repeat(Ok::<_, Infallible>(Bytes::from_static(&[0; 4_096]))));
        let url = serve(Router::new().route("/secret", post(endless))).await;
        assert_eq!(call(&url).await.unwrap(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_call_that_is_given_up_hangs_up() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let outbound = outbound(Reach::Anywhere);
        let mut heard = Vec::new();
        let mut connection = tokio::select! {
            _ = outbound.post(&url, HeaderMap::new(), Bytes::new()) => panic!("nobody answers"),
            accepted = async {
                let (mut connection, _) = listener.accept().await.unwrap();
                connection.read_buf(&mut heard).await.unwrap();
                connection
            } => accepted,
        };
        assert!(heard.starts_with(b"POST / HTTP/1.1\r\n"));
        timeout(SOON, connection.read_to_end(&mut heard)).await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn an_error_names_only_the_host() {
        let closed = Listener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let url = Url::parse(&format!("http://{closed}/secret?secret")).unwrap();
        let error = call(&url).await.unwrap_err();
        assert!(format!("{error:#}").starts_with("127.0.0.1 did not answer"), "{error:#}");
        assert!(!format!("{error:#} {error:?}").contains("secret"), "{error:?}");
    }

    #[tokio::test]
    async fn who_is_not_on_the_internet_is_not_even_connected_to() {
        let listener = Listener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        let outbound = outbound(Reach::Public);
        for host in
            ["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1", "127.1.", "localhost", "１２７.0.0.1"]
        {
            let url = Url::parse(&format!("https://{host}/secret")).unwrap();
            let call = timeout(SOON, outbound.post(&url, HeaderMap::new(), Bytes::new()));
            let error = call.await.unwrap().unwrap_err().to_string();
            assert!(error.ends_with(" must be of a host that can be reached from the internet"), "{error}");
        }
        // As a name that is the internet's, and leads here: past what a name says of itself.
        let request =
            Request::post(format!("https://localhost:{port}/secret")).body(Full::default()).unwrap();
        let call = timeout(SOON, outbound.client.request(request));
        let error = anyhow::Error::new(call.await.unwrap().unwrap_err());
        assert!(
            format!("{error:#}").ends_with("it has no address that can be reached from the internet"),
            "{error:#}"
        );
        let request = Request::post(format!("http://127.0.0.1:{port}/secret")).body(Full::default()).unwrap();
        assert!(timeout(SOON, outbound.client.request(request)).await.unwrap().is_err());
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
