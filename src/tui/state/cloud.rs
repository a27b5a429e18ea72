//! What the cloud tells by itself: who we are, what happened, how much is used.

use crate::api::wire::{Change, Event as CloudEvent, Operation, ResourceEvent, WhoAmI};
use crate::tui::screens::events::Happening;
use crate::tui::screens::migrations::Move;
use crate::tui::screens::moves::Run;
use crate::tui::state::load::Row;

use super::State;

/// Happenings kept for the view of events.
const HAPPENINGS: usize = 1_000;
/// Seconds after which a server that is no longer measured has no rates.
const UNMEASURED: i64 = 30;

impl State {
    pub(super) fn on_greeted(&mut self, who: WhoAmI, extended: bool) {
        self.world.session.extended = extended;
        self.world.session.who = Some(who);
    }

    pub(super) fn on_stream(&mut self, result: Result<(), String>) {
        self.world.link.events = result.is_ok();
    }

    pub(super) fn on_cloud(&mut self, event: CloudEvent) {
        if self.frozen {
            return;
        }
        match event {
            CloudEvent::Resource(event) => self.on_resource(event),
            CloudEvent::Operation(operation) => self.on_operation(*operation),
            CloudEvent::Sample(batch) => {
                let at = batch.at;
                self.world.data.meters.take(batch);
                self.world.data.meters.forget_older(at, UNMEASURED);
                self.world.data.touch();
            }
            CloudEvent::Alarm(alarm) => {
                self.happening(Happening::from(alarm));
            }
            CloudEvent::Resync(_) => self.world.data.spoil_all(),
        }
    }

    /// An operation that moves a server says by its steps that the record of the move changed.
    fn on_operation(&mut self, operation: Operation) {
        let data = &mut self.world.data;
        let known = data.get::<Operation>(&operation.id);
        let steps = known
            .is_none_or(|known| (known.status, &known.step) != (operation.status, &operation.step));
        if steps && Move::is_done_by(&operation.kind) {
            let mut moves = data.rows::<Move>().iter();
            match moves.find(|row| row.detail.operation_id == operation.id) {
                Some(row) => {
                    let dirty = self.schedule.dirty.entry(Move::KIND.to_owned());
                    dirty.or_default().insert(row.detail.uuid.clone());
                }
                None => data.spoil(Move::KIND),
            }
        }
        // A run says by its progress that its servers moved.
        if operation.kind == Run::OPERATION {
            match data.get::<Run>(&operation.id) {
                Some(_) => {
                    let dirty = self.schedule.dirty.entry(Run::KIND.to_owned());
                    dirty.or_default().insert(operation.id.clone());
                }
                None => data.spoil(Run::KIND),
            }
        }
        data.put_row(operation);
    }

    fn on_resource(&mut self, mut event: ResourceEvent) {
        let (kind, id) = (event.resource.kind.clone(), event.resource.id.clone());
        if event.change == Change::Deleted {
            // After this nobody knows its name any more.
            let known = self.world.data.name(&kind, &id).map(str::to_owned);
            event.resource.name = event.resource.name.or(known);
            self.world.data.remove(&kind, &id);
        } else {
            self.schedule
                .dirty
                .entry(kind.clone())
                .or_default()
                .insert(id.clone());
        }
        self.world.data.spoil_parts(&kind, &id);
        // That a move goes on is no news: its server and its operation tell of its beginning and end.
        if kind != Move::KIND || event.status.is_some() || event.message.is_some() {
            self.happening(Happening::from(event));
        }
    }

    fn happening(&mut self, happening: Happening) {
        let mut lately = self.world.data.rows::<Happening>().iter().rev();
        let before = lately.find(|before| before.resource == happening.resource);
        if !before.is_some_and(|before| happening.repeats(before)) {
            self.world.data.push_row(happening, HAPPENINGS);
        }
    }
}
