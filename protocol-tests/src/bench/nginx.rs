//! nginx beside a longhaul: it sends the same files below the same paths.

use std::fs;
use std::io;
use std::net::TcpListener;
use std::path::Path;

/// Where its settings are in its folder.
pub(super) const SETTINGS: &str = "nginx.conf";

/// Writes its settings: `files` are what longhaul has below `/uploads/`.
///
/// It cannot choose a port itself. One that was free a moment ago may be taken; then it does not start.
pub(super) fn prepare(folder: &Path, files: &Path) -> io::Result<()> {
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let text = format!(
        "user root; daemon off; worker_processes auto; pid nginx.pid; error_log stderr;\n\
         events {{}}\n\
         http {{\n\
         access_log off; sendfile on; default_type application/octet-stream;\n\
         client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;\n\
         server {{ listen {address}; location /uploads/ {{ alias {}/; }} }}\n\
         }}\n",
        files.display()
    );
    fs::create_dir_all(folder)?;
    fs::write(folder.join(SETTINGS), text)
}

/// The URL that its settings say.
pub(super) fn url(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join(SETTINGS)).ok()?;
    let (_, rest) = text.split_once("listen ")?;
    rest.split_once(';').map(|(address, _)| format!("http://{address}"))
}
