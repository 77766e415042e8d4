use std::io::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use tokio::net::{TcpListener, lookup_host};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{self, Receiver};
use tus_lab::amount::{bytes, time};
use tus_lab::order::{Order, every, trouble};
use tus_lab::proxy::{Conditions, Event, Every, Observer, Proxy, Recurring, Step};

/// How many events may wait to be printed; further ones are left out.
const WAITING: usize = 4096;

/// The arguments of `tus-lab proxy`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Troubles: fin, reset, lose-answer (the request arrives, its answer does not), cut-answer:BYTES, \
stall:TIME, half-close (the server is told that no more comes), vanish (the client's side dies, \
the server is told nothing), bad-gateway:TIME (502, and nothing is passed on).

Bytes are counted over all connections. fin and reset end every connection, stall is for all of \
them, bad-gateway for every request as long as it lasts; the others strike the connection whose \
byte it was.

It runs until it is interrupted. Exit status: 0 when it was, 2 when it could not start.")]
pub(crate) struct Args {
    /// The address that clients connect to; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: String,
    /// The server behind the proxy
    #[arg(long, value_name = "ADDR")]
    target: String,
    /// A trouble after this many bytes from the clients, like reset@5MiB or stall:2s@1MiB; repeatable
    #[arg(long, value_name = "TROUBLE@BYTES")]
    up: Vec<Order>,
    /// A trouble after this many bytes from the server; repeatable
    #[arg(long, value_name = "TROUBLE@BYTES")]
    down: Vec<Order>,
    /// A trouble that recurs, in turn with the others of its kind; repeatable
    #[arg(long, value_name = "TROUBLE", value_parser = trouble, requires = "every")]
    fault: Vec<Step>,
    /// How far apart recurring troubles are: a size of bytes from the clients, or a time
    #[arg(long, value_name = "SIZE|TIME", value_parser = every, requires = "fault")]
    every: Option<Every>,
    /// The bandwidth towards the server, in bytes a second
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    up_rate: Option<u64>,
    /// The bandwidth towards the clients, in bytes a second
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    down_rate: Option<u64>,
    /// How long a byte is on its way, each way
    #[arg(long, value_name = "TIME", value_parser = time, default_value = "0ms")]
    latency: Duration,
}

/// Stands between clients and a server until it is interrupted.
pub(crate) async fn run(args: Args) -> ExitCode {
    match start(args).await {
        Ok((proxy, events, interrupts)) => {
            say(format_args!("listening on {}", proxy.url()));
            print_until_interrupted(events, interrupts).await;
            ExitCode::SUCCESS
        }
        Err(why) => {
            _ = writeln!(std::io::stderr(), "tus-lab proxy: {why}");
            ExitCode::from(2)
        }
    }
}

async fn start(args: Args) -> Result<(Proxy, Receiver<Event>, Signal), String> {
    // The signal is listened for before the address is printed, so that an immediate interrupt counts.
    let interrupts = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let target = lookup_host(&args.target).await.map_err(|error| format!("{}: {error}", args.target))?;
    let target = target.into_iter().next().ok_or_else(|| format!("{} has no address", args.target))?;
    let listener =
        TcpListener::bind(&args.listen).await.map_err(|error| format!("{}: {error}", args.listen))?;
    let (sender, events) = mpsc::channel(WAITING);
    // An observer must not block: events that are not printed fast enough are left out.
    let observer = Observer::new(move |event| _ = sender.try_send(event.clone()));
    Ok((Proxy::on(listener, target, conditions(args, observer)), events, interrupts))
}

fn conditions(args: Args, observer: Observer) -> Conditions {
    let recurring = args.every.map(|every| Recurring::in_turn(every, args.fault));
    let plan = |orders: Vec<Order>| orders.into_iter().map(|order| (order.at, order.step)).collect();
    Conditions {
        up: plan(args.up),
        down: plan(args.down),
        recurring,
        up_bytes_per_sec: args.up_rate,
        down_bytes_per_sec: args.down_rate,
        latency: args.latency,
        observer,
    }
}

/// Prints a line for each event, with the seconds since the start. Events from before the interrupt are
/// printed, too.
async fn print_until_interrupted(mut events: Receiver<Event>, mut interrupts: Signal) {
    let start = Instant::now();
    let print = |event: Event| say(format_args!("{:9.3} {event}", start.elapsed().as_secs_f64()));
    tokio::select! {
        _ = interrupts.recv() => {}
        () = async { while let Some(event) = events.recv().await { print(event) } } => {}
    }
    while let Ok(event) = events.try_recv() {
        print(event);
    }
}

/// Prints a line, and goes on if standard output is closed.
fn say(line: std::fmt::Arguments<'_>) {
    let mut stdout = std::io::stdout().lock();
    _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}
