//! Application credentials: secrets that a user makes for a program, good for one project and for some of the user's
//! roles there, and revoked without changing the password.

mod create;
mod delete;
mod list;
mod show;

pub use create::{NewAppCredential, app_credential_create};
pub use delete::app_credential_delete;
pub use list::app_credential_list;
pub use show::app_credential_show;

use crate::error::{Error, Result};
use crate::identity::model::Session;

/// A token that was obtained by a restricted credential must not make itself a better one.
fn refuse_restricted(session: &Session) -> Result<()> {
    match &session.app_credential {
        Some(credential) if !credential.unrestricted => Err(Error::Forbidden(
            "a token of a restricted application credential can not manage application credentials"
                .into(),
        )),
        _ => Ok(()),
    }
}
