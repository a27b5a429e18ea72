//! What the integration tests stand on, for measuring.

#[path = "../../tests/it/lab/broker.rs"]
pub mod broker;
#[path = "../../tests/it/lab/database.rs"]
pub mod database;
#[path = "../../tests/it/lab/guest.rs"]
pub mod guest;
#[path = "../../tests/it/lab/keeper.rs"]
pub mod keeper;
#[path = "../../tests/it/lab/machine.rs"]
pub mod machine;
#[path = "../../tests/it/lab/process.rs"]
pub mod process;
#[path = "../../tests/it/lab/rack.rs"]
pub mod rack;
#[path = "../../tests/it/lab/terminal.rs"]
pub mod terminal;
#[path = "../../tests/it/lab/wait.rs"]
pub mod wait;
