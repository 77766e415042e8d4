//! `tus-lab`: finds out from outside what a tus 1.0.0 server does.
//!
//! `conformance` tests whether the server does what the protocol's text says, `disconnect` tests uploads over
//! a bad network, and `proxy` is that bad network alone; `table` puts reports about several servers side by
//! side. `load` measures how much the server does in a second, and `sink` is the limit of the machine.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod arguments;
mod conformance;
mod disconnect;
mod load;
mod proxy;
mod sink;
mod table;

/// Finds out from outside what a tus 1.0.0 server does.
#[derive(Debug, Parser)]
#[command(name = "tus-lab", version)]
struct Lab {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Tests a server against the text of tus 1.0.0, sentence by sentence
    Conformance(conformance::Args),
    /// Puts the JSON reports about several servers side by side, as Markdown
    Table(table::Args),
    /// Uploads over connections that break, and tells what became of every byte
    Disconnect(disconnect::Args),
    /// Stands between any client and any server as a bad network
    Proxy(proxy::Args),
    /// Puts a server under load, and tells what it did and what that cost
    Load(load::Args),
    /// A server that does the least that can be done: the limit of the machine
    Sink(sink::Args),
}

#[tokio::main]
async fn main() -> ExitCode {
    match Lab::parse().command {
        Command::Conformance(args) => conformance::run(args).await,
        Command::Table(args) => table::run(&args),
        Command::Disconnect(args) => disconnect::run(args).await,
        Command::Proxy(args) => proxy::run(args).await,
        Command::Load(args) => load::run(args).await,
        Command::Sink(args) => sink::run(args).await,
    }
}
