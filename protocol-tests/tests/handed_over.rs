//! Listeners that the supervisor hands over, and that outlive the server; and what the server tells its
//! supervisor.

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

use harness::binary::longhaul;
use harness::chat::Chat;
use harness::content::Content;
use harness::http::Request;
use harness::left_out::left_out;
use harness::server::{Server, Setup, run_to_its_end};
use harness::{tus, wait};
use tokio::net::UnixDatagram;

const MIB: u64 = 1 << 20;

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("loopback has a free port")
}

#[tokio::test]
async fn connections_wait_while_one_server_is_killed_and_the_next_one_starts() {
    let listener = listener();
    let address = listener.local_addr().expect("it is bound");
    // From the second start on, the server could not open this address itself.
    let chat = Chat::on(Setup::default().handed_over(listener)).await;
    assert_eq!(chat.server.address(), address);
    assert!(chat.server.log().contains("handed over"), "{}", chat.server.log());

    let content = Content::random(20 * MIB);
    let location = tus::create(&chat, content.len(), &[]).await;
    let patch = tus::patch(&chat, &chat.alice, &location, 0).declared_length(content.len());
    let mut running = patch.open().await;
    running.send(&content.slice(0..9 * MIB)).await;
    wait::until_true("a checkpoint is recorded", async || {
        chat.status(&location).await.json()["offset"].as_u64() > Some(0)
    })
    .await;
    chat.server.kill().await;

    // No server runs, and no connection is refused.
    let waiting = tokio::spawn(tus::request(&chat, &chat.alice, "HEAD", &location).send());
    let mut further = tus::request(&chat, &chat.alice, "HEAD", &location).open().await;
    chat.server.restart().await;
    let kept = waiting.await.expect("the request waits").expecting(200).number("Upload-Offset");
    assert_eq!(further.try_answer(true).await.expect("it is answered").number("Upload-Offset"), kept);
    assert!(kept > 0, "the upload goes on");
    tus::append(&chat, &location, kept, &content.slice(kept..content.len())).await.expecting(204);
    let message = chat.only_message().await;
    assert_eq!(chat.media_digest(&message).await, (content.len(), content.sha256()));
}

#[tokio::test]
async fn a_handed_over_listener_on_all_addresses_needs_a_key() {
    let everybody = TcpListener::bind("0.0.0.0:0").expect("there is a free port");
    let log = refused(everybody.into()).await;
    assert!(log.contains("handed over") && log.contains("loopback"), "{log}");
}

#[tokio::test]
async fn a_socket_that_is_no_tcp_listener_is_refused_by_name() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let unix = std::os::unix::net::UnixListener::bind(folder.path().join("socket")).expect("a socket");
    let datagrams = std::net::UdpSocket::bind("127.0.0.1:0").expect("a free port");
    for socket in [unix.into(), datagrams.into()] {
        let log = refused(socket).await;
        assert!(log.contains("no TCP listener") && !log.contains("panicked"), "{log}");
    }
}

/// Hands this socket to a demo, which must not start; returns what it prints.
async fn refused(socket: OwnedFd) -> String {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let script = r#"exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" --data-dir "$1""#;
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", script]).arg(longhaul()).arg(folder.path().join("data")).stdin(socket);
    command.kill_on_drop(true);
    let output = wait::bounded("the server ends by itself", command.output()).await.expect("sh is there");
    assert!(!output.status.success());
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// Variables that were meant for a parent process do not apply to the server.
#[tokio::test]
async fn listeners_for_another_process_are_not_taken() {
    let server = Setup::default().env("LISTEN_FDS", 1).env("LISTEN_PID", 1).start().await;
    server.request("GET", "/healthz").send().await.expecting(200);
}

#[tokio::test]
async fn the_supervisor_hears_when_the_server_is_ready_and_when_it_ends() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let path = folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).expect("a socket can be made");
    let server: Server = Setup::default().env("NOTIFY_SOCKET", path.display()).start().await;
    assert!(heard(&supervisor).await.contains(&"READY=1".to_owned()));
    server.terminate();
    assert!(heard(&supervisor).await.contains(&"STOPPING=1".to_owned()));
    assert_eq!(server.ended(wait::BOUND).await.code(), Some(0));
}

async fn heard(supervisor: &UnixDatagram) -> Vec<String> {
    let mut datagram = [0; 1000];
    let received = wait::bounded("the supervisor is told", supervisor.recv(&mut datagram)).await;
    let text = String::from_utf8_lossy(&datagram[..received.expect("a datagram")]).into_owned();
    text.lines().map(str::to_owned).collect()
}

/// A server that does not start never tells its supervisor that it is ready.
#[tokio::test]
async fn the_supervisor_of_a_server_that_does_not_start_hears_nothing() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let path = folder.path().join("notify");
    let supervisor = UnixDatagram::bind(&path).expect("a socket can be made");
    let file = folder.path().join("file");
    fs::write(&file, "in the way").expect("a file of ours can be made");
    let (path, file) = (path.to_str().expect("text"), file.to_str().expect("text"));
    let death =
        run_to_its_end(&["--listen", "127.0.0.1:0", "--data-dir", file], &[("NOTIFY_SOCKET", path)]).await;
    assert!(!death.status.success(), "{death}");
    assert!(supervisor.try_recv(&mut [0; 100]).is_err());
}

/// The example units are verified with the tests' binary in place of the installed one; nothing else is
/// changed.
#[test]
fn the_units_of_the_examples_are_valid() {
    if left_out("systemd-analyze") {
        return;
    }
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/systemd");
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let mut units = Vec::new();
    for name in ["longhaul.socket", "longhaul.service"] {
        let text = fs::read_to_string(examples.join(name)).expect("the example is there");
        let program = longhaul().to_str().expect("a path of ours is text");
        let unit = folder.path().join(name);
        fs::write(&unit, text.replace("/usr/local/bin/longhaul", program)).expect("a unit can be copied");
        units.push(unit);
    }
    let verified = Command::new("systemd-analyze").arg("verify").args(&units).output();
    let verified = verified.expect("systemd-analyze is there: start the tests with protocol-tests/run");
    let said = String::from_utf8_lossy(&[verified.stdout, verified.stderr].concat()).into_owned();
    let ours: Vec<_> = said.lines().filter(|line| line.contains("longhaul")).collect();
    assert!(verified.status.success() && ours.is_empty(), "{said}");
}

/// Starts a server with two listeners. They come as its standard input and output, so its output is lost.
fn with_two(names: &str, one: TcpListener, other: TcpListener, data: &Path) -> tokio::process::Command {
    let script = format!(
        r#"exec 3<&0 4<&1 0</dev/null 1>/dev/null
           LISTEN_FDS=2 LISTEN_FDNAMES={names} LISTEN_PID=$$ exec "$0" --data-dir "$1""#
    );
    let mut command = tokio::process::Command::new("sh");
    command.args(["-c", &script]).arg(longhaul()).arg(data);
    command.stdin(OwnedFd::from(one)).stdout(OwnedFd::from(other));
    command.kill_on_drop(true);
    command
}

#[tokio::test]
async fn a_second_listener_is_for_operations_if_that_is_its_name() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let (main, operations) = (listener(), listener());
    let [main_address, operations_address] =
        [&main, &operations].map(|listener| listener.local_addr().expect("it is bound"));
    let mut command = with_two("ops:longhaul.socket", operations, main, &folder.path().join("data"));
    let _child = command.stderr(Stdio::null()).spawn().expect("sh is there");
    Request::new(operations_address, "GET", "/readyz").send().await;
    Request::new(operations_address, "GET", "/files").send().await.expecting(404);
    Request::new(main_address, "GET", "/files").send().await.expecting(401);
}

#[tokio::test]
async fn two_listeners_of_the_same_use_are_refused() {
    let folder = tempfile::tempdir().expect("the system has a folder for temporary files");
    let mut command = with_two("a:b", listener(), listener(), &folder.path().join("data"));
    let output = command.stderr(Stdio::piped()).spawn().expect("sh is there");
    let output = wait::bounded("the server ends by itself", output.wait_with_output()).await.expect("ours");
    let log = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && log.contains("one listener") && log.contains("`ops`"), "{log}");
}
