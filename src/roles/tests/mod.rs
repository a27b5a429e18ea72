//! That nothing is lost: a whole cloud in one process, its sagas run, failed, undone and repeated at each step, its bus
//! losing and doubling what it carries, and its disks, database and clock failing.
//!
//! [`lab`] is such a cloud: the services, engine, conductor and recurring work of [`super::services`], and a node with the
//! real agent over a simulated hypervisor. [`world`] is what there is in it, in a form that can be compared. [`kinds`] has a row
//! for each kind of saga; [`proof`] leads all of them through everything, [`schedule`] mixes them at random.

mod agent;
mod copied;
mod deletion;
mod engines;
mod faults;
mod kinds;
mod lab;
mod moves;
mod proof;
mod remaining;
mod resize;
mod schedule;
mod secrets;
pub(super) mod start;
mod together;
mod world;
mod zones;
