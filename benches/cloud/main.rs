//! `make bench`: what the cloud costs, beside what can not be avoided, in one run on one machine. It prints and asserts
//! nothing; the goals stand beside the numbers. `cargo bench -- real` runs one part (`scheduler`, `desired`,
//! `simulated`, `fleet`, `real`, `network`, `migration`), `-- picture` takes the README's picture.
//!
//! Needs root and the packages of `make setup-test`, as the integration tests do.

#![expect(clippy::unwrap_used, reason = "a measurement that fails has no result")]

mod console;
mod desired;
mod fleet;
#[expect(dead_code, reason = "the tests use more of it")]
mod journey;
#[expect(dead_code, reason = "the tests use more of it")]
mod lab;
mod migration;
mod network;
mod picture;
mod real;
mod report;
mod scheduler;
mod simulated;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    if wanted == ["picture"] {
        return picture::take();
    }
    let runs = |part: &str| wanted.is_empty() || wanted.iter().any(|word| word == part);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        report::line("measured", "skydeck", "beside", "goal");
        if runs("scheduler") {
            scheduler::run();
        }
        if runs("desired") {
            desired::run().await;
        }
        if runs("simulated") {
            simulated::run().await;
        }
        if runs("fleet") {
            fleet::run().await;
        }
        if runs("real") {
            real::run().await;
        }
        if runs("network") {
            network::run();
        }
        if runs("migration") {
            migration::run().await;
        }
    });
}
