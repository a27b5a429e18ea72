//! Doing something alone, across all control processes: counting before adding, taking the next number.
//!
//! Whoever takes a turn waits for the transaction that has the one of the same name to end, and so sees what it wrote:
//! under READ COMMITTED a count is good for nothing otherwise. The turn is a row that its holder has written and not yet
//! committed, because every engine knows that lock. SQLite has one writer, who is always alone.
//!
//! Several turns are taken in the order project → number → range, so that no two wait for each other.

use super::{Conn, DbResult, Engine, sql};

impl Conn {
    /// Waits until nobody else has the turn of this name (at most 255 bytes), and has it until the transaction ends.
    pub async fn take_turn(&mut self, name: &str) -> DbResult<()> {
        if self.engine() == Engine::Sqlite {
            return Ok(());
        }
        sql("INSERT INTO turn (name, taken) VALUES ($1, 1) ON CONFLICT (name) DO UPDATE SET taken = turn.taken + 1")
            .bind(name)
            .execute(self)
            .await?;
        Ok(())
    }
}
