//! Demands of a deployment on tokens, besides a valid signature.

/// The claims that count, and what they have to contain.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The claims that may hold the user: the first one present counts.
    pub user_claims: Vec<String>,
    /// The audience that tokens have to be for; any if `None`.
    pub audience: Option<String>,
    /// The issuer that tokens have to be from; any with a valid key if `None`.
    pub issuer: Option<String>,
}

impl Default for Rules {
    fn default() -> Self {
        let user_claims = ["sub", "email", "uid"].map(str::to_owned).to_vec();
        Self { user_claims, audience: None, issuer: None }
    }
}
