use std::fmt::Write;
use std::sync::Arc;
use std::time::Instant;

use crate::amount::bytes;
use crate::load::client::{Body, Connection, Request};
use crate::load::failure::Failure;
use crate::load::report::Report;
use crate::load::subject::Subject;
use crate::load::tally::Tally;
use crate::load::tickets::{AsyncWork, Pace, at_pace};

const BOUNDARY: &str = "----tus-lab-7MA4YWxkTrZu0gW";
const HEADERS: &str = "Content-Type: multipart/form-data; boundary=----tus-lab-7MA4YWxkTrZu0gW\r\n";

/// Forms, sent to the endpoint itself; a request is a form.
#[derive(Debug, Clone, clap::Args)]
pub struct OneShot {
    /// How many requests are sent, how long, and by how many clients.
    #[command(flatten)]
    pub pace: Pace,
    /// How large the file in the form is
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = bytes)]
    pub size: u64,
    /// A field before the file; may be repeated
    #[arg(long = "field", value_name = "NAME=VALUE", value_parser = field)]
    pub fields: Vec<(String, String)>,
    /// The name of the file's field
    #[arg(long, value_name = "NAME", default_value = "file")]
    pub file_field: String,
    /// The name of the file
    #[arg(long, value_name = "NAME", default_value = "load.bin")]
    pub file_name: String,
}

impl OneShot {
    pub(super) async fn run(&self, subject: &Arc<Subject>) -> Result<Report, Failure> {
        let form = Form { before: self.before().into(), size: self.size };
        let meter = subject.meter();
        let mut tally = at_pace(subject, &self.pace, form).await;
        let resources = meter.stop(tally.bytes, tally.requests);
        let report = Report::new("oneshot", &mut tally, resources);
        // What a server makes of a form cannot be read back or ended by tus, so no uploads are passed on.
        Ok(subject.conclude(report, &tally, &[]).await)
    }

    fn before(&self) -> String {
        let mut text = String::new();
        let mut put = |line: std::fmt::Arguments<'_>| text.write_fmt(line).expect("text takes everything");
        for (name, value) in &self.fields {
            put(format_args!(
                "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            ));
        }
        put(format_args!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{}\"; filename=\"{}\"\r\n\
             Content-Type: application/octet-stream\r\n\r\n",
            self.file_field, self.file_name
        ));
        text
    }
}

/// The work of sending one form.
#[derive(Debug, Clone)]
struct Form {
    before: Arc<str>,
    size: u64,
}

impl AsyncWork for Form {
    async fn once(
        &self,
        subject: &Subject,
        connection: &mut Connection,
        ticket: u64,
        tally: &mut Tally,
    ) -> Result<(), Failure> {
        let after = format!("\r\n--{BOUNDARY}--\r\n");
        let body = Body {
            before: self.before.as_bytes(),
            span: subject.content(ticket, self.size),
            after: after.as_bytes(),
        };
        let target = Arc::clone(&connection.target);
        let request = Request { tus: false, ..Request::new("POST", &target.base) };
        let started = Instant::now();
        let answer = connection.send(request.headers(HEADERS).body(body)).await?;
        answer.expecting(&[200, 201, 204])?;
        tally.note(started, self.size);
        Ok(())
    }
}

fn field(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a field is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
