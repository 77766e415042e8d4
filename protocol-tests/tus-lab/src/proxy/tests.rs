use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;
use crate::http::{Connection, Request};

/// A server that answers `!` at the end of each connection, and returns the bytes that it received.
async fn listener() -> (SocketAddr, JoinHandle<Vec<Vec<u8>>>) {
    server(2, b"!").await
}

/// A server of this many connections, one after the other: it reads each to its end, and sends this answer.
async fn server(connections: usize, answer: &'static [u8]) -> (SocketAddr, JoinHandle<Vec<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a bound socket has an address");
    let seen = tokio::spawn(async move {
        let mut seen = Vec::new();
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().await.expect("the proxy connects");
            let mut bytes = Vec::new();
            _ = stream.read_to_end(&mut bytes).await;
            _ = stream.write_all(answer).await;
            seen.push(bytes);
        }
        seen
    });
    (address, seen)
}

async fn seen(server: JoinHandle<Vec<Vec<u8>>>) -> Vec<Vec<u8>> {
    wait::bounded("the server has seen everything", server).await.expect("the server is fine")
}

/// Conditions with an observer that collects the events.
fn watched() -> (Conditions, Arc<Mutex<Vec<Event>>>) {
    let events = Arc::new(Mutex::new(Vec::new()));
    let held = Arc::clone(&events);
    let tell = move |event: &Event| held.lock().expect("nobody panics here").push(event.clone());
    (Conditions { observer: Observer::new(tell), ..Conditions::default() }, events)
}

/// Sends this many bytes, as far as they are accepted.
async fn pour(proxy: &Proxy, count: usize) -> Connection {
    let mut connection = Connection::open(proxy.address()).await;
    _ = connection.try_send(&vec![1; count]).await;
    connection
}

#[tokio::test]
async fn a_connection_is_cut_at_exactly_this_byte() {
    let (target, server) = listener().await;
    let proxy = Proxy::start(target, vec![(100_000, Step::Cut(Cut::Fin))]).await;
    let mut first = Connection::open(proxy.address()).await;
    first.send(&[1; 150_000]).await;
    assert!(first.gone().await.is_empty());
    let mut second = Connection::open(proxy.address()).await;
    second.send(&[2; 1000]).await;
    second.finish().await;
    assert_eq!(second.gone().await, b"!");
    let seen = seen(server).await;
    assert_eq!((seen[0].len(), seen[1].len()), (100_000, 1000));
    assert!(proxy.is_done());
}

#[tokio::test]
async fn a_fin_is_an_end_and_a_reset_is_an_error() {
    for (cut, is_error) in [(Cut::Fin, false), (Cut::Reset, true)] {
        let (target, _server) = listener().await;
        let proxy = Proxy::start(target, vec![(1000, Step::Cut(cut))]).await;
        let mut client = TcpStream::connect(proxy.address()).await.expect("the proxy accepts");
        client.write_all(&[1; 1000]).await.expect("the proxy reads");
        let end = wait::bounded("the end", client.read(&mut [0; 10])).await;
        assert_eq!(end.is_err(), is_error, "{cut}: {end:?}");
    }
}

#[tokio::test]
async fn an_answer_is_lost_after_its_request_has_arrived() {
    let (target, server) = listener().await;
    let proxy = Proxy::start(target, vec![(10, Step::LoseAnswer)]).await;
    for answer in [&b""[..], b"!"] {
        let mut connection = Connection::open(proxy.address()).await;
        connection.send(&[1; 50]).await;
        connection.finish().await;
        assert_eq!(connection.gone().await, answer);
    }
    let seen = seen(server).await;
    assert_eq!((seen[0].len(), seen[1].len()), (50, 50));
}

#[tokio::test]
async fn an_answer_is_cut_at_exactly_this_byte_and_the_rest_is_told() {
    let (target, _server) = server(1, b"an answer").await;
    let (mut conditions, events) = watched();
    conditions.up = vec![(50, Step::CutAnswer(Cut::Fin, 3))];
    let proxy = Proxy::under(target, conditions).await;
    let mut connection = pour(&proxy, 50).await;
    connection.finish().await;
    assert_eq!(connection.gone().await, b"an ");
    let lost = Event::AnswerLost { connection: 1, answer: b"an answer".to_vec() };
    assert!(events.lock().expect("nobody panics here").contains(&lost));
}

#[tokio::test]
async fn bytes_from_the_server_are_counted_too() {
    let (target, _server) = server(1, b"an answer").await;
    let conditions = Conditions { down: vec![(4, Step::Cut(Cut::Fin))], ..Conditions::default() };
    let proxy = Proxy::under(target, conditions).await;
    let mut connection = pour(&proxy, 50).await;
    connection.finish().await;
    assert_eq!(connection.gone().await, b"an a");
    assert_eq!((proxy.carried(Direction::Up), proxy.carried(Direction::Down)), (50, 4));
}

#[tokio::test]
async fn a_held_connection_stands_still_until_it_is_cut() {
    let (target, _seen) = listener().await;
    let proxy = Proxy::start(target, vec![(10, Step::Hold)]).await;
    let mut connection = Connection::open(proxy.address()).await;
    connection.send(&[1; 50]).await;
    proxy.held().await;
    proxy.cut(Cut::Reset);
    assert!(connection.gone().await.is_empty());
}

#[tokio::test]
async fn a_stalled_network_goes_on_and_loses_nothing() {
    let (target, server) = server(1, b"!").await;
    let stall = Duration::from_millis(300);
    let proxy = Proxy::start(target, vec![(10, Step::Stall(stall))]).await;
    let start = Instant::now();
    let mut connection = pour(&proxy, 5000).await;
    connection.finish().await;
    assert_eq!(connection.gone().await, b"!");
    assert!(start.elapsed() >= stall, "{:?}", start.elapsed());
    assert_eq!(seen(server).await[0].len(), 5000);
}

#[tokio::test]
async fn after_a_half_close_the_answer_still_comes() {
    let (target, server) = server(1, b"!").await;
    let proxy = Proxy::start(target, vec![(700, Step::HalfClose)]).await;
    let mut connection = pour(&proxy, 5000).await;
    assert_eq!(connection.gone().await, b"!");
    assert_eq!(seen(server).await[0].len(), 700);
}

#[tokio::test]
async fn a_server_is_not_told_of_a_client_that_vanished() {
    let (target, server) = server(1, b"!").await;
    let proxy = Proxy::start(target, vec![(700, Step::Vanish)]).await;
    let mut connection = pour(&proxy, 5000).await;
    assert!(connection.gone().await.is_empty());
    assert!(!server.is_finished(), "the server still waits for more");
    proxy.cut(Cut::Fin);
    assert_eq!(seen(server).await[0].len(), 700);
}

#[tokio::test]
async fn without_a_server_a_gateway_answers_502_and_passes_nothing_on() {
    let (target, server) = server(2, b"HTTP/1.1 204 \r\n\r\n").await;
    let (mut conditions, events) = watched();
    conditions.up = vec![(20, Step::BadGateway(Duration::from_millis(500)))];
    let proxy = Proxy::under(target, conditions).await;
    let request = Request::new(proxy.address(), "PATCH", "/").body(vec![1; 300_000]);
    for _ in 0..2 {
        assert_eq!(request.clone().send().await.status, 502);
    }
    let carried = proxy.carried(Direction::Up);
    wait::until_true("the server is back", async || {
        let mut connection = pour(&proxy, 10).await;
        connection.finish().await;
        connection.gone().await.starts_with(b"HTTP/1.1 204")
    })
    .await;
    let seen = seen(server).await;
    assert_eq!((carried, seen[0].len(), seen[1].len()), (20, 20, 10));
    let events = events.lock().expect("nobody panics here");
    let refused = events.iter().filter(|event| matches!(event, Event::BadGateway { .. })).count();
    assert!(refused >= 2, "{events:?}");
}

#[tokio::test]
async fn a_narrow_line_takes_its_time() {
    for up in [true, false] {
        let (target, server) = server(1, &[7; 20_000]).await;
        let mut conditions = Conditions::default();
        let narrow = if up { &mut conditions.up_bytes_per_sec } else { &mut conditions.down_bytes_per_sec };
        *narrow = Some(50_000);
        let proxy = Proxy::under(target, conditions).await;
        let start = Instant::now();
        let mut connection = pour(&proxy, 20_000).await;
        connection.finish().await;
        assert_eq!(connection.gone().await, [7; 20_000]);
        assert!(start.elapsed() >= Duration::from_millis(380), "{:?}", start.elapsed());
        assert_eq!(seen(server).await[0], [1; 20_000]);
    }
}

#[tokio::test]
async fn a_long_line_delays_every_byte_and_keeps_their_order() {
    let (target, server) = server(1, b"!").await;
    let latency = Duration::from_millis(150);
    let proxy = Proxy::under(target, Conditions { latency, ..Conditions::default() }).await;
    let start = Instant::now();
    let bytes: Vec<_> = (0..3_000_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    let mut connection = Connection::open(proxy.address()).await;
    connection.send(&bytes).await;
    connection.finish().await;
    assert_eq!(connection.gone().await, b"!");
    assert!(start.elapsed() >= 2 * latency, "{:?}", start.elapsed());
    assert!(seen(server).await[0] == bytes);
}

#[tokio::test]
async fn troubles_recur_and_can_be_planned_on_the_way() {
    let (target, server) = server(3, b"!").await;
    let recurring = Recurring::in_turn(Every::Bytes(1000), vec![Step::Cut(Cut::Fin)]);
    let proxy =
        Proxy::under(target, Conditions { recurring: Some(recurring), ..Conditions::default() }).await;
    assert!(pour(&proxy, 5000).await.gone().await.is_empty());
    proxy.after(300, Step::Cut(Cut::Fin));
    assert!(pour(&proxy, 5000).await.gone().await.is_empty());
    assert!(pour(&proxy, 5000).await.gone().await.is_empty());
    let lengths: Vec<_> = seen(server).await.iter().map(Vec::len).collect();
    assert_eq!(lengths, [1000, 300, 700]);
}

#[tokio::test]
async fn a_clients_reset_is_passed_on() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
    let target = listener.local_addr().expect("a bound socket has an address");
    let proxy = Proxy::start(target, Vec::new()).await;
    let client = Connection::open(proxy.address()).await;
    let (mut server, _) = listener.accept().await.expect("the proxy connects");
    client.reset();
    let end = wait::bounded("the end", server.read(&mut [0; 10])).await;
    assert!(end.is_err(), "{end:?}");
}

#[tokio::test]
async fn a_server_that_is_away_is_a_dead_connection() {
    let (target, seen) = listener().await;
    seen.abort();
    assert!(seen.await.is_err());
    let proxy = Proxy::start(target, Vec::new()).await;
    let mut connection = Connection::open(proxy.address()).await;
    assert!(connection.gone().await.is_empty());
}
