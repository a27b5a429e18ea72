//! Servers through the engine, against a simulated node: every way that an operation can go.

mod attach;
mod create;
mod join;
mod lab;
mod list;
mod node;
mod power;
mod resize;
mod stuck;
mod sync;
