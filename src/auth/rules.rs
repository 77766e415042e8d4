//! What a deployment asks of a token besides a good signature.

/// Which claims count, and what has to stand in them.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The user is in the first of these claims that is there.
    pub user_claims: Vec<String>,
    /// The audience that tokens have to be for; any if `None`.
    pub audience: Option<String>,
    /// Who has to have issued them; anyone with a key if `None`.
    pub issuer: Option<String>,
}

impl Default for Rules {
    fn default() -> Self {
        let user_claims = ["sub", "email", "uid"].map(str::to_owned).to_vec();
        Self { user_claims, audience: None, issuer: None }
    }
}
