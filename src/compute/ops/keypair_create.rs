//! Bringing in and making key pairs.

use md5::{Digest, Md5};
use ssh_key::private::{Ed25519Keypair, KeypairData};
use ssh_key::{Algorithm, LineEnding, PublicKey};

use super::keypair_list::user_or_own;
use crate::compute::model::{Keypair, NewKeypair, PrivateKey};
use crate::compute::store;
use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::ops::{quota_check, quota_limit_on_conn};
use crate::ids::Time;

/// Longest name.
const LONGEST_NAME: usize = 255;
/// Longest public key: RSA keys of 16,384 bits fit.
const LONGEST_KEY: usize = 8192;
/// Shortest RSA key that SSH servers of today let in.
const RSA_BITS: usize = 1024;

/// Keeps a public key under a name. Without one, makes an Ed25519 pair and gives its private half back, which is kept
/// nowhere: it is told this once.
pub async fn keypair_create(
    cx: &Context,
    new: NewKeypair,
) -> Result<(Keypair, Option<PrivateKey>)> {
    let user = user_or_own(cx, new.user)?;
    check_name(&new.name)?;
    let (public, private) = match &new.public_key {
        Some(text) => (imported(text)?, None),
        None => generated(&new.name)?,
    };
    let mut keypair = Keypair {
        number: 0,
        user,
        name: new.name,
        fingerprint: fingerprint(&public)?,
        public_key: public.to_openssh().map_err(broken)?,
        created_at: Time::now(),
    };
    let mut tx = cx.db.begin().await?;
    tx.take_turn("number:keypair").await?;
    if store::keypair::find(&mut tx, user, &keypair.name)
        .await?
        .is_some()
    {
        return Err(Error::conflict(format!(
            "Key pair '{}' already exists.",
            keypair.name
        )));
    }
    if let Some(scope) = &cx.actor.project {
        let limit = quota_limit_on_conn(&mut tx, cx, scope.id, "key_pairs").await?;
        let used = store::keypair::count(&mut tx, user).await?;
        quota_check("key_pairs", 1, used, limit)?;
    }
    store::keypair::insert(&mut tx, &keypair).await?;
    if let Some(written) = store::keypair::find(&mut tx, user, &keypair.name).await? {
        keypair.number = written.number;
    }
    tx.commit().await?;
    let project = cx.actor.project.as_ref().map(|scope| scope.id);
    cx.events
        .changed("keypair", &keypair.name, project, Change::Created);
    Ok((keypair, private))
}

fn check_name(name: &str) -> Result<()> {
    let valid = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | '@');
    let length = name.chars().count();
    if length == 0 || length > LONGEST_NAME || name.trim() != name || !name.chars().all(valid) {
        return Err(Error::invalid(
            "keypair.name",
            format!("1 to {LONGEST_NAME} letters, digits, inner spaces, or . - _ @ are needed"),
        ));
    }
    Ok(())
}

/// The key in an OpenSSH line, if servers can use it.
fn imported(text: &str) -> Result<PublicKey> {
    let wrong = |reason: String| Error::invalid("keypair.public_key", reason);
    let text = text.trim();
    if text.len() > LONGEST_KEY {
        return Err(wrong(format!(
            "at most {LONGEST_KEY} characters are allowed"
        )));
    }
    if text.contains("PRIVATE KEY") {
        return Err(wrong(
            "this is a private key, which must not leave your machine; send the public one (the file ending in .pub)"
                .into(),
        ));
    }
    if text.lines().count() > 1 {
        return Err(wrong("one key on one line is needed".into()));
    }
    let key = PublicKey::from_openssh(text).map_err(|error| {
        wrong(format!(
            "this is no public key as OpenSSH writes it, like ssh-ed25519 AAAA…: {error}"
        ))
    })?;
    match key.algorithm() {
        Algorithm::Dsa => Err(wrong(
            "DSA keys are not let in any more; make another one with ssh-keygen -t ed25519".into(),
        )),
        Algorithm::Rsa { .. } if rsa_bits(&key) < RSA_BITS => Err(wrong(format!(
            "RSA keys need at least {RSA_BITS} bits; make another one with ssh-keygen -t ed25519"
        ))),
        _ => Ok(key),
    }
}

fn rsa_bits(key: &PublicKey) -> usize {
    key.key_data()
        .rsa()
        .and_then(|rsa| rsa.n.as_positive_bytes())
        .map_or(0, |modulus| modulus.len() * 8)
}

fn generated(name: &str) -> Result<(PublicKey, Option<PrivateKey>)> {
    let pair = Ed25519Keypair::from_seed(&rand::random::<[u8; 32]>());
    let key = ssh_key::PrivateKey::new(KeypairData::Ed25519(pair), name).map_err(broken)?;
    let text = key.to_openssh(LineEnding::LF).map_err(broken)?;
    Ok((
        key.public_key().clone(),
        Some(PrivateKey::new(text.to_string())),
    ))
}

/// MD5 of the key's binary form, as Nova shows it.
fn fingerprint(key: &PublicKey) -> Result<String> {
    let digest = Md5::digest(key.to_bytes().map_err(broken)?);
    let pairs: Vec<String> = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(pairs.join(":"))
}

fn broken(error: ssh_key::Error) -> Error {
    Error::Internal(format!("a key could not be written: {error}"))
}
