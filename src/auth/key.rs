//! Keys, each with the only algorithm that it verifies. A token's own `alg` never chooses: otherwise a public
//! key could be used as an HMAC secret.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Header, Validation, decode};

use super::bounds::{MIN_RSA_BITS, MIN_SECRET_BYTES};
use super::claims::Claims;
use super::error::{AuthError, KeyError};

/// Fault of a key set's member in which no public key can be recognised.
pub(super) const NO_PUBLIC_KEY: &str = "it is malformed, or no public key of RSA, P-256, P-384 or Ed25519";

/// A key, its algorithm, and its name in a key set. Its `Debug` does not show the key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    key: DecodingKey,
}

/// Bytes of an uncompressed P-256 point: a marker and two coordinates.
const P256_POINT_BYTES: usize = 65;
const P384_POINT_BYTES: usize = 97;
const ED25519_BYTES: usize = 32;

impl Key {
    /// A secret for HS256.
    pub(super) fn hs256(secret: &str) -> Result<Self, KeyError> {
        if secret.len() < MIN_SECRET_BYTES {
            return Err(KeyError::ShortSecret { bytes: secret.len() });
        }
        let key = DecodingKey::from_secret(secret.as_bytes());
        Ok(Self { id: None, algorithm: Algorithm::HS256, key })
    }

    /// A public key in PEM: RSA is for RS256, P-256 for ES256, P-384 for ES384, Ed25519 for EdDSA.
    pub(super) fn pem(pem: &str) -> Result<Self, KeyError> {
        if !pem.contains("PUBLIC KEY-----") {
            return Err(KeyError::Pem);
        }
        let pem = pem.as_bytes();
        let key = DecodingKey::from_ec_pem(pem)
            .or_else(|_| DecodingKey::from_ed_pem(pem))
            .or_else(|_| DecodingKey::from_rsa_pem(pem))
            .map_err(|_| KeyError::Pem)?;
        let algorithm = algorithm_of(&key).ok_or(KeyError::Pem)?;
        Ok(Self { id: None, algorithm, key })
    }

    /// A key of a JSON Web Key Set, or why it is unusable: only public keys for signatures, of known
    /// algorithms, are usable.
    pub(super) fn jwk(jwk: &Jwk) -> Result<Self, &'static str> {
        if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
            return Err("it is not for signatures");
        }
        let is_public = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) | AlgorithmParameters::EllipticCurve(_) => true,
            AlgorithmParameters::OctetKeyPair(pair) => pair.curve == EllipticCurve::Ed25519,
            // A symmetric key has no place in a set of public keys.
            _ => false,
        };
        if !is_public {
            return Err(NO_PUBLIC_KEY);
        }
        let key = DecodingKey::from_jwk(jwk).map_err(|_| "its numbers are not base64url")?;
        let natural = algorithm_of(&key).ok_or("it has an unknown size, or is too short")?;
        let algorithm = match jwk.common.key_algorithm {
            None => natural,
            Some(named) => {
                named_algorithm(named, natural).ok_or("it is not of the algorithm that it names")?
            }
        };
        Ok(Self { id: jwk.common.key_id.clone(), algorithm, key })
    }

    /// Whether the token's header names this key.
    pub(super) fn has_name(&self, header: &Header) -> bool {
        header.kid.is_some() && header.kid == self.id
    }

    /// The claims of a token that this key signed. They are not checked.
    pub(super) fn claims(&self, token: &str) -> Result<Claims, AuthError> {
        let mut validation = Validation::new(self.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let data = decode(token, &self.key, &validation).map_err(|_| AuthError::Invalid)?;
        Ok(data.claims)
    }
}

/// The algorithm of a key, by its family and size.
fn algorithm_of(key: &DecodingKey) -> Option<Algorithm> {
    use jsonwebtoken::AlgorithmFamily as Family;
    let size = match key.kind() {
        DecodingKeyKind::SecretOrDer(bytes) => bytes.len(),
        DecodingKeyKind::RsaModulusExponent { n, .. } => n.len(),
    };
    match (key.family(), size) {
        // In DER the key is a little longer than its modulus.
        (Family::Rsa, size) if size * 8 >= MIN_RSA_BITS => Some(Algorithm::RS256),
        (Family::Ec, P256_POINT_BYTES) => Some(Algorithm::ES256),
        (Family::Ec, P384_POINT_BYTES) => Some(Algorithm::ES384),
        (Family::Ed, ED25519_BYTES) => Some(Algorithm::EdDSA),
        _ => None,
    }
}

/// The algorithm that a key set names, if the key is of its family and size.
fn named_algorithm(named: KeyAlgorithm, natural: Algorithm) -> Option<Algorithm> {
    let named = Algorithm::try_from(named).ok()?;
    let is_rsa = natural == Algorithm::RS256 && named.family() == natural.family();
    (named == natural || is_rsa).then_some(named)
}
