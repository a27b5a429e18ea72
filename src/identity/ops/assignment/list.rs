//! Listing assignments: as they were given, or as they work.

use std::collections::{BTreeSet, HashMap};

use crate::context::Context;
use crate::db::Conn;
use crate::error::Result;
use crate::identity::model::{
    Assignment, AssignmentQuery, GroupQuery, Holder, NamedAssignment, ProjectQuery, UserQuery,
};
use crate::identity::store;
use crate::ids::DomainId;

/// Assignments that fit the query. With `effective`, groups are replaced by their members and each role is joined by
/// those that it implies: what really holds.
pub async fn assignment_list(
    cx: &Context,
    query: &AssignmentQuery,
    effective: bool,
) -> Result<Vec<Assignment>> {
    let mut conn = cx.db.read().await?;
    if effective {
        list_effective(&mut conn, query).await
    } else {
        Ok(store::assignment::list(&mut conn, query).await?)
    }
}

async fn list_effective(conn: &mut Conn, query: &AssignmentQuery) -> Result<Vec<Assignment>> {
    // Holder and role are looked at after both were replaced.
    let everywhere = AssignmentQuery {
        target: query.target,
        ..AssignmentQuery::default()
    };
    let given = store::assignment::list(conn, &everywhere).await?;
    let graph = store::role::graph(conn).await?;
    let groups: BTreeSet<_> = given
        .iter()
        .filter_map(|found| match found.holder {
            Holder::Group(id) => Some(id),
            Holder::User(_) => None,
        })
        .collect();
    let groups: Vec<_> = groups.into_iter().collect();
    let members = store::group::memberships(conn, &groups).await?;
    let mut effective = BTreeSet::new();
    for assignment in given {
        let users: Vec<_> = match assignment.holder {
            Holder::User(id) => vec![id],
            Holder::Group(group) => members
                .iter()
                .filter(|(of, _)| *of == group)
                .map(|(_, user)| *user)
                .collect(),
        };
        for role in graph.expand([assignment.role]) {
            effective.extend(users.iter().map(|user| Assignment {
                target: assignment.target,
                holder: Holder::User(*user),
                role: role.id,
            }));
        }
    }
    Ok(effective
        .into_iter()
        .filter(|found| {
            query.holder.is_none_or(|holder| holder == found.holder)
                && query.role.is_none_or(|role| role == found.role)
        })
        .collect())
}

/// The same with the names of all sides.
pub async fn assignment_list_named(
    cx: &Context,
    query: &AssignmentQuery,
    effective: bool,
) -> Result<Vec<NamedAssignment>> {
    let found = assignment_list(cx, query, effective).await?;
    let mut conn = cx.db.read().await?;
    let names = Names::load(&mut conn).await?;
    Ok(found
        .into_iter()
        .map(|assignment| names.of(assignment))
        .collect())
}

/// Names by id, with the domain of each; there are few, and most are needed.
struct Names {
    roles: HashMap<String, String>,
    sides: HashMap<String, (String, DomainId)>,
    domains: HashMap<DomainId, String>,
}

impl Names {
    async fn load(conn: &mut Conn) -> Result<Self> {
        let mut sides = HashMap::new();
        for user in store::user::list(conn, &UserQuery::default()).await? {
            sides.insert(user.id.to_string(), (user.name, user.domain_id));
        }
        for group in store::group::list(conn, &GroupQuery::default()).await? {
            sides.insert(group.id.to_string(), (group.name, group.domain_id));
        }
        for project in store::project::list(conn, &ProjectQuery::default()).await? {
            sides.insert(project.id.to_string(), (project.name, project.domain_id));
        }
        let mut domains = HashMap::new();
        for domain in store::domain::list(conn).await? {
            sides.insert(domain.id.to_string(), (domain.name.clone(), domain.id));
            domains.insert(domain.id, domain.name);
        }
        let roles = store::role::list(conn).await?;
        Ok(Self {
            roles: roles
                .into_iter()
                .map(|role| (role.id.to_string(), role.name))
                .collect(),
            sides,
            domains,
        })
    }

    fn of(&self, assignment: Assignment) -> NamedAssignment {
        let role = assignment.role.to_string();
        let (holder_name, holder_domain) = self.side(assignment.holder.id());
        let (target_name, target_domain) = self.side(assignment.target.id());
        NamedAssignment {
            assignment,
            role_name: self.roles.get(&role).cloned().unwrap_or(role),
            holder_name,
            holder_domain,
            target_name,
            target_domain,
        }
    }

    fn side(&self, id: String) -> (String, (DomainId, String)) {
        let (name, domain) = self
            .sides
            .get(&id)
            .cloned()
            .unwrap_or((id, DomainId::DEFAULT));
        let of = self.domains.get(&domain).cloned();
        (name, (domain, of.unwrap_or_else(|| domain.to_string())))
    }
}
