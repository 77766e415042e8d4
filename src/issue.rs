//! `longhaul token`: a token signed with the configured secret, or with the demo's.

use std::fs;

use crate::auth::{KeySet, Rules, mint_by_rules};
use crate::config::{TokenFlags, time_of};
use crate::demo::Demo;
use crate::message::UserId;
use crate::time::Timestamp;

/// The token that the flags ask for.
///
/// # Errors
/// A sentence that does not quote the secret.
pub fn issue(flags: &TokenFlags) -> Result<String, String> {
    let user: UserId = flags.user.parse().map_err(|error| format!("--user: {error}"))?;
    let valid_for =
        time_of(&flags.valid_for).map_err(|error| format!("--valid-for: `{}` {error}", flags.valid_for))?;
    let secret = secret(flags)?;
    KeySet::secrets(&[&secret]).map_err(|error| error.to_string())?;
    let names = flags.jwt_claims.split(',').map(|name| name.trim().to_owned());
    let rules = Rules {
        user_claims: names.filter(|name| !name.is_empty()).collect(),
        audience: flags.jwt_audience.clone(),
        issuer: flags.jwt_issuer.clone(),
    };
    let expires = Timestamp::now().plus_secs(valid_for.as_secs());
    Ok(mint_by_rules(&secret, &rules, &user, flags.admin, expires))
}

fn secret(flags: &TokenFlags) -> Result<String, String> {
    if let Some(first) = flags.jwt_secret.first() {
        return Ok(first.clone());
    }
    if let Some(file) = &flags.jwt_secret_file {
        let text = fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let first = text.lines().find(|line| !line.trim().is_empty());
        return first.map(str::to_owned).ok_or_else(|| format!("{} is empty", file.display()));
    }
    let folder = &flags.data_dir;
    let demo = Demo::of(folder)
        .map_err(|error| format!("no secret, and no demo in {}: {error}", folder.display()))?;
    Ok(demo.secret().to_owned())
}
