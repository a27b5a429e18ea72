//! The audit: what was done by whom, and who was not let in. Entries hold no secret and no body of a request.

mod list;
mod prune;
mod record;

pub use list::audit_list;
pub use prune::audit_prune;
pub(super) use record::failure_record;
pub use record::{AuditNote, audit_record, audit_record_on_conn};
