//! The service catalog: what this cloud serves, and where. It follows from the program and its settings, so nothing of it
//! is stored, and it can not be edited.

mod list;

pub use list::{ServiceAt, catalog_list, endpoint_id};
