//! A small tus server with every extension, and with exactly the faults that a test chooses.

mod answer;
mod asked;
mod checksum;
mod flaw;
mod store;
mod verbs;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) use flaw::Wrong;

use answer::Answer;
use asked::Asked;
use store::Store;

/// A running server.
#[derive(Debug)]
pub(crate) struct WrongServer {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl WrongServer {
    pub(crate) async fn start(wrongs: &[Wrong]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let store = Arc::new(Store::new(wrongs));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let store = Arc::clone(&store);
                let service = service_fn(move |request| answer(Arc::clone(&store), request));
                let connection =
                    http1::Builder::new().half_close(true).serve_connection(TokioIo::new(stream), service);
                tokio::spawn(connection);
            }
        });
        Self { address, accepting }
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}/files", self.address)
    }
}

impl Drop for WrongServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn answer(store: Arc<Store>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let asked = Asked::of(&head, &store);
    let answer = match dispatch(&store, &asked, body).await {
        Ok(answer) | Err(answer) => answer,
    };
    Ok(answer.with("Tus-Resumable", "1.0.0").into_response())
}

async fn dispatch(store: &Store, asked: &Asked<'_>, body: Incoming) -> Result<Answer, Answer> {
    if asked.method == "OPTIONS" {
        return Ok(verbs::discovery(store));
    }
    let any_version = asked.method == "HEAD" && store.does(Wrong::HeadTakesEveryVersion);
    if asked.method != "GET" && !any_version && asked.only("tus-resumable") != Some("1.0.0") {
        let answer = Answer::of(StatusCode::PRECONDITION_FAILED);
        let hidden = store.does(Wrong::HidesVersions);
        return Err(if hidden { answer } else { answer.with("Tus-Version", "1.0.0") });
    }
    match (asked.method, asked.id) {
        ("POST", None) => verbs::create(store, asked, body).await,
        ("HEAD", Some(id)) => verbs::head(store, id),
        ("PATCH", Some(id)) => verbs::append(store, asked, id, body).await,
        ("DELETE", Some(id)) => verbs::delete(store, id),
        ("GET", Some(id)) => verbs::bytes(store, id),
        _ => Err(Answer::of(StatusCode::NOT_FOUND)),
    }
}
