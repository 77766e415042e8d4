use super::fault::Way;
use super::shape::Shape;

/// How many times in a row a client tries again without progress.
pub(super) const RETRIES: usize = 4;

/// A client's next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// POST.
    Create,
    /// HEAD.
    Offset,
    /// PATCH at this offset.
    Append(u64),
    /// POST of the final upload, once its partial uploads are complete.
    Join,
}

/// An answer, as a client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    /// There is none: the connection died.
    Dead,
    /// The parts of an answer that a client looks at.
    Status {
        /// The status code.
        status: u16,
        /// `Upload-Offset`, if it is a number.
        offset: Option<u64>,
        /// `Upload-Length`, if it is a number.
        length: Option<u64>,
        /// Whether there was a `Location` that can be followed.
        has_location: bool,
        /// The beginning of the body's text.
        said: String,
    },
}

/// A client's reaction to an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Next {
    /// The client sends this request at once.
    Ask(Ask),
    /// The client sends this request after the n-th wait in a row.
    Later(usize, Ask),
    /// The upload is complete.
    Done,
    /// The client tells its user that the upload failed, and why.
    GiveUp(String),
}

/// The decisions of tus-js-client 4.3.1: what follows from an answer.
///
/// ```text
///            2xx with Location                    2xx, more to send
///  Create ───────────────────────► Append(offset) ◄────────────────┐
///   ▲  │                            ▲  │  │  └─────────────────────┘
///   │  └─ dead, 409, 423, 5xx:      │  │  └─ 2xx, nothing to send ─► Done
///   │     wait, then Create         │  └─ dead, 409, 423, 5xx: wait, then Offset
///   │                          2xx  │
///   └────────────────────────── Offset ── dead, 423: wait, then Offset
///     any other status             └─ 2xx, nothing to send ─► Done
/// ```
///
/// Any other 4xx to Create, Append or Join is final. Waiting is final too when it was done
/// [`RETRIES`] times in a row without the offset having grown.
#[derive(Debug, Clone)]
pub(super) struct Decisions {
    way: Way,
    shape: Shape,
    has_url: bool,
    offset: Option<u64>,
    waits: usize,
    offset_before_wait: u64,
    /// The offset of the last PATCH. If the content is a stream, the bytes before it cannot be read again.
    read_up_to: u64,
}

impl Decisions {
    pub(super) fn new(way: Way, shape: Shape) -> Self {
        Self { way, shape, has_url: false, offset: None, waits: 0, offset_before_wait: 0, read_up_to: 0 }
    }

    /// The client's reaction to this answer.
    pub(super) fn after(&mut self, asked: Ask, answer: &Answer) -> Next {
        let &Answer::Status { status, offset, length, has_location, ref said } = answer else {
            return self.wait(asked, "the connection died");
        };
        let is_fine = (200..300).contains(&status);
        match asked {
            Ask::Offset if is_fine => self.resumed(asked, offset, length),
            Ask::Offset if status == 423 => self.wait(asked, "HEAD was answered 423"),
            Ask::Offset => self.start_again(),
            Ask::Create if is_fine => self.created(asked, has_location, offset),
            Ask::Append(_) if is_fine => self.appended(asked, offset),
            Ask::Join if is_fine && has_location => Next::Done,
            Ask::Create | Ask::Append(_) | Ask::Join => self.refused(asked, status, said),
        }
    }

    fn created(&mut self, asked: Ask, has_location: bool, offset: Option<u64>) -> Next {
        if !has_location {
            return self.wait(asked, "a creation was answered without Location");
        }
        self.has_url = true;
        if self.way == Way::CreationWithUpload {
            return self.appended(asked, offset);
        }
        self.offset = Some(0);
        self.go_on(0)
    }

    fn appended(&mut self, asked: Ask, offset: Option<u64>) -> Next {
        let Some(offset) = offset else {
            return self.wait(asked, "an answer had no Upload-Offset");
        };
        self.offset = Some(offset);
        self.go_on(offset)
    }

    fn resumed(&mut self, asked: Ask, offset: Option<u64>, length: Option<u64>) -> Next {
        let Some(offset) = offset else {
            return self.wait(asked, "HEAD was answered without Upload-Offset");
        };
        if length.is_none() && self.way != Way::DeferredLength {
            return self.wait(asked, "HEAD was answered without Upload-Length");
        }
        self.offset = Some(offset);
        // If the length is still unknown to the server, an empty PATCH has to tell it.
        if length.is_none() && offset == self.shape.size {
            return Next::Ask(Ask::Append(offset));
        }
        self.go_on(offset)
    }

    fn go_on(&mut self, offset: u64) -> Next {
        let size = self.shape.size;
        match offset {
            _ if offset == size => Next::Done,
            _ if offset > size => {
                Next::GiveUp(format!("the server says that it has {offset} of {size} bytes"))
            }
            _ if offset < self.read_up_to && self.way == Way::DeferredLength => {
                Next::GiveUp(format!("a stream cannot be read again from byte {offset}"))
            }
            _ => {
                self.read_up_to = offset;
                Next::Ask(Ask::Append(offset))
            }
        }
    }

    fn start_again(&mut self) -> Next {
        self.has_url = false;
        Next::Ask(Ask::Create)
    }

    fn refused(&mut self, asked: Ask, status: u16, said: &str) -> Next {
        let why = match said {
            "" => format!("answered {status}"),
            _ => format!("answered {status}, {said}"),
        };
        let is_final = (400..500).contains(&status) && status != 409 && status != 423;
        if is_final { Next::GiveUp(why) } else { self.wait(asked, &why) }
    }

    fn wait(&mut self, asked: Ask, why: &str) -> Next {
        if self.offset.is_some_and(|offset| offset > self.offset_before_wait) {
            self.waits = 0;
        }
        if self.waits >= RETRIES {
            return Next::GiveUp(format!("{why}, after {RETRIES} retries"));
        }
        self.offset_before_wait = self.offset.unwrap_or(0);
        let number = self.waits;
        self.waits += 1;
        let next = match asked {
            // The library does not repeat a final POST whose connection died. Its application does, with the
            // same request.
            Ask::Join => Ask::Join,
            _ if self.has_url => Ask::Offset,
            _ => Ask::Create,
        };
        Next::Later(number, next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { size: 1000 };

    fn status(status: u16) -> Answer {
        Answer::Status { status, offset: None, length: None, has_location: false, said: String::new() }
    }

    fn at(code: u16, offset: u64) -> Answer {
        Answer::Status {
            status: code,
            offset: Some(offset),
            length: Some(1000),
            has_location: true,
            said: String::new(),
        }
    }

    /// A client that has created its upload.
    fn created(way: Way) -> Decisions {
        let mut client = Decisions::new(way, SHAPE);
        client.after(Ask::Create, &at(201, 0));
        client
    }

    #[test]
    fn only_a_dead_socket_or_423_keep_what_a_head_was_about() {
        for answer in [Answer::Dead, status(423)] {
            let next = created(Way::OnePatch).after(Ask::Offset, &answer);
            assert_eq!(next, Next::Later(0, Ask::Offset), "{answer:?}");
        }
        for code in [301, 400, 401, 403, 404, 410, 429, 500, 502, 503] {
            let next = created(Way::OnePatch).after(Ask::Offset, &status(code));
            assert_eq!(next, Next::Ask(Ask::Create), "{code}");
        }
    }

    #[test]
    fn what_a_patch_may_be_answered_and_tried_again() {
        for answer in
            [Answer::Dead, status(409), status(423), status(500), status(502), status(503), status(204)]
        {
            let next = created(Way::OnePatch).after(Ask::Append(0), &answer);
            assert_eq!(next, Next::Later(0, Ask::Offset), "{answer:?}");
        }
        for code in [400, 401, 403, 404, 410, 413, 415, 429, 460] {
            let next = created(Way::OnePatch).after(Ask::Append(0), &status(code));
            assert!(matches!(next, Next::GiveUp(_)), "{code}: {next:?}");
        }
    }

    #[test]
    fn a_lost_answer_to_the_creation_means_another_creation() {
        let mut client = Decisions::new(Way::OnePatch, SHAPE);
        assert_eq!(client.after(Ask::Create, &Answer::Dead), Next::Later(0, Ask::Create));
        assert_eq!(client.after(Ask::Create, &status(502)), Next::Later(1, Ask::Create));
        assert_eq!(client.after(Ask::Create, &at(201, 0)), Next::Ask(Ask::Append(0)));
    }

    #[test]
    fn retries_end_unless_the_offset_grows() {
        let mut client = created(Way::OnePatch);
        for number in 0..RETRIES {
            assert_eq!(client.after(Ask::Append(0), &Answer::Dead), Next::Later(number, Ask::Offset));
        }
        let mut lucky = client.clone();
        assert!(matches!(client.after(Ask::Append(0), &Answer::Dead), Next::GiveUp(_)));
        assert_eq!(lucky.after(Ask::Offset, &at(200, 500)), Next::Ask(Ask::Append(500)));
        assert_eq!(lucky.after(Ask::Append(500), &Answer::Dead), Next::Later(0, Ask::Offset));
    }

    #[test]
    fn an_upload_is_done_when_the_offset_is_its_length() {
        assert_eq!(created(Way::OnePatch).after(Ask::Append(0), &at(204, 1000)), Next::Done);
        assert_eq!(created(Way::OnePatch).after(Ask::Offset, &at(200, 1000)), Next::Done);
        assert_eq!(created(Way::Chunks).after(Ask::Append(0), &at(204, 250)), Next::Ask(Ask::Append(250)));
        let mut whole = Decisions::new(Way::CreationWithUpload, SHAPE);
        assert_eq!(whole.after(Ask::Create, &at(201, 1000)), Next::Done);
        let beyond = created(Way::OnePatch).after(Ask::Offset, &at(200, 1001));
        assert!(matches!(beyond, Next::GiveUp(_)));
    }

    #[test]
    fn a_stream_is_not_read_again() {
        let mut client = created(Way::DeferredLength);
        client.after(Ask::Append(0), &at(204, 250));
        assert_eq!(client.after(Ask::Offset, &at(200, 300)), Next::Ask(Ask::Append(300)));
        let next = client.after(Ask::Offset, &at(200, 250));
        assert!(matches!(next, Next::GiveUp(_)), "{next:?}");
    }

    #[test]
    fn a_final_upload_is_tried_again_unless_it_is_refused() {
        let mut client = Decisions::new(Way::Parallel, SHAPE);
        assert_eq!(client.after(Ask::Join, &status(502)), Next::Later(0, Ask::Join));
        assert_eq!(client.after(Ask::Join, &Answer::Dead), Next::Later(1, Ask::Join));
        assert!(matches!(client.clone().after(Ask::Join, &status(400)), Next::GiveUp(_)));
        assert_eq!(client.after(Ask::Join, &at(201, 0)), Next::Done);
    }

    #[test]
    fn a_deferred_length_is_told_at_the_end() {
        let answer = Answer::Status {
            status: 200,
            offset: Some(1000),
            length: None,
            has_location: false,
            said: String::new(),
        };
        let next = created(Way::DeferredLength).after(Ask::Offset, &answer);
        assert_eq!(next, Next::Ask(Ask::Append(1000)));
        let next = created(Way::OnePatch).after(Ask::Offset, &answer);
        assert_eq!(next, Next::Later(0, Ask::Offset));
    }
}
