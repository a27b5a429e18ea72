//! Recurring work of identity: tokens that ended and old entries of the audit are forgotten.

use std::time::Duration;

use futures::FutureExt;

use crate::context::Context;
use crate::error::Result;
use crate::identity::ops;
use crate::reconcile::Periodic;

/// All of it.
pub fn periodic() -> Vec<Periodic> {
    vec![Periodic {
        name: "identity_prune",
        every: Duration::from_secs(3600),
        run: |cx| prune(cx).boxed(),
    }]
}

async fn prune(cx: &Context) -> Result<()> {
    ops::token_prune(cx).await?;
    // Who did what is kept as long as what became of it.
    ops::audit_prune(cx, cx.config.operations.keep_days).await?;
    Ok(())
}
