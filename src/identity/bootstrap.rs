//! What the first start makes: the domain `Default`, the roles, the project and the user `admin`, and the files by which
//! somebody can log in.
//!
//! It comes in two parts, each one transaction that ends with a row in `identity_bootstrap`: a start that finds the row
//! leaves the part alone, so that an administrator may delete or rename what it made. Between the parts the password is
//! written to its file and to `clouds.yaml`, each at once or not at all. A process that dies anywhere is followed by one
//! that goes on: it takes the password from the file that is there. The user exists only after both files do, so nobody
//! is locked out. An operator who puts a password into the file before the first start chooses it.

mod clouds;
mod files;

use std::path::PathBuf;

use crate::context::Context;
use crate::error::{Error, Result};
use crate::identity::model::{
    Assignment, AuditOutcome, BUILT_IN_ROLES, Domain, Holder, Project, Role, Target, User,
};
use crate::identity::ops::{self, AuditNote};
use crate::identity::{secret, store};
use crate::ids::{DomainId, ProjectId, RoleId, UserId};

/// Part: domain, roles, project.
const BASE: &str = "base";
/// Part: the user.
const ADMIN: &str = "admin";
/// Name of the first user and of its project.
const ADMIN_NAME: &str = "admin";

/// Does what is left to do of the first start, and keeps the address in `clouds.yaml` true. To be called at every start,
/// before the API listens.
pub async fn bootstrap(cx: &Context) -> Result<()> {
    let mut conn = cx.db.read().await?;
    let base_done = store::bootstrap::is_done(&mut conn, BASE).await?;
    let admin_done = store::bootstrap::is_done(&mut conn, ADMIN).await?;
    drop(conn);
    if !base_done {
        base(cx).await?;
    }
    if !admin_done {
        admin(cx).await?;
    }
    clouds::refresh(cx).await;
    Ok(())
}

async fn base(cx: &Context) -> Result<()> {
    let mut tx = cx.db.begin().await?;
    if !store::bootstrap::done(&mut tx, BASE).await? {
        return Ok(());
    }
    let domain = Domain {
        id: DomainId::DEFAULT,
        name: "Default".into(),
        description: "The default domain".into(),
        enabled: true,
    };
    store::domain::insert(&mut tx, &domain).await?;
    let project = Project {
        id: ProjectId::new(),
        domain_id: domain.id,
        parent_id: None,
        name: ADMIN_NAME.into(),
        description: "The administrator's project".into(),
        enabled: true,
        tags: Vec::new(),
        generation: 0,
    };
    store::project::insert(&mut tx, &project).await?;
    let mut above: Option<RoleId> = None;
    for name in BUILT_IN_ROLES {
        let role = Role {
            id: RoleId::new(),
            name: name.into(),
            description: None,
        };
        store::role::insert(&mut tx, &role).await?;
        if let Some(above) = above {
            store::role::imply(&mut tx, above, role.id).await?;
        }
        above = Some(role.id);
    }
    Ok(tx.commit().await?)
}

async fn admin(cx: &Context) -> Result<()> {
    let (password, is_new) = password(cx).await?;
    clouds::write(cx, &password).await?;
    let hash = cx.identity.passwords.hash(&password).await?;
    let mut tx = cx.db.begin().await?;
    if !store::bootstrap::done(&mut tx, ADMIN).await? {
        drop(tx);
        tracing::info!("another control process made the user admin; its machine has the password");
        if is_new {
            files::remove(vec![password_file(cx), clouds::path(cx)]).await?;
        }
        return Ok(());
    }
    let project = store::project::find(&mut tx, DomainId::DEFAULT, ADMIN_NAME).await?;
    let roles = store::role::list(&mut tx).await?;
    let role = roles.iter().find(|role| role.name == ADMIN_NAME);
    let (Some(project), Some(role)) = (project, role) else {
        return Err(Error::Internal(
            "the first start is half done, and the project or role admin is missing; delete the database and start again"
                .into(),
        ));
    };
    let user = User {
        id: UserId::new(),
        domain_id: DomainId::DEFAULT,
        name: ADMIN_NAME.into(),
        enabled: true,
        default_project_id: Some(project.id),
        description: Some("The first administrator".into()),
        email: None,
        generation: 0,
    };
    store::user::insert(&mut tx, &user, Some(&hash)).await?;
    let assignment = Assignment {
        target: Target::Project(project.id),
        holder: Holder::User(user.id),
        role: role.id,
    };
    store::assignment::insert(&mut tx, &assignment).await?;
    let id = user.id.to_string();
    let note = AuditNote {
        action: "user_create",
        resource: Some(("user", &id)),
        name: Some(ADMIN_NAME),
        outcome: AuditOutcome::Success,
        reason: None,
        status: 200,
        operation: None,
    };
    ops::audit_record_on_conn(&mut tx, cx, &note).await?;
    tx.commit().await?;
    tracing::info!(
        password_file = %password_file(cx).display(),
        clouds_file = %clouds::path(cx).display(),
        "first start: the user admin was made"
    );
    Ok(())
}

fn password_file(cx: &Context) -> PathBuf {
    cx.config.identity.bootstrap_password_file.clone()
}

/// The password of the first user, and whether it was made just now.
async fn password(cx: &Context) -> Result<(String, bool)> {
    let path = password_file(cx);
    if let Some(text) = files::read(path.clone()).await? {
        let password = text.trim_end_matches(['\r', '\n']).to_owned();
        ops::password_check("password", &password).map_err(|error| {
            Error::Internal(format!(
                "{} does not hold a usable password ({error}); delete it, and a new one is made",
                path.display()
            ))
        })?;
        return Ok((password, false));
    }
    let password = secret::random();
    files::write(path, format!("{password}\n")).await?;
    Ok((password, true))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::context::testing::cloud;
    use crate::identity::model::{DomainRef, NameRef, Proof, WantedScope};

    async fn log_in(cx: &Context) -> Result<crate::context::Actor> {
        let text = std::fs::read_to_string(password_file(cx)).expect("the password file");
        let domain = DomainRef::Id("default".into());
        let proof = Proof::Password {
            user: NameRef::Name("admin".into(), domain.clone()),
            password: text.trim_end().to_owned(),
        };
        let wanted = WantedScope::Project(NameRef::Name("admin".into(), domain));
        let issued = ops::token_issue(cx, &proof, &wanted).await?;
        ops::token_actor(cx.cloud(), &issued.token).await
    }

    #[tokio::test]
    async fn the_first_start_makes_an_administrator_and_the_second_nothing() {
        let (dir, cloud, _kicks) = cloud().await;
        let cx = Context::system(cloud);
        bootstrap(&cx).await.unwrap();
        let actor = log_in(&cx).await.unwrap();
        assert!(actor.is_admin());
        assert_eq!(actor.project.unwrap().domain_id, DomainId::DEFAULT);
        for name in ["admin-password", "clouds.yaml"] {
            let mode = std::fs::metadata(dir.path().join(name))
                .unwrap()
                .permissions();
            assert_eq!(mode.mode() & 0o777, 0o600, "{name}");
        }
        let before = std::fs::read(dir.path().join("clouds.yaml")).unwrap();
        bootstrap(&cx).await.unwrap();
        assert_eq!(
            std::fs::read(dir.path().join("clouds.yaml")).unwrap(),
            before
        );
        log_in(&cx).await.unwrap();
        // What an administrator deleted stays deleted.
        std::fs::remove_file(dir.path().join("clouds.yaml")).unwrap();
        bootstrap(&cx).await.unwrap();
        assert!(!dir.path().join("clouds.yaml").exists());
    }

    #[tokio::test]
    async fn a_start_that_died_between_its_parts_is_finished_by_the_next() {
        // After the first part.
        let (_dir, cloud_one, _kicks) = cloud().await;
        let cx = Context::system(cloud_one);
        base(&cx).await.unwrap();
        bootstrap(&cx).await.unwrap();
        log_in(&cx).await.unwrap();
        // After the password was written, before the user was.
        let (dir, cloud_two, _kicks) = cloud().await;
        let cx = Context::system(cloud_two);
        base(&cx).await.unwrap();
        std::fs::write(dir.path().join("admin-password"), "written before\n").unwrap();
        bootstrap(&cx).await.unwrap();
        let clouds = std::fs::read_to_string(dir.path().join("clouds.yaml")).unwrap();
        assert!(clouds.contains("written before"));
        log_in(&cx).await.unwrap();
    }

    #[tokio::test]
    async fn a_useless_password_file_is_told_and_nothing_is_made() {
        let (dir, cloud, _kicks) = cloud().await;
        std::fs::write(dir.path().join("admin-password"), "\n").unwrap();
        let cx = Context::system(cloud);
        let message = bootstrap(&cx).await.unwrap_err().to_string();
        assert!(
            message.contains("admin-password") && message.contains("delete it"),
            "{message}"
        );
        let mut conn = cx.db.read().await.unwrap();
        assert!(!store::bootstrap::is_done(&mut conn, ADMIN).await.unwrap());
    }

    #[tokio::test]
    async fn of_two_processes_one_makes_the_user_and_the_other_leaves_no_password() {
        let (dir, cloud, _kicks) = cloud().await;
        let cx = Context::system(cloud);
        base(&cx).await.unwrap();
        let mut tx = cx.db.begin().await.unwrap();
        assert!(store::bootstrap::done(&mut tx, ADMIN).await.unwrap());
        tx.commit().await.unwrap();
        admin(&cx).await.unwrap();
        assert!(!dir.path().join("admin-password").exists());
        assert!(!dir.path().join("clouds.yaml").exists());
    }
}
