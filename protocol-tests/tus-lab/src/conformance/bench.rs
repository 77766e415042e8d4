use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::answer::Answer;
use super::place::Place;
use super::subject::{Subject, VERSION};
use super::verdict::{Fault, wrong};
use crate::content::Content;
use crate::http::{Connection, Request};
use crate::tus::OFFSET_OCTET_STREAM;

/// How long a client waits before it asks again.
pub(super) const PAUSE: Duration = Duration::from_millis(100);

/// The bench of a case: correct requests, which the case may make wrong, and the uploads that it made.
#[derive(Debug)]
pub(super) struct Bench {
    pub(super) subject: Arc<Subject>,
    made: Mutex<Vec<Place>>,
    remarks: Mutex<BTreeSet<String>>,
    kept: Mutex<Vec<Connection>>,
}

impl Bench {
    pub(super) fn new(subject: Arc<Subject>) -> Self {
        Self { subject, made: Mutex::default(), remarks: Mutex::default(), kept: Mutex::default() }
    }

    /// A request of this protocol version.
    pub(super) fn request(&self, method: &str, place: &Place) -> Request {
        self.subject.request(method, place).header("Tus-Resumable", VERSION)
    }

    /// A creation without a length.
    pub(super) fn open_creation(&self) -> Request {
        let request = self.request("POST", &self.subject.endpoint);
        match &self.subject.metadata {
            Some(metadata) => request.header("Upload-Metadata", metadata),
            None => request,
        }
    }

    /// A creation of this length.
    pub(super) fn creation(&self, length: u64) -> Request {
        self.open_creation().header("Upload-Length", length)
    }

    /// The value of `Upload-Metadata` with these pairs and those that this server always wants.
    pub(super) fn metadata(&self, pairs: &str) -> String {
        match &self.subject.metadata {
            Some(always) => format!("{always},{pairs}"),
            None => pairs.to_owned(),
        }
    }

    /// A PATCH without a body.
    pub(super) fn patch(&self, upload: &Place, offset: u64) -> Request {
        self.bare_patch(upload).header("Upload-Offset", offset)
    }

    /// A PATCH without an offset.
    pub(super) fn bare_patch(&self, upload: &Place) -> Request {
        self.request("PATCH", upload).header("Content-Type", OFFSET_OCTET_STREAM)
    }

    /// Sends a request and reads the answer.
    ///
    /// The connection of a GET stays open until the case is over. Servers on Node are known to break down if
    /// it is closed right after the answer, which is not judged here.
    pub(super) async fn ask(&self, request: Request) -> Result<Answer, Fault> {
        let method = request.method().to_owned();
        let asking = async {
            let mut connection = Connection::try_open(request.address()).await?;
            let response = connection.try_request(&request).await?;
            Ok((connection, response))
        };
        let (connection, response) = match asking.await {
            Ok(answered) => answered,
            Err::<_, io::Error>(error) => return wrong(format_args!("{method} got no answer: {error}")),
        };
        if method == "GET" {
            self.kept.lock().expect("nobody panics with it").push(connection);
        }
        Ok(self.noticed(Answer::new(&method, response)))
    }

    /// Sends the head of a request, and leaves the rest to the case.
    pub(super) async fn begin(&self, request: &Request) -> Result<Connection, Fault> {
        let mut connection = Connection::try_open(request.address()).await?;
        connection.try_send(&request.head()).await?;
        Ok(connection)
    }

    /// Reads the answer to a request that was begun.
    pub(super) async fn hear(&self, to: &str, connection: &mut Connection) -> Result<Answer, Fault> {
        match connection.try_answer(to == "HEAD").await {
            Ok(response) => Ok(self.noticed(Answer::new(to, response))),
            Err(error) => wrong(format_args!("{to} got no answer: {error}")),
        }
    }

    /// Remarks on any 500: the server says that it broke.
    fn noticed(&self, answer: Answer) -> Answer {
        if answer.status == 500 {
            self.remark(answer.to_string());
        }
        answer
    }

    fn remark(&self, remark: String) {
        self.remarks.lock().expect("nobody panics with it").insert(remark);
    }

    /// The remarks beside the subject of the case.
    pub(super) fn remarks(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.remarks.lock().expect("nobody panics with it"))
    }

    /// The text with numbers instead of the URLs of the case's uploads, so that it is the same in every run.
    pub(super) fn without_urls(&self, mut text: String) -> String {
        let made = self.made.lock().expect("nobody panics with it");
        for (number, upload) in made.iter().enumerate() {
            let number = number + 1;
            text = text.replace(&upload.url(), &format!("<URL {number}>"));
            text = text.replace(&upload.path, &format!("<path {number}>"));
        }
        text
    }

    /// The upload that an answer's `Location` names. It is terminated when the case is over.
    pub(super) async fn located(&self, answer: &Answer) -> Result<Place, Fault> {
        let location = answer.required("Location")?;
        match self.subject.endpoint.follow(location).await {
            Ok(place) => {
                self.made.lock().expect("nobody panics with it").push(place.clone());
                Ok(place)
            }
            Err(error) => wrong(format_args!("{answer} with an unusable Location: {error}")),
        }
    }

    /// The upload that this creation makes. A failure is not judged here, but by other cases.
    pub(super) async fn create(&self, creation: Request) -> Result<Place, Fault> {
        let making = async {
            let answer = self.ask(creation).await?;
            answer.status(&[201])?;
            self.located(&answer).await
        };
        making.await.map_err(Fault::in_preparation)
    }

    /// A new upload of this length.
    pub(super) async fn upload(&self, length: u64) -> Result<Place, Fault> {
        self.create(self.creation(length)).await
    }

    /// A new upload of this length that already holds these bytes.
    pub(super) async fn started(&self, length: u64, bytes: &[u8]) -> Result<Place, Fault> {
        let upload = self.upload(length).await?;
        self.fill(&upload, 0, bytes).await?;
        Ok(upload)
    }

    /// Appends bytes as a preparation; a failure is judged by other cases.
    pub(super) async fn fill(&self, upload: &Place, offset: u64, bytes: &[u8]) -> Result<(), Fault> {
        let filling = async { self.append(upload, offset, bytes).await?.status(&[204]) };
        filling.await.map_err(Fault::in_preparation)
    }

    /// Sends a PATCH with these bytes.
    pub(super) async fn append(&self, upload: &Place, offset: u64, bytes: &[u8]) -> Result<Answer, Fault> {
        self.ask(self.patch(upload, offset).body(bytes)).await
    }

    /// Sends a HEAD.
    pub(super) async fn head(&self, upload: &Place) -> Result<Answer, Fault> {
        self.ask(self.request("HEAD", upload)).await
    }

    /// The offset that HEAD tells, as soon as it tells one: a server may lock an upload while another request
    /// still seems to write to it.
    pub(super) async fn offset(&self, upload: &Place) -> Result<u64, Fault> {
        self.head_when_free(upload).await?.number("Upload-Offset")
    }

    /// Repeats HEAD while the upload is locked, as long as the case may last.
    pub(super) async fn head_when_free(&self, upload: &Place) -> Result<Answer, Fault> {
        loop {
            let head = self.head(upload).await?;
            if !matches!(head.status, 409 | 423 | 503) {
                head.status(&[200, 204])?;
                return Ok(head);
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A fault unless HEAD tells this offset.
    pub(super) async fn expect_offset(&self, upload: &Place, offset: u64) -> Result<(), Fault> {
        match self.offset(upload).await? {
            found if found == offset => Ok(()),
            found => wrong(format_args!("HEAD then says offset {found} instead of {offset}")),
        }
    }

    /// Resumes an upload until it is complete, as an interrupted client does.
    ///
    /// The interrupted request may still be in the server's queues, reach the upload after its successor and
    /// displace it; no server can tell which of the two is newer. So one refusal is allowed, with a remark:
    /// stock clients give up at it.
    pub(super) async fn resume(&self, upload: &Place, content: &[u8]) -> Result<(), Fault> {
        let mut refused = false;
        loop {
            let offset = self.offset(upload).await?;
            let Some(rest) = usize::try_from(offset).ok().and_then(|at| content.get(at..)) else {
                return wrong(format_args!("HEAD says offset {offset} of {} bytes", content.len()));
            };
            if rest.is_empty() {
                return Ok(());
            }
            let answer = self.append(upload, offset, rest).await?;
            if answer.status == 400 && !refused {
                refused = true;
                self.remark(format!("{answer} at the offset that HEAD had told"));
            } else if !matches!(answer.status, 409 | 423 | 503) {
                answer.status(&[204])?;
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// The bytes of a complete upload; none if the server does not give them back.
    pub(super) async fn bytes(&self, upload: &Place) -> Result<Option<Vec<u8>>, Fault> {
        if !self.subject.gives_bytes_back {
            return Ok(None);
        }
        let answer = self.ask(self.request("GET", upload)).await?;
        answer.status(&[200, 204])?;
        Ok(Some(answer.body().to_vec()))
    }

    /// A fault if the server gives back other bytes than these.
    pub(super) async fn expect_bytes(&self, upload: &Place, expected: &[u8]) -> Result<(), Fault> {
        match self.bytes(upload).await? {
            Some(found) if found != expected => {
                let length = found.len();
                let same = found.iter().zip(expected).take_while(|(found, expected)| found == expected);
                let same = same.count();
                let wanted = expected.len();
                wrong(format_args!("GET gives {length} bytes for {wanted}; they differ from byte {same} on"))
            }
            _ => Ok(()),
        }
    }

    /// Terminates the uploads that the case made, as far as they still exist.
    pub(super) async fn tidy(&self) {
        let made = std::mem::take(&mut *self.made.lock().expect("nobody panics with it"));
        if self.subject.offers("termination") {
            for upload in made {
                _ = self.request("DELETE", &upload).try_send().await;
            }
        }
    }
}

/// Random bytes without repetition.
pub(super) fn random(length: u64) -> Vec<u8> {
    Content::random(length).bytes()
}
