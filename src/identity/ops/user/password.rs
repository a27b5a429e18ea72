//! A user's change of its own password.

use crate::context::{Change, Context};
use crate::error::{Error, Result};
use crate::identity::model::{NameRef, Proof};
use crate::identity::ops::change::{self, Done};
use crate::identity::ops::{check, token};
use crate::identity::store;
use crate::ids::UserId;

/// Sets a new password for whoever knows the old one; guesses count as failed log-ins. All tokens of the user become
/// void, the one of this request included.
pub async fn user_password_change(
    cx: &Context,
    id: UserId,
    original: &str,
    password: &str,
) -> Result<()> {
    check::new_password("user.password", password)?;
    let proof = Proof::Password {
        user: NameRef::Id(id.to_string()),
        password: original.to_owned(),
    };
    let user = token::authenticate(cx, &proof).await?.user;
    if original == password {
        return Err(Error::invalid(
            "user.password",
            "must differ from the present password",
        ));
    }
    let hash = cx.identity.passwords.hash(password).await?;
    let mut tx = cx.db.begin().await?;
    // The password that was proven must still be the one that is replaced.
    let unchanged = store::user::show(&mut tx, id)
        .await?
        .is_some_and(|now| now.enabled && now.generation == user.generation);
    if !unchanged {
        return Err(Error::conflict(
            "the user was changed meanwhile; log in and try again",
        ));
    }
    store::user::set_password(&mut tx, id, &hash).await?;
    let done = Done::new(
        "user_password_change",
        "user",
        id,
        &user.name,
        Change::Updated,
    );
    change::commit(cx, tx, done).await
}
