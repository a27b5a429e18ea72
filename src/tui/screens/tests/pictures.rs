//! Every view as a picture at 80x24 and 120x36, reached by keys on the cloud of the fixture.
//!
//! A picture that changes is to be looked at, not just taken over: what is cut off, jumps or misleads is wrong, whatever
//! the code thinks.

use ratatui::buffer::Buffer;

use crate::tui::colour::Depth;
use crate::tui::draw;
use crate::tui::event::Event;
use crate::tui::paint::Painter;
use crate::tui::start::{Options, manner};
use crate::tui::testing::{Lab, fixture};

const SIZES: [(u16, u16); 2] = [(80, 24), (120, 36)];

/// Name of the picture, and the keys that lead to it from the first screen.
const VIEWS: &[(&str, &str)] = &[
    ("pulse", ""),
    ("pulse_operations", "shift-tab shift-tab"),
    ("servers", r#": "servers" enter"#),
    ("servers_marked", r#": "servers" enter space j j V"#),
    ("server_info", r#": "web-01" enter"#),
    ("server_info_error", r#": "batch-7" enter"#),
    ("server_metrics", r#": "web-01" enter 2"#),
    ("server_metrics_day", r#": "web-01" enter 2 +"#),
    ("server_network", r#": "web-01" enter 3"#),
    ("server_volumes", r#": "web-01" enter 4"#),
    ("server_snapshots", r#": "web-01" enter 5"#),
    ("server_actions", r#": "web-01" enter 6"#),
    ("server_placement", r#": "web-01" enter 7"#),
    ("server_placement_host", r#": "web-01" enter 7 G enter"#),
    ("server_placement_older", r#": "web-01" enter 7 - j"#),
    ("server_placement_failed", r#": "batch-7" enter 7"#),
    ("server_log", r#": "web-01" enter 8"#),
    ("server_console", r#": "web-01" enter 9"#),
    ("hosts", r#": "hosts" enter"#),
    ("hosts_heat", r#": "hosts" enter H"#),
    ("host_drain", r#": "hosts" enter w"#),
    ("hosts_heat_memory", r#": "hosts" enter H m l l <"#),
    ("host", r#": "cmp-01" enter"#),
    ("images", r#": "images" enter"#),
    ("image", r#": "images" enter enter"#),
    ("flavors", r#": "flavors" enter"#),
    ("keypairs", r#": "keypairs" enter"#),
    ("networks", r#": "networks" enter"#),
    ("network", r#": "networks" enter enter"#),
    ("subnets", r#": "subnets" enter"#),
    ("ports", r#": "ports" enter"#),
    ("routers", r#": "routers" enter"#),
    ("router", r#": "routers" enter enter"#),
    ("router_create", r#": "routers" enter n"#),
    ("floatingips", r#": "floatingips" enter"#),
    ("floatingip_create", r#": "floatingips" enter n"#),
    ("secgroups", r#": "secgroups" enter"#),
    ("secgroup", r#": "secgroups" enter enter"#),
    (
        "trace_form",
        r#": "servers" enter / "name:/^web-01$/" enter w"#,
    ),
    (
        "trace",
        r#": "servers" enter / "name:/^web-01$/" enter w tab "db-replica" enter ctrl-s"#,
    ),
    (
        "trace_router",
        r#": "servers" enter / "name:/^web-01$/" enter w tab "db-replica" enter ctrl-s g j j j j j j j"#,
    ),
    (
        "trace_mend",
        r#": "servers" enter / "name:/^web-01$/" enter w tab "db-replica" enter ctrl-s r"#,
    ),
    ("topology", r#": "topology" enter"#),
    ("topology_open", r#": "topology" enter j j j l j j"#),
    ("volumes", r#": "volumes" enter"#),
    ("volume", r#": "volumes" enter enter"#),
    ("projects", r#": "projects" enter"#),
    ("users", r#": "users" enter"#),
    ("user", r#": "users" enter enter"#),
    ("quotas", r#": "quotas" enter"#),
    ("services", r#": "services" enter"#),
    ("doctor", r#": "doctor" enter"#),
    ("finding", r#": "doctor" enter / "host:cmp-02" enter enter"#),
    (
        "service",
        r#": "services" enter / "name:agent host:cmp-03" enter enter"#,
    ),
    (
        "service_bus",
        r#": "services" enter / "name:bus" enter enter"#,
    ),
    (
        "service_down",
        r#": "services" enter / "name:agent host:cmp-04" enter F"#,
    ),
    ("events", r#": "events" enter"#),
    ("operations", "t"),
    ("operation", "t enter"),
    ("operation_stuck", r#"t / "status:stuck" enter enter"#),
    ("migrations", "M"),
    ("migrations_endless", "M j"),
    ("migration", "M enter"),
    ("migration_done", r#"M / "status:completed" enter enter"#),
    ("migration_abort", "M x"),
    ("moves", "W"),
    ("moves_run", "W enter"),
    ("moves_run_failed", r#"W enter / "state:failed" enter"#),
    ("moves_abort", "W enter x"),
    (
        "migrate_form",
        r#": "servers" enter / "name:/^web-01$/" enter m"#,
    ),
    (
        "migrate_cold_form",
        r#": "servers" enter / "name:/^db-replica$/" enter m"#,
    ),
    (
        "migrate_both_form",
        r#": "servers" enter / "name:/^(db-replica|web-01)$/" enter * m"#,
    ),
    (
        "evacuate_form",
        r#": "servers" enter / "name:/^db-replica$/" enter E"#,
    ),
    (
        "migrate_choosing",
        r#": "servers" enter / "name:/^web-01$/" enter m "cmp""#,
    ),
    ("audit", r#": "audit" enter"#),
    ("clouds", r#": "clouds" enter"#),
    ("launch", r#": "servers" enter n"#),
    (
        "launch_wrong",
        r#": "servers" enter n tab tab "huge" enter ctrl-s"#,
    ),
    (
        "launch_choosing",
        r#": "servers" enter n "api" tab "debian" enter"#,
    ),
    (
        "launch_plan",
        r#": "servers" enter n "api" tab "debian" enter "small" enter space tab tab "echo hi" tab ctrl-s"#,
    ),
    ("confirm_reboot", r#": "servers" enter p r"#),
    (
        "confirm_resize",
        r#": "servers" enter / "name:/^mail$/" enter r c"#,
    ),
    (
        "revert_resize",
        r#": "servers" enter / "name:/^mail$/" enter enter r v"#,
    ),
    ("confirm_delete", r#": "servers" enter d"#),
    (
        "confirm_delete_many",
        r#": "servers" enter / "name:node" enter * d "2""#,
    ),
    ("continuations", r#": "servers" enter p"#),
    ("menu", r#": "servers" enter a"#),
    ("palette", ":"),
    ("palette_typed", r#": "reb""#),
    ("help", r#": "servers" enter ?"#),
    ("help_searched", r#": "servers" enter ? "sort""#),
    ("filter", r#": "servers" enter / "status:stopped""#),
    ("filter_wrong", r#": "servers" enter / "/([/""#),
    ("filter_column", r#": "servers" enter / "colour:red""#),
    ("filter_nothing", r#": "servers" enter / "xyzzy" enter"#),
    ("yaml", r#": "flavors" enter y"#),
    ("export", r#": "servers" enter o"#),
    ("results", r#": "servers" enter p s R"#),
    ("volume_form", r#": "volumes" enter n"#),
    (
        "volume_form_wrong",
        r#": "volumes" enter n tab backspace "0" ctrl-s"#,
    ),
    ("network_form", r#": "networks" enter n"#),
    ("subnet_form", r#": "subnets" enter n"#),
    ("secgroup_allow", r#": "secgroups" enter r"#),
    ("secgroup_forbid", r#": "secgroups" enter j x"#),
    ("image_form", r#": "images" enter n"#),
    ("user_form", r#": "users" enter n"#),
    ("quota_form", r#": "quotas" enter e"#),
    ("keypair_form", r#": "keypairs" enter n"#),
    ("flavor_form", r#": "flavors" enter n"#),
    ("disable_form", r#": "hosts" enter D"#),
];

/// Views that say what to do where there is nothing.
const EMPTY: &[(&str, &str)] = &[
    ("pulse", ""),
    ("servers", r#": "servers" enter"#),
    ("images", r#": "images" enter"#),
    ("volumes", r#": "volumes" enter"#),
    ("operations", "t"),
    ("events", r#": "events" enter"#),
    ("launch", r#": "servers" enter n"#),
];

fn check(name: &str, lab: &Lab) {
    check_text(name, lab, &lab.picture());
}

fn check_text(name: &str, lab: &Lab, picture: &str) {
    let size = lab.state.screen();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        let name = format!("{name}@{}x{}", size.width, size.height);
        let socket = regex::Regex::new(r"unix:\S+ *").unwrap();
        insta::assert_snapshot!(name, socket.replace_all(picture, "unix:[socket]"));
    });
}

#[test]
fn a_cloud_at_work() {
    for size in SIZES {
        for (name, keys) in VIEWS {
            let mut lab = Lab::busy(size).with_past();
            lab.press(keys);
            check(name, &lab);
        }
    }
}

#[test]
fn a_cloud_of_many_hosts() {
    let ascii = Options {
        ascii: true,
        ..Options::default()
    };
    for size in SIZES {
        let mut lab = Lab::on(fixture::many_hosts(500), size, &Options::default());
        lab.press(r#": "hosts" enter H G"#);
        check("hosts_heat_many", &lab);
    }
    let mut lab = Lab::on(fixture::many_hosts(500), SIZES[0], &ascii);
    lab.press(r#": "hosts" enter H j j l"#);
    let picture = lab.picture();
    assert!(picture.is_ascii(), "{picture}");
    check("ascii_hosts_heat_many", &lab);
}

#[test]
fn a_cloud_that_is_uneven() {
    for size in SIZES {
        let mut lab = Lab::on(fixture::uneven(), size, &Options::default());
        lab.press(r#": "hosts" enter r s"#);
        check("hosts_spread", &lab);
    }
}

#[test]
fn a_cloud_that_others_administer() {
    let mut lab = Lab::on(fixture::of_member(), SIZES[0], &Options::default()).with_past();
    lab.press(r#": "servers" enter"#);
    check("member_servers", &lab);
    lab.press("a");
    check("member_menu", &lab);
    lab.press(r#"esc : "mig""#);
    check("member_palette", &lab);
}

#[test]
fn a_cloud_with_nothing_in_it() {
    for (name, keys) in EMPTY {
        let mut lab = Lab::on(fixture::empty(), SIZES[0], &Options::default());
        lab.press(keys);
        check(&format!("empty_{name}"), &lab);
    }
}

#[test]
fn a_cloud_on_one_machine() {
    for size in SIZES {
        let lab = Lab::on(fixture::one_host(), size, &Options::default()).with_past();
        check("one_host_pulse", &lab);
    }
}

#[test]
fn a_cloud_that_fails() {
    let mut lab = Lab::on(fixture::failing(), SIZES[0], &Options::default());
    lab.press(r#": "servers" enter"#);
    check("failing_servers", &lab);
}

#[test]
fn a_cloud_that_does_not_answer() {
    let mut lab = Lab::busy(SIZES[0]).with_past();
    let failure = crate::tui::failure::Failure {
        unreachable: true,
        ..crate::tui::failure::Failure::local("connection refused")
    };
    lab.on_event(Event::Unreached(failure));
    check("unreached_pulse", &lab);
}

#[test]
fn terminals_of_other_kinds() {
    let ascii = Options {
        ascii: true,
        ..Options::default()
    };
    for (name, keys) in &VIEWS[..7] {
        let mut lab = Lab::on(fixture::busy(), SIZES[0], &ascii).with_past();
        lab.press(keys);
        let picture = lab.picture();
        let strange = picture.chars().find(|c| !c.is_ascii() && !is_kana(*c));
        assert_eq!(strange, None, "{name}:\n{picture}");
        check(&format!("ascii_{name}"), &lab);
    }
    let mut lab = Lab::busy((20, 5)).with_past();
    lab.press(r#": "servers" enter j"#);
    check("small", &lab);
    lab.on_event(Event::Resize(80, 24));
    check("small_and_back", &lab);
    let reading = Options {
        read_only: true,
        ..Options::default()
    };
    let mut lab = Lab::on(fixture::busy(), SIZES[0], &reading).with_past();
    lab.press(r#": "servers" enter"#);
    check("read_only_servers", &lab);
    lab.press("?");
    check("read_only_help", &lab);
}

/// Without colours what is selected is reversed and what matters is bold; the picture shows `#` and `b` for these.
#[test]
fn a_terminal_without_colours() {
    let mut lab = Lab::busy(SIZES[0]).with_past();
    lab.state.manner = manner(&Options::default(), Depth::None, false).unwrap();
    lab.press(r#": "servers" enter space p r"#);
    let mut buffer = Buffer::empty(lab.state.screen());
    let cursor = draw::draw(&lab.state, &mut buffer);
    let mut terminal = vt100::Parser::new(SIZES[0].1, SIZES[0].0, 0);
    terminal.process(Painter::new(Depth::None).paint(&buffer, cursor));
    let (mut looks, mut coloured) = (String::new(), 0);
    for y in 0..SIZES[0].1 {
        for x in 0..SIZES[0].0 {
            let cell = terminal.screen().cell(y, x).unwrap();
            coloured += usize::from(cell.fgcolor() != vt100::Color::Default);
            coloured += usize::from(cell.bgcolor() != vt100::Color::Default);
            looks.push(match (cell.inverse(), cell.bold()) {
                (true, _) => '#',
                (_, true) => 'b',
                _ => ' ',
            });
        }
        looks.push('\n');
    }
    assert_eq!(coloured, 0);
    check_text("no_colour", &lab, &looks);
}

/// Names are the operator's own, in their letters.
fn is_kana(c: char) -> bool {
    ('\u{3000}'..'\u{a000}').contains(&c)
}
