/// The head of a request.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) method: String,
    /// The last part of the path, if it is a number: the id of an upload.
    pub(super) id: Option<u64>,
    text: String,
}

impl Head {
    pub(super) fn new(text: String) -> Self {
        let mut words = text.split(' ');
        let method = words.next().unwrap_or_default().to_owned();
        let path = words.next().unwrap_or_default();
        let id = path.rsplit('/').next().and_then(|id| id.parse().ok());
        Self { method, id, text }
    }

    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.text.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        self.header(name)?.parse().ok()
    }
}
