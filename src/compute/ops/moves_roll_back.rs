//! What a run has moved goes back to where it came from.

use super::moves_run::{moves_show, moves_start};
use crate::compute::model::{Move, MoveState, MovesGoal};
use crate::context::Context;
use crate::error::{Error, Result};
use crate::ids::OperationId;

/// Begins to move the servers that a run has moved back to their hosts, the last one first and as many at a time. The run must be over: one that
/// goes on is aborted before. A drained host takes servers again, or none could come back.
pub async fn moves_roll_back(cx: &Context, id: OperationId) -> Result<OperationId> {
    let run = moves_show(cx, id).await?;
    let at_once = run.at_once;
    if !run.operation.status.is_finished() {
        return Err(Error::conflict(format!(
            "the {} is not over yet; abort it first",
            run.goal
        )));
    }
    let goal = match run.goal {
        MovesGoal::Drain => MovesGoal::Return,
        MovesGoal::Spread | MovesGoal::Condense => MovesGoal::Back,
        MovesGoal::Return => {
            return Err(Error::conflict(
                "a return is not rolled back; drain the host once more",
            ));
        }
        MovesGoal::Evacuate => {
            return Err(Error::conflict(
                "an evacuation is not rolled back: what the dead host had is gone",
            ));
        }
        MovesGoal::Back => {
            return Err(Error::conflict(
                "what went back is not moved forth again; spread or condense once more",
            ));
        }
    };
    let moves: Vec<Move> = run.moves.into_iter().rev().filter_map(reversed).collect();
    if moves.is_empty() {
        return Err(Error::conflict(format!("the {} moved nothing", run.goal)));
    }
    moves_start(cx, goal, run.host.as_deref(), at_once, moves).await
}

/// The way back of a move that was made.
fn reversed(one: Move) -> Option<Move> {
    (one.state == MoveState::Moved).then_some(())?;
    Some(Move {
        server: one.server,
        name: one.name,
        from: one.to?,
        to: Some(one.from),
        state: MoveState::Waiting,
        operation: None,
        tries: 0,
        reason: None,
    })
}
