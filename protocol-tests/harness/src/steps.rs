//! The named steps at which the server can be made to die.

use crate::server::run_to_its_end;

/// Every step, in the order in which an upload passes them. The server lists them when it is asked for an
/// unknown one.
///
/// # Panics
/// When the server lists none.
pub async fn steps() -> Vec<String> {
    let asked = run_to_its_end(&["--listen", "127.0.0.1:0"], &[("LONGHAUL_CRASH_AT", "nowhere")]).await;
    let (_, list) = asked.log.split_once("`nowhere` is none of ").expect("it names them");
    list.trim().split(", ").map(str::to_owned).collect()
}
