//! What is done about a host that is dead, or taken for dead: its servers are made anew on others. Both acts want the host's
//! name typed, since a host that lives after all would write to the same disks.

use crate::api::wire::MovesRequest;
use crate::compute::wire::Hypervisor;
use crate::tui::effect::{Done, Request, call};
use crate::tui::overlays::Overlay;
use crate::tui::overlays::confirm::{Ask, Confirm};
use crate::tui::screens::action::target;
use crate::tui::screens::moves::Run;
use crate::tui::state::load::Row;

use super::name;

/// Asks before all servers of a host that is known to be dead are made anew.
pub fn evacuate(row: &Hypervisor) -> Box<dyn Overlay> {
    let along = vec![
        "Its servers are made anew on other hosts; disks that it had alone are made of their images.".to_owned(),
        "The cloud does it only if the host was said to be dead (F in services), or was fenced.".to_owned(),
    ];
    let request = MovesRequest {
        goal: "evacuate".to_owned(),
        host: Some(name(row).to_owned()),
        at_once: None,
    };
    let asked = format!("host {} evacuate", name(row));
    let request = call(asked, move |client| async move {
        let run = client.moves_run(&request).await?;
        Ok(Done::followed(Run::KIND, run.operation_id, "begun"))
    });
    question("Evacuate", row, along, request)
}

/// Asks before the operator's command makes a host dead for sure.
pub fn fence(row: &Hypervisor) -> Box<dyn Overlay> {
    let along = vec![
        "The command of compute.fencing_command is run: it cuts the power of the host.".to_owned(),
        "Then its servers are made anew on other hosts.".to_owned(),
    ];
    let host = name(row).to_owned();
    let request = call(format!("host {host} fence"), move |client| async move {
        client.node_fence(&host).await?;
        Ok(Done::default())
    });
    question("Fence", row, along, request)
}

fn question(
    act: &'static str,
    row: &Hypervisor,
    along: Vec<String>,
    request: Box<dyn Request>,
) -> Box<dyn Overlay> {
    let what = format!("host {}", name(row));
    let ask = Ask::Name(name(row).to_owned());
    let requests = vec![(target(row), request)];
    Box::new(Confirm::new(act, what, along, ask, requests))
}
