//! Issuing passes, and looking at tickets.

use rand::RngExt;

use super::model::{Key, LONGEST_SECONDS};
use super::rpc::Pass;
use super::store;
use crate::context::{Cloud, Context};
use crate::error::{Error, Result};
use crate::ids::Time;

/// To read an image's bytes.
pub const IMAGE_READ: &str = "depot:image:read";
/// To bring a snapshot's file.
pub const SNAPSHOT_WRITE: &str = "depot:snapshot:write";
/// To bring the serial line to whoever waits for it.
pub const CONSOLE_JOIN: &str = "depot:console:join";

/// Seconds that a pass is good for: as long as a call about disks may take, and as long again for the clocks.
const SECONDS: i64 = LONGEST_SECONDS / 2 + 60;

/// Makes the key at the first start of a cloud.
pub async fn depot_start(cx: &Context) -> Result<()> {
    key(cx).await.map(drop)
}

/// A pass for what `rule` allows at `/skydeck/v1/depot/KIND/ID`.
pub async fn depot_pass(cx: &Context, rule: &str, id: impl ToString) -> Result<Pass> {
    let id = id.to_string();
    let kind = rule.split(':').nth(1).unwrap_or_default();
    let key = key(cx).await?;
    Ok(Pass {
        process: cx.process,
        url: cx.depot.url().to_owned(),
        fingerprint: cx.depot.fingerprint().map(str::to_owned),
        path: format!("/skydeck/v1/depot/{kind}s/{id}"),
        ticket: key.issue(rule, &id, Time::now().plus_seconds(SECONDS)),
    })
}

/// Fails unless the ticket allows this now.
pub async fn depot_admit(cloud: &Cloud, rule: &str, id: &str, ticket: Option<&str>) -> Result<()> {
    let admitted = match ticket {
        Some(ticket) => key(cloud).await?.admits(ticket, rule, id, Time::now()),
        None => false,
    };
    if admitted {
        return Ok(());
    }
    Err(Error::Unauthorized(
        "this is for nodes, with a ticket that is valid: it has expired, or is for something else"
            .into(),
    ))
}

/// The key of this cloud; made if it is the first time that one is wanted.
async fn key(cloud: &Cloud) -> Result<Key> {
    let key = cloud.depot.key().get_or_try_init(|| async {
        let mut conn = cloud.db.read().await?;
        let mut found = store::key(&mut conn).await?;
        drop(conn);
        if found.is_none() {
            let mut tx = cloud.db.begin().await?;
            tx.take_turn("depot:key").await?;
            // Another process may have made it meanwhile.
            found = store::key(&mut tx).await?;
            if found.is_none() {
                let made = Key::new(rand::rng().random()).to_text();
                store::key_insert(&mut tx, &made).await?;
                tx.commit().await?;
                found = Some(made);
            }
        }
        found.as_deref().and_then(Key::parse).ok_or_else(|| {
            Error::Internal(
                "the key in the table depot_key is none; delete that row, and it is made anew"
                    .into(),
            )
        })
    });
    key.await.cloned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::context::testing;

    #[tokio::test]
    async fn a_pass_of_one_process_lets_in_at_another() {
        let (dir, cloud, _kicks) = testing::cloud().await;
        let (other, _more) = testing::another(dir.path(), cloud.db.clone(), &[]);
        let cx = Context::system(cloud.clone());
        let pass = depot_pass(&cx, IMAGE_READ, "i").await.unwrap();
        assert_eq!(pass.path, "/skydeck/v1/depot/images/i");
        let ticket = Some(pass.ticket.as_str());
        for cloud in [&cloud, &other] {
            depot_admit(cloud, IMAGE_READ, "i", ticket).await.unwrap();
            for (rule, id, ticket) in [
                (IMAGE_READ, "i", None),
                (IMAGE_READ, "j", ticket),
                (SNAPSHOT_WRITE, "i", ticket),
            ] {
                let refused = depot_admit(cloud, rule, id, ticket).await.unwrap_err();
                assert!(matches!(refused, Error::Unauthorized(_)), "{refused}");
            }
        }
        assert!(!format!("{pass:?}").contains(&pass.ticket));
    }
}
