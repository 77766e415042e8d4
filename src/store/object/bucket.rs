//! The requests to the object store, each within its time.
//!
//! The client repeats what fails for a while; how long that may take is bounded here, where that matters. A
//! request that was given up may still have an effect.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path;
use object_store::signer::{Method, Signer};
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, Error, GetOptions, ObjectStore, ObjectStoreExt as _,
    PutMultipartOptions, PutOptions, PutPayload, RetryConfig,
};
use tokio::time::timeout;

use super::signed::Signed;
use crate::store::{Shown, StoreError};
use crate::upload::UploadId;

/// How long a request that makes or lists objects may take: a store may need minutes to join many parts.
const SLOW: Duration = Duration::from_secs(600);
/// How long a download may stall: longer than clients may let it, of whom the connection knows when they do.
const STALL: Duration = Duration::from_secs(120);
/// How long the first byte of a download may take.
const FIRST_BYTE: Duration = Duration::from_secs(30);
/// How long the store may take to say that it is there.
const ANSWER_WAIT: Duration = Duration::from_secs(1);
/// The name under which each object says which upload it is.
const UPLOAD: &str = "upload";

/// A prefix of a bucket, which is for this cluster alone.
#[derive(Clone)]
pub struct Bucket {
    /// For the puts of parts, which are given up and tried again.
    parts: Arc<dyn MultipartStore>,
    /// For objects that are made of parts.
    wholes: Arc<dyn MultipartStore>,
    /// For other objects.
    pub(super) objects: Arc<dyn ObjectStore>,
    /// For downloads, which may take as long as their reader does.
    reads: Arc<dyn ObjectStore>,
    /// For what the clients have no request for.
    pub(super) signed: Option<Signed>,
    prefix: Path,
}

/// The address of a bucket, and the credentials if they are not those of the environment.
#[derive(Clone, Default)]
pub struct S3 {
    /// The bucket.
    pub bucket: String,
    /// What the keys of all objects begin with.
    pub prefix: String,
    /// The server, if it is not that of AWS.
    pub endpoint: Option<String>,
    /// Whether the store compares a checksum of all that it is sent (CRC-64/NVME).
    pub checksums: bool,
    /// Access key and secret.
    pub keys: Option<(String, String)>,
}

/// The reason why the bucket cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BucketError {
    /// The address is not one.
    #[error("the bucket's address is not `s3://bucket` or `s3://bucket/prefix`")]
    Address,
    /// The settings are not those of a client.
    #[error("the bucket: {0}")]
    Settings(#[from] object_store::Error),
}

impl S3 {
    /// The bucket at this address.
    ///
    /// # Errors
    /// [`BucketError::Address`]
    pub fn at(address: &str, endpoint: Option<String>) -> Result<Self, BucketError> {
        let rest = address.strip_prefix("s3://").ok_or(BucketError::Address)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(BucketError::Address);
        }
        let prefix = prefix.trim_matches('/').to_owned();
        // Not every store knows them.
        let checksums = endpoint.is_none();
        Ok(Self { bucket: bucket.to_owned(), prefix, endpoint, checksums, keys: None })
    }

    /// A client of the bucket, with these bounds of its requests. Plain HTTP is for an endpoint that says so.
    ///
    /// # Errors
    /// [`BucketError::Settings`]
    pub fn client(&self, options: ClientOptions) -> Result<AmazonS3, BucketError> {
        // Many repetitions in a short time are used up by a short outage; the caller bounds the time.
        let backoff = BackoffConfig {
            init_backoff: Duration::from_millis(100),
            max_backoff: Duration::from_secs(2),
            base: 2.0,
        };
        let retry = RetryConfig { backoff, max_retries: usize::MAX, retry_timeout: SLOW };
        let is_plain = self.endpoint.as_ref().is_some_and(|endpoint| endpoint.starts_with("http://"));
        let mut builder = AmazonS3Builder::from_env()
            .with_bucket_name(&self.bucket)
            .with_client_options(options.with_allow_http(is_plain))
            .with_retry(retry)
            // A signature over the bytes costs more than all else. A checksum costs a tenth of it.
            .with_unsigned_payload(true);
        if self.checksums {
            builder = builder.with_checksum_algorithm(Checksum::CRC64NVME);
        }
        if let Some(endpoint) = &self.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some((access, secret)) = &self.keys {
            builder = builder.with_access_key_id(access).with_secret_access_key(secret);
        }
        Ok(builder.build()?)
    }
}

impl Bucket {
    /// The bucket at an address, whose puts of parts take this long at the most.
    ///
    /// # Errors
    /// [`BucketError::Settings`]
    pub fn of(s3: &S3, part_timeout: Duration) -> Result<Self, BucketError> {
        let client = |timeout| s3.client(ClientOptions::new().with_timeout(timeout));
        let whole = Arc::new(client(SLOW)?);
        let reads = s3.client(ClientOptions::new().with_timeout_disabled().with_read_timeout(STALL))?;
        Ok(Self {
            parts: Arc::new(client(part_timeout / 2)?),
            wholes: whole.clone(),
            objects: whole.clone(),
            signed: Some(Signed::by(whole)?),
            reads: Arc::new(reads),
            prefix: Path::from(s3.prefix.as_str()),
        })
    }

    /// The bucket that these clients have.
    pub fn over(parts: Arc<dyn MultipartStore>, objects: Arc<dyn ObjectStore>) -> Self {
        let prefix = Path::default();
        Self { wholes: parts.clone(), parts, reads: objects.clone(), objects, signed: None, prefix }
    }

    /// The same, with what signs requests that the clients do not have.
    ///
    /// # Errors
    /// [`BucketError::Settings`]
    pub fn signed_by(self, signer: Arc<dyn Signer>) -> Result<Self, BucketError> {
        Ok(Self { signed: Some(Signed::by(signer)?), ..self })
    }

    /// A new key for the bytes of an upload, in one of 256 folders. It is another one each time, as an upload
    /// may be created again with the id of one that became a message.
    pub(super) fn key(&self, id: UploadId) -> String {
        let mut random = [0; 8];
        getrandom::fill(&mut random).expect("the system has random numbers");
        let random = data_encoding::HEXLOWER.encode(&random);
        format!("{}/{id}-{random}", &random[..2])
    }

    pub(super) fn path(&self, key: &str) -> Path {
        let segments = self.prefix.parts().map(|part| part.as_ref().to_owned());
        Path::from_iter(segments.chain(key.split('/').filter(|part| !part.is_empty()).map(str::to_owned)))
    }

    /// Begins an object of parts; answers its id.
    pub(super) async fn begin(&self, key: &str, id: UploadId) -> Result<String, StoreError> {
        let options = PutMultipartOptions { attributes: attributes(id), ..PutMultipartOptions::default() };
        self.wholes.create_multipart_opts(&self.path(key), options).await.map_err(failed)
    }

    /// Puts a part; answers what names its bytes.
    pub(super) async fn put_part(
        &self,
        key: &str,
        multipart: &str,
        idx: usize,
        data: PutPayload,
    ) -> Result<String, StoreError> {
        let put = self.parts.put_part(&self.path(key), &multipart.to_owned(), idx, data).await;
        put.map(|part| part.content_id).map_err(gone)
    }

    /// The URL under which any client gets an object for a while, described as this; `None` if nothing signs
    /// it.
    pub(super) async fn url(&self, key: &str, shown: &Shown) -> Result<Option<String>, StoreError> {
        let Some(signed) = &self.signed else { return Ok(None) };
        let method = if shown.is_head { Method::HEAD } else { Method::GET };
        // No cache that others use keeps it, and nobody asks for it again under a URL that has ended.
        let cache = format!("private, max-age={}", shown.valid.as_secs());
        let query = [
            ("response-content-type", shown.content_type.as_str()),
            ("response-content-disposition", shown.disposition.as_str()),
            ("response-cache-control", cache.as_str()),
        ];
        signed.url(method, &self.path(key), shown.valid, &query).await.map(Some)
    }

    /// Makes the object of its parts, of which there is one at least.
    pub(super) async fn complete(
        &self,
        key: &str,
        multipart: &str,
        parts: Vec<String>,
    ) -> Result<(), Incomplete> {
        let parts = parts.into_iter().map(|content_id| PartId { content_id }).collect();
        match self.wholes.complete_multipart(&self.path(key), &multipart.to_owned(), parts).await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Err(Incomplete::Gone),
            Err(error) if has_code(&error, "InvalidPart") => Err(Incomplete::AnotherPart),
            Err(error) => Err(Incomplete::Store(failed(error))),
        }
    }

    /// Ends an object of parts that is not made. `NoSuchUpload` counts as done.
    pub(super) async fn abort(&self, key: &str, multipart: &str) -> Result<(), StoreError> {
        done_or_gone(self.wholes.abort_multipart(&self.path(key), &multipart.to_owned()).await)
    }

    /// Puts an object as a whole.
    pub(super) async fn put(&self, key: &str, id: UploadId, data: PutPayload) -> Result<(), StoreError> {
        let options = PutOptions { attributes: attributes(id), ..PutOptions::default() };
        self.objects.put_opts(&self.path(key), data, options).await.map(drop).map_err(failed)
    }

    /// Puts a small object that is no upload's.
    pub(super) async fn mark(&self, key: &str, text: String) -> Result<(), StoreError> {
        self.objects.put(&self.path(key), text.into()).await.map(drop).map_err(failed)
    }

    /// Whether the object is there, is this upload's, and has this length.
    pub(super) async fn has(&self, key: &str, id: UploadId, length: u64) -> Result<bool, StoreError> {
        match self.objects.get_opts(&self.path(key), GetOptions::new().with_head(true)).await {
            Ok(found) => {
                let own = found.attributes.get(&Attribute::Metadata(UPLOAD.into()));
                Ok(found.meta.size == length && own.is_some_and(|own| **own == *id.to_string()))
            }
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Deletes an object, which need not be there.
    pub(super) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        done_or_gone(self.objects.delete(&self.path(key)).await)
    }

    /// Reads what the options ask for of an object.
    pub(super) async fn get(
        &self,
        key: &str,
        options: GetOptions,
    ) -> Result<object_store::GetResult, StoreError> {
        let late = || StoreError::Unavailable("the object store takes too long to answer".into());
        let answer = timeout(FIRST_BYTE, self.reads.get_opts(&self.path(key), options)).await;
        answer.map_err(|_| late())?.map_err(failed)
    }

    /// Whether the store answers, and has the bucket.
    pub(super) async fn answers(&self) -> bool {
        // What is not there can be read without a right to list, and its absence names a bucket that is not
        // there.
        let (path, options) = (self.path("none"), GetOptions::new());
        match timeout(ANSWER_WAIT, self.reads.get_opts(&path, options)).await {
            Ok(Err(error)) => is_gone(&error) || matches!(error, Error::PermissionDenied { .. }),
            Ok(Ok(_)) => true,
            Err(_) => false,
        }
    }
}

impl fmt::Debug for S3 {
    /// Without the keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("S3");
        shown.field("bucket", &self.bucket).field("prefix", &self.prefix).field("endpoint", &self.endpoint);
        shown.finish_non_exhaustive()
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// The reason why an object was not made of its parts.
#[derive(Debug)]
pub(super) enum Incomplete {
    /// There is nothing to be made, or it is made already.
    Gone,
    /// A part is not the one that is named.
    AnotherPart,
    Store(StoreError),
}

fn attributes(id: UploadId) -> Attributes {
    Attributes::from_iter([(Attribute::Metadata(UPLOAD.into()), id.to_string())])
}

/// Whether the answer says that an object, or an object of parts, does not exist. If the bucket does not
/// exist, that is the fault of the settings, and nothing is gone.
pub(super) fn is_gone(error: &Error) -> bool {
    matches!(error, Error::NotFound { .. }) && !has_code(error, "NoSuchBucket")
}

/// Whether the store gave this reason. The client keeps it only as text.
fn has_code(error: &Error, code: &str) -> bool {
    error.to_string().contains(&format!("<Code>{code}</Code>"))
}

fn done_or_gone(outcome: Result<(), Error>) -> Result<(), StoreError> {
    match outcome {
        Err(error) if !is_gone(&error) => Err(failed(error)),
        _ => Ok(()),
    }
}

/// The failure of a request for an object.
pub(super) fn failed(error: Error) -> StoreError {
    if is_gone(&error) {
        StoreError::Missing(error.to_string())
    } else {
        StoreError::Unavailable(error.to_string())
    }
}

/// The failure of a put of a part: where the object of parts is gone, so are its parts.
fn gone(error: Error) -> StoreError {
    match failed(error) {
        StoreError::Missing(text) => StoreError::Damaged(text),
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_bucket_and_a_prefix() {
        for (address, expected) in [
            ("s3://media", Some(("media", ""))),
            ("s3://media/", Some(("media", ""))),
            ("s3://media/a/b/", Some(("media", "a/b"))),
            ("s3:///a", None),
            ("https://media", None),
            ("", None),
        ] {
            let found = S3::at(address, None).ok();
            let found = found.as_ref().map(|s3| (s3.bucket.as_str(), s3.prefix.as_str()));
            assert_eq!(found, expected, "{address}");
        }
    }

    #[test]
    fn each_key_is_another_one_below_the_prefix() {
        let memory = Arc::new(object_store::memory::InMemory::new());
        let plain = Bucket::over(memory.clone(), memory);
        let bucket = Bucket { prefix: Path::from("a/b"), ..plain.clone() };
        let id = UploadId::random();
        let (one, other) = (bucket.key(id), bucket.key(id));
        assert_ne!(one, other);
        assert_eq!(bucket.path(&one).to_string(), format!("a/b/{one}"));
        assert_eq!(plain.path(&one).to_string(), one);
    }
}
