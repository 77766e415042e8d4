use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use tokio::net::TcpListener;
use tus_lab::sink::{self, Keeping};

/// The arguments of `tus-lab sink`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The address to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: String,
    /// A folder for the files
    #[arg(long, value_name = "DIR")]
    folder: PathBuf,
    /// What is done with the bytes
    #[arg(long, value_enum, default_value_t = Keeping::Write)]
    keeping: Keeping,
}

/// Runs the sink until it is killed.
pub(crate) async fn run(args: Args) -> ExitCode {
    let listening = async {
        let listener = TcpListener::bind(&args.listen).await?;
        let address = listener.local_addr()?;
        let mut stdout = std::io::stdout().lock();
        _ = writeln!(stdout, "listening on http://{address}/files/").and_then(|()| stdout.flush());
        std::io::Result::Ok(listener)
    };
    let ended = match listening.await {
        Ok(listener) => sink::run(listener, args.folder, args.keeping).await,
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        _ = writeln!(std::io::stderr(), "tus-lab sink: {error}");
    }
    ExitCode::from(2)
}
