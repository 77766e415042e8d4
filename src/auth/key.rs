//! Keys, each with the one algorithm that it verifies. The token's own `alg` never chooses: that is how a public
//! key gets used as an HMAC secret.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Header, Validation, decode};

use super::claims::Claims;
use super::error::{AuthError, KeyError};

/// A key, its algorithm, and its name in a key set. Its `Debug` does not show the key.
#[derive(Debug, Clone)]
pub(super) struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    key: DecodingKey,
}

/// Bytes of an uncompressed point: a marker and two coordinates.
const P256_POINT_BYTES: usize = 65;
const P384_POINT_BYTES: usize = 97;
const ED25519_BYTES: usize = 32;

impl Key {
    /// A secret for HS256.
    pub(super) fn hs256(secret: &str) -> Result<Self, KeyError> {
        if secret.is_empty() {
            return Err(KeyError::EmptySecret);
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

    /// The usable keys of a JSON Web Key Set: public ones, for signatures, of algorithms that we know.
    pub(super) fn set(json: &str) -> Result<Vec<Self>, KeyError> {
        let set: JwkSet = serde_json::from_str(json).map_err(|_| KeyError::Jwks)?;
        let keys: Vec<_> = set.keys.iter().filter_map(Self::jwk).collect();
        if keys.is_empty() { Err(KeyError::NoUsableKey) } else { Ok(keys) }
    }

    fn jwk(jwk: &Jwk) -> Option<Self> {
        let is_for_signatures = matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature));
        let is_public = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) | AlgorithmParameters::EllipticCurve(_) => true,
            AlgorithmParameters::OctetKeyPair(pair) => pair.curve == EllipticCurve::Ed25519,
            // A symmetric key has no place in a file of public keys.
            _ => false,
        };
        if !is_for_signatures || !is_public {
            return None;
        }
        let key = DecodingKey::from_jwk(jwk).ok()?;
        let algorithm = match jwk.common.key_algorithm {
            None => algorithm_of(&key)?,
            Some(named) => named_algorithm(named, &key)?,
        };
        Some(Self { id: jwk.common.key_id.clone(), algorithm, key })
    }

    /// Whether the token's header asks for this key. A key that is alone need not be asked for by name.
    pub(super) fn is_meant(&self, header: &Header, is_alone: bool) -> bool {
        let is_named = header.kid.is_some() && header.kid == self.id;
        self.algorithm == header.alg && (is_named || is_alone)
    }

    /// The claims of a token that this key signed. Its dates and audience are not looked at.
    pub(super) fn claims(&self, token: &str) -> Result<Claims, AuthError> {
        let mut validation = Validation::new(self.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let data = decode(token, &self.key, &validation).map_err(|_| AuthError::Invalid)?;
        Ok(data.claims)
    }
}

/// What a key is for, by its family and size.
fn algorithm_of(key: &DecodingKey) -> Option<Algorithm> {
    use jsonwebtoken::AlgorithmFamily as Family;
    let size = match key.kind() {
        DecodingKeyKind::SecretOrDer(bytes) => bytes.len(),
        DecodingKeyKind::RsaModulusExponent { n, .. } => n.len(),
    };
    match (key.family(), size) {
        (Family::Rsa, _) => Some(Algorithm::RS256),
        (Family::Ec, P256_POINT_BYTES) => Some(Algorithm::ES256),
        (Family::Ec, P384_POINT_BYTES) => Some(Algorithm::ES384),
        (Family::Ed, ED25519_BYTES) => Some(Algorithm::EdDSA),
        _ => None,
    }
}

/// The algorithm that a key set names, if the key is of its family and size.
fn named_algorithm(named: KeyAlgorithm, key: &DecodingKey) -> Option<Algorithm> {
    let named = Algorithm::try_from(named).ok()?;
    let natural = algorithm_of(key)?;
    let is_rsa = natural == Algorithm::RS256 && named.family() == key.family();
    (named == natural || is_rsa).then_some(named)
}
