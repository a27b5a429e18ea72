//! One suite of semantics over both carriers, and what only a broker can do: die, come back, refuse, be somebody else.

mod lab;
mod rabbitmq;
mod semantics;
mod speed;
